"""Machine noise: how far a trial moves when nothing but last bits differ.

A trial of machine noise repeats another one with the weights moved in their last bits, or with
another number of threads. Both are fields of its configuration, since identity, packs, checkpoints
and `show` then know of them as of any other value.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from lps_sweep.config import NOISE, field_table, resolved_values
from lps_sweep.results.confirmed import (
    digest_if_there,
    done_trials,
    name_beside,
    without_places,
)
from lps_sweep.results.ledger import Ledger
from lps_sweep.results.records import Json, TrialRow

if TYPE_CHECKING:
    from pandas import DataFrame

    from lps_sweep.results.statistics import Pooled
    from lps_sweep.results.view import SweepView

FIELDS = tuple(name for name, info in field_table("lps").items() if info.param.beside == NOISE)
"""The values of a configuration that make machine noise."""


def noise_name(sweep: str) -> str:
    """What the sweep of machine noise of `sweep` is called."""
    return name_beside(sweep, NOISE)


def noise_digest(ledger: Ledger, sweep: str) -> str:
    """Changes when the sweep of machine noise of `sweep` does; empty where there is none."""
    return digest_if_there(ledger, noise_name(sweep))


def is_noise(view: SweepView) -> bool:
    """Whether `view` is a sweep of machine noise."""
    return any(name in config for config in view.configs.values() for name in FIELDS)


def default_trials(view: SweepView) -> DataFrame:
    """The trials of the default configuration, one for each seed; none where it is not planned."""
    ids = view.trials["trial_id"].tolist()
    return view.trials.loc[[_same(view.configs[trial], view.record.settings) for trial in ids]]


def noise_trials(view: SweepView) -> list[TrialRow]:
    """The done trials of the sweep of machine noise of `view`, and those that they repeat."""
    rows = done_trials(view, noise_name(view.record.name))
    return [row for row in rows if _same(_plain(row.config), view.record.settings)]


def spread(trials: list[TrialRow], field: str, metric: str) -> Pooled | None:
    """The spread of `metric` within seeds, over `noise_trials` that differ in `field` alone.

    The trial that they repeat is one of them. None where no seed has two values.
    """
    from lps_sweep.results.statistics import pooled

    others = [name for name in FIELDS if name != field]
    groups: dict[int, list[float]] = {}
    for trial in trials:
        value = trial.metrics.get(metric)
        if value is not None and not any(trial.config.get(name) for name in others):
            groups.setdefault(trial.seed, []).append(value)
    return pooled(groups.values())


def _plain(config: Mapping[str, Json]) -> dict[str, Json]:
    return {name: value for name, value in config.items() if name not in FIELDS}


def _same(config: Mapping[str, Json], other: Mapping[str, Json]) -> bool:
    """Whether two flat configurations are one setting, however it is spelled."""
    one, two = without_places(config), without_places(other)
    return one == two or without_places(resolved_values(one)) == two
