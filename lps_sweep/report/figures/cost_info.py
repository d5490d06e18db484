"""The trials of a sweep by configuration and seed: states, attempts, device-seconds, errors."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lps_sweep.report.cells import STATUS_WORDS, plain

if TYPE_CHECKING:
    from lps_sweep.results.view import SweepView

MOST_ROWS = 60
"""Configurations of the matrix: those that lack most come first."""
FAILED = ("failed", "diverged")
ENDED = ("done", "stopped", *FAILED)


@dataclass(frozen=True)
class CostInfo:
    """The trials of a sweep by configuration and seed.

    Attributes:
        seeds: The planned seeds.
        points: The planned configurations, in the order of the plan.
        states: By index of the point and seed, the state of the trial.
        trials: Likewise, its id.
        attempts: Attempts by state.
        seconds: Device-seconds of all attempts by state.
        errors: Trial id and whole error of each failed or diverged trial.
    """

    seeds: tuple[int, ...]
    points: tuple[dict[str, Any], ...]
    states: dict[tuple[int, int], str]
    trials: dict[tuple[int, int], str]
    attempts: dict[str, int]
    seconds: dict[str, float]
    errors: tuple[tuple[str, str], ...]

    def count(self, *states: str) -> int:
        """Trials in any of `states`."""
        return sum(1 for state in self.states.values() if state in states)


def cost_info(view: SweepView) -> CostInfo:
    """The trials of `view`, column by column."""
    names = list(view.record.axes)
    frame = view.trials
    columns = [frame[name].tolist() for name in names]
    seeds = [int(seed) for seed in frame["seed"].tolist()]
    states = [str(state) for state in frame["status"].tolist()]
    rows = zip(*columns, strict=True) if columns else [()] * len(frame)
    places: dict[tuple[Any, ...], int] = {}
    keys = [places.setdefault(tuple(map(_key, row)), len(places)) for row in rows]
    points: list[dict[str, Any]] = [{} for _ in places]
    for i, place in enumerate(keys):
        points[place] = {n: plain(c[i]) for n, c in zip(names, columns, strict=True) if _has(c[i])}
    errors = zip(frame["trial_id"].tolist(), states, frame["error"].tolist(), strict=True)
    numbers = [[_number(v) for v in frame[name].tolist()] for name in ("attempts", "seconds")]
    return CostInfo(
        tuple(sorted(set(seeds))),
        tuple(points),
        dict(zip(zip(keys, seeds, strict=True), states, strict=True)),
        dict(zip(zip(keys, seeds, strict=True), map(str, frame["trial_id"]), strict=True)),
        {
            s: int(sum(a for a, t in zip(numbers[0], states, strict=True) if t == s))
            for s in STATUS_WORDS
        },
        {
            s: math.fsum(a for a, t in zip(numbers[1], states, strict=True) if t == s)
            for s in STATUS_WORDS
        },
        tuple((str(t), e if isinstance(e, str) else "") for t, s, e in errors if s in FAILED),
    )


def _key(value: Any) -> Any:
    value = plain(value)
    return None if value != value else (type(value).__name__ == "bool", value)


def _has(value: Any) -> bool:
    return value is not None and bool(value == value)


def _number(value: Any) -> float:
    value = plain(value)
    return float(value) if value is not None and math.isfinite(value) else 0.0


def incomplete(info: CostInfo) -> list[int]:
    """Indices of the points that lack a seed."""
    lacks = {i for (i, _), state in info.states.items() if state != "done"}
    return sorted(lacks)


def matrix_rows(info: CostInfo) -> tuple[int, ...]:
    """Points of the matrix: those that lack most seeds first, then in the order of the plan."""
    lacking = [
        sum(info.states.get((i, s)) != "done" for s in info.seeds) for i in range(len(info.points))
    ]
    order = sorted(range(len(info.points)), key=lambda i: (-lacking[i], i))
    return tuple(sorted(order[:MOST_ROWS]))


def to_finish(info: CostInfo) -> float | None:
    """Device-seconds that the open trials will take at the mean of the done ones; None if none."""
    done = info.count("done")
    return info.seconds["done"] / done * info.count("running", "not_run") if done else None
