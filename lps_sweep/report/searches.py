"""The searches of a sweep: their configurations in the order of asking, and which are ahead.

A sweep has one search, or one for each cell of the values that are listed beside it.
"""

from __future__ import annotations

import hashlib
import json
import math
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

from lps_sweep.report.cells import Cell as Trials
from lps_sweep.report.cells import is_numeric
from lps_sweep.report.levels import ARM
from lps_sweep.report.model import Cell, Figure
from lps_sweep.report.numbers import finite, point_text, slug, value_text
from lps_sweep.report.reference import where_text

if TYPE_CHECKING:
    from lps_sweep.results import Json
    from lps_sweep.results.importance import Axis
    from lps_sweep.results.view import SweepView

MOST_NAME = 40
"""Characters of the name of a cell; a longer one is cut and gets a hash."""
MOST_CELLS = 6
"""Searches that have sections of their own: the first of the plan."""


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

    def mean(self, metric: str) -> float:
        """The mean of a metric over the seeds, of which one at least is done."""
        values = self.trials.numbers(metric)
        return math.fsum(values) / len(values)

    @property
    def words(self) -> str:
        """``C = 5, tau = 0.2``, to four digits."""
        return point_text({name: short(v) for name, v in self.point.items() if v is not None})


@dataclass(frozen=True)
class Search:
    """A search as far as it has come.

    Attributes:
        objectives: Metrics that it maximises, without the word "oracle".
        labels: The same as the search space writes them.
        sampler: Name of the sampler.
        num_seeds: Trials of a configuration.
        configurations: In the order of asking.
        axes: The searched parameters with their domains, as far as they were recorded or seen.
        cell: What the whole search is at, of the values that the sweep lists beside it.
        settings: The flat configuration of the cell, the searched parameters among it.
        alone: Whether the sweep has no other search.
        confirmed: The first objective of the selected configuration on seeds that had no say in
            it, as far as a sweep confirmed it.
    """

    objectives: tuple[str, ...]
    labels: tuple[str, ...]
    sampler: str
    num_seeds: int
    configurations: tuple[Configuration, ...]
    axes: tuple[Axis, ...] = ()
    cell: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Json] = field(default_factory=dict)
    alone: bool = True
    confirmed: Mapping[int, float] = field(default_factory=dict)

    @property
    def parameters(self) -> tuple[str, ...]:
        """The searched parameters."""
        return tuple(axis.name for axis in self.axes)

    @property
    def where(self) -> str:
        """The setting, for notes."""
        cell = f"Search at {point_text(self.cell)}. " if self.cell else ""
        return f"{cell}{where_text(self.settings, *self.parameters)}."

    def named(self, base: str) -> str:
        """`base` as a slug of its own in each search of a sweep."""
        return base if self.alone else f"{base}_{cell_name(self.cell)}"

    def titled(self, base: str) -> str:
        """`base` as a heading of its own in each search of a sweep."""
        return base if self.alone else f"{base} at {point_text(self.cell)}"

    @cached_property
    def complete(self) -> tuple[Configuration, ...]:
        """Configurations whose seeds are all done."""
        return tuple(c for c in self.configurations if c.trials.num_done == self.num_seeds)

    def mean(self, configuration: Configuration, objective: int = 0) -> float:
        """The mean of an objective of a complete configuration."""
        return configuration.mean(self.objectives[objective])

    @cached_property
    def ranked(self) -> tuple[Configuration, ...]:
        """Complete ones from the highest mean of the first objective to the lowest."""
        return tuple(sorted(self.complete, key=lambda c: (-self.mean(c), c.number)))

    @property
    def selected(self) -> Configuration | None:
        """The complete configuration with the highest mean of the only objective."""
        return self.ranked[0] if self.ranked and len(self.objectives) == 1 else None

    @cached_property
    def front(self) -> tuple[Configuration, ...]:
        """Complete ones that no other equals or beats in both of two objectives, by the first."""
        chosen: list[Configuration] = []
        highest, last = -math.inf, None
        means = {c.number: (self.mean(c, 0), self.mean(c, 1)) for c in self.complete}
        for c in sorted(self.complete, key=lambda c: (*(-m for m in means[c.number]), c.number)):
            if means[c.number][1] > highest or means[c.number] == last:
                chosen.append(c)
                highest, last = means[c.number][1], means[c.number]
        return tuple(sorted(chosen, key=lambda c: (self.mean(c), c.number)))

    @property
    def hypervolume(self) -> float:
        """Share, in percent, of the square from (0, 0) to (100, 100) that the front dominates."""
        area, below = 0.0, 0.0
        for c in reversed(self.front):  # from the right: the second objective rises
            second = self.mean(c, 1)
            area += max(0.0, self.mean(c)) * max(0.0, second - below)
            below = max(below, second)
        return area / 100

    def some(self, top: int = 100, others: int = 900) -> tuple[Configuration, ...]:
        """The `top` complete configurations and a random draw (seed 0) of `others`, best first."""
        rest = self.ranked[top:]
        if len(rest) > others:
            drawn = set(random.Random(0).sample(range(len(rest)), others))
            rest = tuple(c for i, c in enumerate(rest) if i in drawn)
        return (*self.ranked[:top], *rest)

    def own(self, figure: Figure, drawn: tuple[int, int] = (100, 900)) -> Figure:
        """`figure` with names of its own in each search; it draws `some` as `drawn` says."""
        notes, total = figure.notes, len(self.complete)
        if total > sum(drawn):
            notes += f" Drawn are the best {drawn[0]} and {drawn[1]} others of {total}."
        slug, data = self.named(figure.slug), self.named(figure.data)
        return replace(figure, slug=slug, data=data, notes=f"{notes} {self.where}")


