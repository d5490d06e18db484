"""An adaptive search as data: its configurations in the order of asking, and which are ahead."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lps_sweep.report.cells import Cell as Trials
from lps_sweep.report.cells import is_numeric, plain
from lps_sweep.report.tables import Cell, value_text

if TYPE_CHECKING:
    from lps_sweep.results.importance import Axis
    from lps_sweep.results.view import SweepView


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


@dataclass(frozen=True)
class SearchInfo:
    """A search as far as it has come.

    Attributes:
        objectives: Metrics that it maximises, without the word "oracle".
        labels: The same as the search space writes them.
        sampler: Name of the sampler.
        parameters: The searched parameters.
        num_seeds: Trials of a configuration.
        configurations: In the order of asking.
        axes: The parameters with their domains, as far as they were recorded or seen.
    """

    objectives: tuple[str, ...]
    labels: tuple[str, ...]
    sampler: str
    parameters: tuple[str, ...]
    num_seeds: int
    configurations: tuple[Configuration, ...]
    axes: tuple[Axis, ...] = ()

    def complete(self) -> tuple[Configuration, ...]:
        """Configurations whose seeds are all done."""
        return tuple(c for c in self.configurations if c.trials.num_done == self.num_seeds)

    def mean(self, configuration: Configuration, objective: int = 0) -> float:
        """The mean of an objective over the seeds of a complete configuration."""
        values = configuration.trials.numbers(self.objectives[objective])
        return math.fsum(values) / len(values)


def search_info(view: SweepView) -> SearchInfo | None:
    """The search of a sweep; None where its values were listed."""
    search = view.record.search
    if search is None:
        return None
    labels = tuple(str(label) for label in _list(search["objectives"]))
    objectives = tuple(label.removeprefix("oracle.") for label in labels)
    parameters, num_seeds = tuple(view.record.axes), len(view.record.seeds)
    found = _configurations(view, parameters, objectives, num_seeds)
    axes = tuple(_axis(name, search, [c.point[name] for c in found]) for name in parameters)
    sampler = str(search["sampler"])
    return SearchInfo(objectives, labels, sampler, parameters, num_seeds, tuple(found), axes)


def _configurations(
    view: SweepView, parameters: tuple[str, ...], objectives: tuple[str, ...], num_seeds: int
) -> list[Configuration]:
    """Groups of `num_seeds` adjoining trials; read column by column, for there may be thousands."""
    frame = view.trials
    columns = {name: frame[name].tolist() for name in parameters}
    nothing = [math.nan] * len(frame)
    metrics: dict[str, list[float]] = {
        m: frame[m].tolist() if m in frame.columns else nothing for m in objectives
    }
    states, seeds = frame["status"].tolist(), frame["seed"].tolist()
    seconds, ids = frame["seconds"].tolist(), frame["trial_id"].tolist()
    found: list[Configuration] = []
    for start in range(0, len(frame), num_seeds):
        rows = range(start, min(start + num_seeds, len(frame)))
        point = {name: plain(values[start]) for name, values in columns.items()}
        point = {name: None if value != value else value for name, value in point.items()}
        finals = {
            m: {
                int(seeds[i]): float(known[i])
                for i in rows
                if states[i] == "done" and math.isfinite(known[i])
            }
            for m, known in metrics.items()
        }
        causes = Counter(str(states[i]) for i in rows if states[i] != "done")
        cost = math.fsum(float(seconds[i] or 0.0) for i in rows)
        named = {int(seeds[i]): str(ids[i]) for i in rows}
        trials = Trials(len(rows), finals, causes, named)
        found.append(Configuration(len(found) + 1, point, trials, cost))
    return found


def _axis(name: str, search: dict[str, Any], seen: list[Any]) -> Axis:
    """The domain of a parameter; the range of the values asked for where none is recorded."""
    from lps_sweep.results.importance import Axis

    domains = {str(d["name"]): d for d in search.get("domains", []) if isinstance(d, dict)}
    domain = domains.get(name, {})
    if "low" in domain and "high" in domain:
        ends = float(domain["low"]), float(domain["high"])
        return Axis(name, "number", *ends, log=bool(domain.get("log")))
    known = [value for value in seen if value is not None]
    if "choices" not in domain and known and is_numeric(known):
        return Axis(name, "number", float(min(known)), float(max(known)))
    choices = domain.get("choices") or list(dict.fromkeys(known))
    return Axis(name, "choice", choices=tuple(_hashable(choice) for choice in choices))


def _hashable(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


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
    point = ", ".join(
        f"{n} = {value_text(short_cell(v))}" for n, v in best.point.items() if v is not None
    )
    return (
        f"Of {len(complete)} configurations number {best.number} ({point}) has the highest mean "
        f"{info.labels[0]}, {info.mean(best):.1f}. It was selected for this very number, which is "
        "therefore too high: confirm it on fresh seeds."
    )


def short_cell(value: Any) -> Cell:
    """A value of a parameter to four digits, for tables and titles."""
    if isinstance(value, float):
        return float(f"{value:.4g}")
    return value if isinstance(value, str | int | bool) else str(value)


def _list(value: Any) -> list[Any]:
    assert isinstance(value, list)
    return value
