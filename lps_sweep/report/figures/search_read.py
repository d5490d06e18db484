"""The searches of a sweep: one, or one for each cell of the values that are listed beside it."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lps_sweep.report.cells import Cell as Trials
from lps_sweep.report.cells import is_numeric, plain
from lps_sweep.report.figures.search_info import Configuration, SearchInfo, selected

if TYPE_CHECKING:
    from lps_sweep.results.importance import Axis
    from lps_sweep.results.view import SweepView


def searches(view: SweepView) -> list[SearchInfo]:
    """The searches in the order of the plan; one as long as nothing is asked for.

    None where all values of the sweep are listed.
    """
    from lps_sweep.results.confirmed import fresh_trials, values_at

    search = view.record.search
    if search is None:
        return []
    confirmation = fresh_trials(view)
    labels = tuple(str(label) for label in _list(search["objectives"]))
    objectives = tuple(label.removeprefix("oracle.") for label in labels)
    parameters = _searched(search, tuple(view.record.axes))
    listed = tuple(name for name in view.record.axes if name not in parameters)
    cells = _cells(view, parameters, listed, objectives) or [({}, [])]
    found = []
    for cell, configurations in cells:
        axes = tuple(
            _axis(name, search, [c.point[name] for c in configurations]) for name in parameters
        )
        info = SearchInfo(
            objectives=objectives,
            labels=labels,
            sampler=str(search["sampler"]),
            parameters=parameters,
            num_seeds=len(view.record.seeds),
            configurations=tuple(configurations),
            axes=axes,
            cell=cell,
            settings=_config(view, configurations[0]) if cell else view.record.settings,
            alone=len(cells) == 1,
        )
        best = selected(info)
        fresh = values_at(confirmation, _config(view, best), objectives[0]) if best else {}
        found.append(replace(info, confirmed=fresh))
    return found


def _searched(search: dict[str, Any], axes: tuple[str, ...]) -> tuple[str, ...]:
    """The searched ones of the axes; all of them where an old sweep recorded no domains."""
    domains = [str(d["name"]) for d in search.get("domains", []) if isinstance(d, dict)]
    return tuple(name for name in axes if name in domains) or axes


def _cells(
    view: SweepView,
    parameters: tuple[str, ...],
    listed: tuple[str, ...],
    objectives: tuple[str, ...],
) -> list[tuple[dict[str, Any], list[Configuration]]]:
    """The configurations of each cell, in the order of asking.

    They are groups of adjoining trials; read column by column, for there may be thousands.
    """
    frame, num_seeds = view.trials, len(view.record.seeds)
    columns = {name: frame[name].tolist() for name in (*listed, *parameters)}
    reader = _Reader(view, objectives)
    found: dict[str, tuple[dict[str, Any], list[Configuration]]] = {}
    for start in range(0, len(frame), num_seeds):
        values = {name: plain(column[start]) for name, column in columns.items()}
        cell = {name: values[name] for name in listed}
        point = {n: None if values[n] != values[n] else values[n] for n in parameters}
        _, own = found.setdefault(str(cell), (cell, []))
        rows = range(start, min(start + num_seeds, len(frame)))
        own.append(reader.configuration(len(own) + 1, point, rows))
    return list(found.values())


class _Reader:
    """Reads configurations from the rows of the trials."""

    def __init__(self, view: SweepView, objectives: tuple[str, ...]) -> None:
        frame = view.trials
        nothing = [math.nan] * len(frame)
        self._metrics: dict[str, list[float]] = {
            m: frame[m].tolist() if m in frame.columns else nothing for m in objectives
        }
        self._states, self._seeds = frame["status"].tolist(), frame["seed"].tolist()
        self._seconds, self._ids = frame["seconds"].tolist(), frame["trial_id"].tolist()

    def configuration(self, number: int, point: dict[str, Any], rows: range) -> Configuration:
        """The configuration at `point`, whose trials are in `rows`."""
        finals = {
            m: {
                int(self._seeds[i]): float(known[i])
                for i in rows
                if self._states[i] == "done" and math.isfinite(known[i])
            }
            for m, known in self._metrics.items()
        }
        causes = Counter(str(self._states[i]) for i in rows if self._states[i] != "done")
        cost = math.fsum(float(self._seconds[i] or 0.0) for i in rows)
        named = {int(self._seeds[i]): str(self._ids[i]) for i in rows}
        return Configuration(number, point, Trials(len(rows), finals, causes, named), cost)


def _config(view: SweepView, configuration: Configuration) -> dict[str, Any]:
    """Its flat configuration."""
    trial = next(iter(configuration.trials.trials.values()))
    return view.configs.get(trial, view.record.settings)


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


def _list(value: Any) -> list[Any]:
    assert isinstance(value, list)
    return value
