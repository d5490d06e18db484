"""Two sweeps side by side: settings, and the configurations that both have."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lps_sweep.errors import BadInputError, nearest
from lps_sweep.results.ledger import Ledger
from lps_sweep.results.records import Json, SweepRecord, TrialRow
from lps_sweep.results.statistics import (
    Comparison,
    Description,
    Interval,
    compare,
    describe,
    welch_interval,
)

IMAGES = frozenset(
    {
        *("dataset", "image_size", "seen_classes", "novel_classes", "labeled_ratio"),
        *("labeled_holdout", "split_seed"),
    }
)
"""Settings that change which images there are: where they differ, a seed pairs nothing."""


@dataclass(frozen=True)
class MetricDifference:
    """A final metric of one configuration in both sweeps.

    Attributes:
        first: Over the finished trials of the first sweep; None if there are none.
        second: Over those of the second.
        paired: Second minus first, over the seeds that both have; None if there are none, and where
            the two sweeps have other images.
        apart: Where they have, second minus first of the means; None otherwise.
        welch: Its 95 % interval by Welch; None likewise, and below three seeds of either.
    """

    first: Description | None
    second: Description | None
    paired: Comparison | None
    apart: float | None = None
    welch: Interval | None = None


@dataclass(frozen=True)
class Shared:
    """A configuration that both sweeps have.

    Attributes:
        values: Its value of each parameter that either sweep varies.
        metrics: The differences, by metric.
        identical: Seeds at which both sweeps have one and the same trial, by its identity.
    """

    values: dict[str, Json]
    metrics: dict[str, MetricDifference]
    identical: int


@dataclass(frozen=True)
class SweepDifferences:
    """What differs between two sweeps.

    Attributes:
        first: The first sweep, as last planned.
        second: The second one.
        settings: What neither varies and is not the same, with the value of each.
        shared: The configurations that both have, in the order of the first.
        only_first: Configurations that the second sweep has not.
        only_second: Configurations that the first sweep has not.
    """

    first: SweepRecord
    second: SweepRecord
    settings: dict[str, tuple[Json, Json]]
    shared: list[Shared]
    only_first: list[dict[str, Json]]
    only_second: list[dict[str, Json]]

    @property
    def unpaired(self) -> tuple[str, ...]:
        """Of `settings`, those that change the images, so that no seed is paired."""
        return tuple(name for name in self.settings if name in IMAGES)


def sweep_differences(
    first: tuple[Path, str], second: tuple[Path, str], metrics: Sequence[str] = ()
) -> SweepDifferences:
    """Compares two sweeps, each named by its results folder and its name.

    Two configurations are the same if they agree in every parameter that one of the sweeps varies;
    what only one sweep varies has, in the other, the value of its configuration.

    Args:
        first: The one that the other is compared with.
        second: The one whose differences to the first are asked for.
        metrics: Names of final metrics; by default all that a finished trial of either has.

    Raises:
        BadInputError: There is no such sweep, or no trial has such a metric.
        StorageError: A ledger cannot be read.
    """
    (record_a, rows_a), (record_b, rows_b) = _read(*first), _read(*second)
    names = list(dict.fromkeys((*record_a.axes, *record_b.axes)))
    metrics = _metrics((*rows_a, *rows_b), metrics)
    cells_a, cells_b = _cells(rows_a, names), _cells(rows_b, names)
    settings = _settings(record_a.settings, record_b.settings, names)
    paired = IMAGES.isdisjoint(settings)
    return SweepDifferences(
        first=record_a,
        second=record_b,
        settings=settings,
        shared=[
            _shared(_values(rows[0], names), rows, cells_b[key], metrics, paired=paired)
            for key, rows in cells_a.items()
            if key in cells_b
        ],
        only_first=[_values(rows[0], names) for key, rows in cells_a.items() if key not in cells_b],
        only_second=[
            _values(rows[0], names) for key, rows in cells_b.items() if key not in cells_a
        ],
    )


def _read(results: Path, sweep: str) -> tuple[SweepRecord, list[TrialRow]]:
    with Ledger.open(results) as ledger, ledger.snapshot():
        return ledger.record(sweep), ledger.trial_rows(sweep, driver_alive=False)


def _metrics(rows: Iterable[TrialRow], asked: Sequence[str]) -> list[str]:
    known = sorted({name for row in rows for name in row.metrics})
    for name in asked:
        if name not in known:
            hint = nearest(name, known) if known else "no trial of either is done"
            raise BadInputError(f"no trial has a metric {name!r}; {hint}", "--metric")
    return list(dict.fromkeys(asked)) or known


def _values(row: TrialRow, names: Iterable[str]) -> dict[str, Json]:
    return {name: row.swept.get(name, row.config.get(name)) for name in names}


def _cells(rows: Iterable[TrialRow], names: Sequence[str]) -> dict[Hashable, list[TrialRow]]:
    cells: dict[Hashable, list[TrialRow]] = {}
    for row in rows:
        key = tuple(_hashable(value) for value in _values(row, names).values())
        cells.setdefault(key, []).append(row)
    return cells


def _hashable(value: Json) -> Hashable:
    """A value that equals those that are the same setting: 10 is 10.0, and 1 is not true."""
    if isinstance(value, list):
        return tuple(map(_hashable, value))
    return (value,) if isinstance(value, bool) else value  # type: ignore[return-value]


def _settings(
    first: Mapping[str, Json], second: Mapping[str, Json], varied: Iterable[str]
) -> dict[str, tuple[Json, Json]]:
    names = dict.fromkeys((*first, *second))
    pairs = {name: (first.get(name), second.get(name)) for name in names if name not in varied}
    return {name: (a, b) for name, (a, b) in pairs.items() if _hashable(a) != _hashable(b)}


def _shared(
    values: dict[str, Json],
    first: Sequence[TrialRow],
    second: Sequence[TrialRow],
    metrics: Iterable[str],
    *,
    paired: bool,
) -> Shared:
    ids = {row.trial_id for row in first}
    return Shared(
        values=values,
        metrics={name: _difference(first, second, name, paired=paired) for name in metrics},
        identical=sum(row.trial_id in ids for row in second),
    )


def _difference(
    first: Sequence[TrialRow], second: Sequence[TrialRow], metric: str, *, paired: bool
) -> MetricDifference:
    a, b = _by_seed(first, metric), _by_seed(second, metric)
    old = describe(list(a.values())) if a else None
    new = describe(list(b.values())) if b else None
    if paired or old is None or new is None:
        return MetricDifference(old, new, compare(b, a) if paired else None)
    welch = welch_interval(list(b.values()), list(a.values()))
    return MetricDifference(old, new, None, new.mean - old.mean, welch)


def _by_seed(rows: Iterable[TrialRow], metric: str) -> dict[int, float]:
    values = {row.seed: row.metrics.get(metric) for row in rows}
    return {seed: value for seed, value in values.items() if value is not None}
