"""Finished trials whose kept arrays stand for their configuration, and what the arrays mean."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lps_sweep.report.cells import held_point, select
from lps_sweep.report.levels import ARM
from lps_sweep.report.numbers import value_text
from lps_sweep.report.reference import num_seen

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lps_sweep.results import Json
    from lps_sweep.results.view import SweepView

MOST_GROUPS = 8
"""Configurations whose arrays are shown at the most."""
CLUSTERING = frozenset({"simclr_kmeans"})
"""Methods whose predicted ids are clusters, none of which belongs to a class by itself."""


@dataclass(frozen=True)
class Kept:
    """A done trial and what it left.

    Attributes:
        label: Of its configuration: the name of the arm, or ``default cell``.
        trial_id: Its identity.
        seed: Its seed.
        config: Its resolved configuration.
        arrays: As `train` keeps them: targets, predictions, pi_hat, features and indices.
    """

    label: str
    trial_id: str
    seed: int
    config: Mapping[str, Json]
    arrays: Mapping[str, NDArray[Any]]

    @property
    def num_seen(self) -> int:
        """Number of seen classes, whose ids come first."""
        return num_seen(self.config, 1 + int(self.arrays["targets"].max(initial=-1)))


def chosen_trials(view: SweepView, *, seeds: int = 1) -> list[tuple[str, str]]:
    """Label and id of the first `seeds` done trials with arrays, of each shown configuration.

    The default cell; where the sweep has arms, each of them, up to `MOST_GROUPS`.
    """
    if view.record.search:
        return []
    held, arms = held_point(view), view.record.axes.get(ARM, ())
    points = {"default cell": held}
    if len(arms) > 1:
        points = {value_text(arm): {**held, ARM: arm} for arm in arms[:MOST_GROUPS]}
    found = []
    for label, point in points.items():
        rows = select(view.trials, point)
        done = rows[rows["status"] == "done"].sort_values("seed")["trial_id"].tolist()
        kept = [str(trial) for trial in done if trial in view.artefacts]
        found += [(label, trial) for trial in kept[:seeds]]
    return found


def used_heads_of(view: SweepView, trials: Iterable[str]) -> list[int]:
    """Heads that attract predictions, of each of `trials` whose arrays can be read."""
    from lps_sweep.results.class_number import used_heads

    kept = [load_kept(view, "", trial) for trial in trials if trial in view.artefacts]
    predictions = [one.arrays["predictions"] for one in kept if one]
    return [used_heads(ids) for ids in predictions if ids.size]


def load_kept(view: SweepView, label: str, trial_id: str) -> Kept | None:
    """The arrays of a trial; None where the file is missing or damaged."""
    from lps_sweep.errors import StorageError
    from lps_sweep.results.artefacts import load_trial_arrays

    try:
        arrays = load_trial_arrays(view.folder, view.artefacts[trial_id])
    except StorageError:
        return None
    seed = int(view.trials["seed"][view.trials["trial_id"] == trial_id].iloc[0])
    return Kept(label, trial_id, seed, view.configs.get(trial_id, {}), arrays)
