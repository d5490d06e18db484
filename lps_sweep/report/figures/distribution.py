"""Class distribution: how far the estimate is from the prior, by epoch, and where it ends."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lps_sweep.report.figures.kept import CLUSTERING, Kept, chosen_trials, load_kept

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lps_sweep.results.view import SweepView

DEAD = 0.1
"""Part of the uniform share below which a class counts as dead."""
MOST_FRAMES = 25
"""Epochs that the slider offers at the most."""
MOST_SEEDS = 10
MOST_BARS = 200


@dataclass(frozen=True)
class Shares:
    """The class distribution of one trial.

    Attributes:
        label: Of its configuration.
        seed: Of the trial.
        estimate: Whether it is the estimate pi_hat (a mean over the steps of the epoch); else the
            shares of the final predictions, for methods that keep no estimate.
        num_seen: Number of seen classes, whose ids come first; None where ids are clusters.
        epochs: The epochs of `shares`, counted from 1.
        shares: By epoch, the share of each class; each sums to one.
    """

    label: str
    seed: int
    estimate: bool
    num_seen: int | None
    epochs: tuple[int, ...]
    shares: tuple[tuple[float, ...], ...]

    @property
    def final(self) -> tuple[float, ...]:
        """The shares of the last epoch."""
        return self.shares[-1]

    @property
    def order(self) -> tuple[int, ...]:
        """Class ids from the largest final share to the smallest; ties by id."""
        return tuple(sorted(range(len(self.final)), key=lambda k: (-self.final[k], k)))

    @property
    def dead(self) -> int:
        """Classes below `DEAD` of the uniform share at the end."""
        return sum(1 for share in self.final if share < DEAD / len(self.final))

    @property
    def entropy(self) -> float:
        """Of the final shares, in nats; log of their number where all are equal."""
        return -math.fsum(share * math.log(share) for share in self.final if share > 0)

    @property
    def seen_share(self) -> float | None:
        """Sum of the seen classes' final shares; None for clusters."""
        return None if self.num_seen is None else math.fsum(self.final[: self.num_seen])


def shares_of(kept: Kept) -> Shares | None:
    """The distribution that a trial left; None where it left none."""
    import numpy as np

    estimate = kept.arrays.get("pi_hat")
    clusters = kept.config.get("method") in CLUSTERING
    num_seen = None if clusters else kept.num_seen
    if (
        estimate is not None
        and estimate.ndim == 2
        and estimate.size
        and np.isfinite(estimate).all()
    ):
        total = estimate.shape[0]
        step = -(-total // MOST_FRAMES)
        epochs = tuple(range((total - 1) % step, total, step))
        rows = tuple(_normal(estimate[epoch]) for epoch in epochs)
        return Shares(kept.label, kept.seed, True, num_seen, tuple(e + 1 for e in epochs), rows)
    predictions = kept.arrays.get("predictions")
    if predictions is None or not predictions.size:
        return None
    classes = 1 + int(max(predictions.max(), kept.arrays["targets"].max(initial=0)))
    counts = np.bincount(predictions, minlength=classes)
    return Shares(kept.label, kept.seed, False, num_seen, (0,), (_normal(counts),))


def _normal(row: NDArray[Any]) -> tuple[float, ...]:
    total = float(row.sum())
    values = [float(v) for v in row.tolist()]
    return tuple(v / total for v in values) if total > 0 else tuple(values)


def distribution_info(view: SweepView) -> tuple[tuple[Shares, ...], int]:
    """The distributions of the shown trials, group by group, and how many could not be read."""
    found: list[Shares] = []
    lost = 0
    for label, trials in chosen_trials(view, seeds=MOST_SEEDS):
        for trial in trials:
            kept = load_kept(view, label, trial)
            shares = None if kept is None else shares_of(kept)
            lost += kept is None
            found += [] if shares is None else [shares]
    return tuple(found), lost


def first_of_each(shares: Sequence[Shares]) -> tuple[Shares, ...]:
    """The first seed of each configuration."""
    by_label: Mapping[str, Shares] = {s.label: s for s in reversed(shares)}
    return tuple(s for s in shares if by_label[s.label] is s)