def told(view: SweepView) -> tuple[Search, ...]:
    """The first searches of the plan, which have sections of their own."""
    return searches(view)[:MOST_CELLS]


def with_parameters(view: SweepView) -> list[Search]:
    """Those of them that have parameters and a complete configuration."""
    return [search for search in told(view) if search.complete and search.axes]


def short(value: Any, digits: int = 4) -> Cell:
    """A value of a parameter to four digits, for tables, titles and axes."""
    if isinstance(value, float):
        return float(f"{value:.{digits}g}")
    return value if isinstance(value, str | int) or value is None else str(value)


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


@lru_cache(maxsize=1)
def searches(view: SweepView) -> tuple[Search, ...]:
    """The searches in the order of the plan; one as long as nothing is asked for.

    None where all values of the sweep are listed.
    """
    from lps_sweep.results.confirmed import fresh_trials, values_at

    search = view.record.search
    if search is None:
        return ()
    known = search.get("domains")
    domains = (
        {d["name"]: d for d in known if isinstance(d, dict)} if isinstance(known, list) else {}
    )
    labels = tuple(map(str, search["objectives"]))  # type: ignore[arg-type]
    objectives = tuple(label.removeprefix("oracle.") for label in labels)
    # An old sweep recorded no domains, and had no listed values.
    parameters = [name for name in view.record.axes if name in domains] or list(view.record.axes)
    listed = [name for name in view.record.axes if name not in parameters]
    cells = _cells(view, parameters, listed, objectives) or [({}, ())]
    confirmation, found = fresh_trials(view), []
    for cell, all_of_cell in cells:
        names = [n for n in parameters if _searched(domains.get(n, {}), cell)]
        configurations = [
            replace(c, point={name: c.point[name] for name in names}) for c in all_of_cell
        ]
        axes = (_axis(n, domains.get(n, {}), [c.point[n] for c in configurations]) for n in names)
        own = Search(
            objectives,
            labels,
            str(search["sampler"]),
            len(view.record.seeds),
            tuple(configurations),
            tuple(axes),
            cell,
            _config(view, configurations[0]) if cell else view.record.settings,
            alone=len(cells) == 1,
        )
        if own.selected:
            fresh = values_at(confirmation, _config(view, own.selected), objectives[0])
            own = replace(own, confirmed=fresh)
        found.append(own)
    return tuple(found)


def _cells(
    view: SweepView, parameters: Sequence[str], listed: Sequence[str], metrics: Sequence[str]
) -> list[tuple[dict[str, Any], Sequence[Configuration]]]:
    """The configurations of each cell, groups of adjoining trials, in the order of asking."""
    size = len(view.record.seeds)
    found: dict[str, tuple[dict[str, Any], list[Configuration]]] = {}
    names = [*parameters, *listed, *metrics, "seed", "status", "trial_id", "seconds"]
    rows = view.trials[[n for n in names if n in view.trials.columns]].to_dict("records")
    for start in range(0, len(rows), size):
        some = rows[start : start + size]
        cell = {name: some[0][name] for name in listed}
        point = {n: None if some[0][n] != some[0][n] else some[0][n] for n in parameters}
        _, own = found.setdefault(str(cell), (cell, []))
        own.append(_configuration(len(own) + 1, point, some, metrics))
    return list(found.values())


def _configuration(
    number: int, point: dict[str, Any], rows: Sequence[Mapping[Any, Any]], metrics: Sequence[str]
) -> Configuration:
    done = [row for row in rows if row["status"] == "done"]
    values = {
        m: {row["seed"]: v for row in done if (v := finite(row.get(m))) is not None}
        for m in metrics
    }
    causes = Counter(row["status"] for row in rows if row["status"] != "done")
    ids = {row["seed"]: row["trial_id"] for row in rows}
    seconds = math.fsum(finite(row["seconds"]) or 0.0 for row in rows)
    return Configuration(number, point, Trials(len(rows), values, causes, ids), seconds)


def _config(view: SweepView, configuration: Configuration) -> dict[str, Any]:
    """Its flat configuration."""
    trial = next(iter(configuration.trials.trials.values()))
    return view.configs.get(trial, view.record.settings)


def _searched(domain: Mapping[str, Any], cell: Mapping[str, Any]) -> bool:
    """Whether the search of `cell` has the parameter."""
    arms = (domain.get("when") or {}).get(ARM)
    return arms is None or cell.get(ARM) in arms


def _axis(name: str, domain: Mapping[str, Any], seen: Sequence[Any]) -> Axis:
    """The domain of a parameter; the range of the values asked for where none is recorded."""
    from lps_sweep.results.importance import Axis

    if "low" in domain and "high" in domain:
        ends = float(domain["low"]), float(domain["high"])
        return Axis(name, "number", *ends, log=bool(domain.get("log")))
    known = [value for value in seen if value is not None]
    if "choices" not in domain and known and is_numeric(known):
        return Axis(name, "number", float(min(known)), float(max(known)))
    choices = domain.get("choices") or dict.fromkeys(known)
    return Axis(
        name, "choice", choices=tuple(tuple(c) if isinstance(c, list) else c for c in choices)
    )
