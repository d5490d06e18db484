"""An adaptive search as data: its configurations in the order of asking, and which are ahead."""

from __future__ import annotations

import hashlib
import json
import math
import statistics
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lps_sweep.report.cells import Cell as Trials
from lps_sweep.report.cells import point_text
from lps_sweep.report.figures.where import where_text
from lps_sweep.report.tables import Cell, slug, value_text

if TYPE_CHECKING:
    from lps_sweep.results import Json
    from lps_sweep.results.importance import Axis

MOST_NAME = 40
"""Characters of the name of a cell; a longer one is cut and gets a hash."""


@dataclass(frozen=True)
class Configuration:
    """One configuration that was asked for.

    Attributes:
        number: Its place in the order of asking, from 1.
        point: Its values; None for a parameter that a condition leaves out.
        trials: Its trials.
        seconds: Device-seconds of all attempts at its trials.
    """

    number: int
    point: dict[str, Any]
    trials: Trials
    seconds: float = 0.0

    @property
    def words(self) -> str:
        """``C = 5, tau = 0.2``, to four digits."""
        known = {name: short_cell(v) for name, v in self.point.items() if v is not None}
        return point_text(known)


@dataclass(frozen=True)
class SearchInfo:
    """A search as far as it has come: the only one of a sweep, or that of a cell.

    Attributes:
        objectives: Metrics that it maximises, without the word "oracle".
        labels: The same as the search space writes them.
        sampler: Name of the sampler.
        parameters: The searched parameters.
        num_seeds: Trials of a configuration.
        configurations: In the order of asking.
        axes: The parameters with their domains, as far as they were recorded or seen.
        cell: What the whole search is at, of the values that the sweep lists beside it.
        settings: The flat configuration of the cell, the searched parameters among it.
        alone: Whether the sweep has no other search.
        confirmed: The first objective of the selected configuration on seeds that had no say in
            it, as far as a sweep confirmed it.
    """

    objectives: tuple[str, ...]
    labels: tuple[str, ...]
    sampler: str
    parameters: tuple[str, ...]
    num_seeds: int
    configurations: tuple[Configuration, ...]
    axes: tuple[Axis, ...] = ()
    cell: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Json] = field(default_factory=dict)
    alone: bool = True
    confirmed: Mapping[int, float] = field(default_factory=dict)

    @property
    def where(self) -> str:
        """The setting, for captions."""
        cell = f"Search at {point_text(self.cell)}. " if self.cell else ""
        return f"{cell}{where_text(self.settings, *self.parameters)}."

    def named(self, base: str) -> str:
        """`base` as a slug of its own in each search of a sweep."""
        return base if self.alone else f"{base}_{cell_name(self.cell)}"

    def complete(self) -> tuple[Configuration, ...]:
        """Configurations whose seeds are all done."""
        return tuple(c for c in self.configurations if c.trials.num_done == self.num_seeds)

    def mean(self, configuration: Configuration, objective: int = 0) -> float:
        """The mean of an objective over the seeds of a complete configuration."""
        values = configuration.trials.numbers(self.objectives[objective])
        return math.fsum(values) / len(values)


def cell_name(cell: Mapping[str, Any]) -> str:
    """A stable name for slugs, another one for each cell."""
    values = {name: value_text(value) for name, value in cell.items()}
    text = "-".join(f"{name}_{value}" for name, value in values.items())
    name = slug(text)
    plain = len(cell) == 1 or not any("-" in value for value in values.values())
    if plain and name == text and len(name) <= MOST_NAME:
        return name
    whole = json.dumps(values).encode()
    return f"{name[: MOST_NAME - 9]}_{hashlib.sha256(whole).hexdigest()[:8]}"


def by_rank(info: SearchInfo) -> tuple[Configuration, ...]:
    """Complete configurations from the highest mean of the first objective to the lowest."""
    return tuple(sorted(info.complete(), key=lambda c: (-info.mean(c), c.number)))


def some(info: SearchInfo, top: int, others: int) -> tuple[Configuration, ...]:
    """The `top` complete configurations and a random draw (seed 0) of `others`, best first."""
    import random

    ranked = by_rank(info)
    rest = ranked[top:]
    if len(rest) > others:
        drawn = set(random.Random(0).sample(range(len(rest)), others))
        rest = tuple(c for i, c in enumerate(rest) if i in drawn)
    return (*ranked[:top], *rest)


def some_text(info: SearchInfo, top: int, others: int) -> str:
    """What `some` leaves out, for a caption; empty where it leaves out nothing."""
    total = len(info.complete())
    if total <= top + others:
        return ""
    return f"Of {total} complete configurations the best {top} and {others} others are drawn. "


def best_so_far(info: SearchInfo) -> list[tuple[int, float]]:
    """Number of each complete configuration and the highest mean of the first objective by then."""
    found: list[tuple[int, float]] = []
    for configuration in info.complete():
        mean = info.mean(configuration)
        found.append((configuration.number, max(mean, found[-1][1]) if found else mean))
    return found


def front(info: SearchInfo) -> list[Configuration]:
    """Complete configurations that no other one equals or beats in both of two objectives."""
    means = [(info.mean(c, 0), info.mean(c, 1), c) for c in info.complete()]
    chosen: list[Configuration] = []
    highest, last = float("-inf"), None
    for first, second, c in sorted(means, key=lambda m: (-m[0], -m[1], m[2].number)):
        if second > highest or (first, second) == last:
            chosen.append(c)
            highest, last = second, (first, second)
    return sorted(chosen, key=lambda c: (info.mean(c, 0), c.number))


def selected(info: SearchInfo) -> Configuration | None:
    """The complete configuration with the highest mean of the only objective."""
    if len(info.objectives) > 1 or not info.complete():
        return None
    return max(info.complete(), key=info.mean)


def finding(info: SearchInfo) -> str:
    """What the search found, with what is to be said about it."""
    complete = info.complete()
    if not complete:
        return f"No configuration of the {info.sampler} search is complete yet."
    best = selected(info)
    if best is None:
        return (
            f"{len(front(info))} of {len(complete)} complete configurations are not beaten in both "
            f"{info.labels[0]} and {info.labels[1]} by another."
        )
    on_fresh_seeds = "confirm it on fresh seeds"
    if info.confirmed:
        mean = statistics.fmean(info.confirmed.values())
        on_fresh_seeds = f"on fresh seeds it has {mean:.1f} (n {len(info.confirmed)})"
    return (
        f"Of {len(complete)} configurations number {best.number} ({best.words}) has the highest "
        f"mean {info.labels[0]}, {info.mean(best):.1f}. It was selected for this very number, "
        f"which is therefore too high: {on_fresh_seeds}."
    )


def short_cell(value: Any) -> Cell:
    """A value of a parameter to four digits, for tables and titles."""
    if isinstance(value, float):
        return float(f"{value:.4g}")
    return value if isinstance(value, str | int | bool) else str(value)
