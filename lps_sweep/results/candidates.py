"""From a sweep to the configurations that a rule may choose from, with their columns by seed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from lps_sweep.config import field_table
from lps_sweep.indices import COLUMNS, LAST_ONLY
from lps_sweep.results.filling import Filled
from lps_sweep.results.selection import Candidates, losses_among

if TYPE_CHECKING:
    from pandas import DataFrame

    from lps_sweep.results.records import Json
    from lps_sweep.results.view import SweepView

_TASK = ("data", "split")
"""Sections that say what is to be learned: configurations that differ there are no rivals."""


def candidates(
    view: SweepView, trials: DataFrame | None = None, *, keep: bool = False
) -> Candidates:
    """Those of `view`, or of some of its `trials`, filled in where columns are missing.

    With `keep`, what was computed for that is written beside the report.
    """
    frame = view.trials if trials is None else trials
    seeds = tuple(sorted(view.record.seeds))
    axes = list(view.record.axes)
    done: dict[tuple[Any, ...], dict[int, str]] = {}
    rows = zip(frame["trial_id"], frame["status"], frame["seed"], _points(frame, axes), strict=True)
    for trial, status, seed, point in rows:
        of_seed = done.setdefault(point, {})
        if status == "done":
            of_seed[int(seed)] = str(trial)
    complete = {p: t for p, t in done.items() if t.keys() >= set(seeds)}
    points = _rivals(view, {p: t[seeds[0]] for p, t in complete.items()})
    ids = [[complete[point][seed] for seed in seeds] for point in points]
    configs = tuple(view.configs[row[0]] for row in ids)
    columns, losses = _columns(view, [trial for row in ids for trial in row])
    filled, agreements = Filled(view), []
    for row in ids:
        for trial in row:
            if not {"silhouette", "balance"} <= columns[trial].keys():
                columns[trial] = {**filled.columns(trial), **columns[trial]}
        agreements.append(filled.agreements(row))
    if keep:
        filled.keep()
    names = sorted({name for trial in columns.values() for name in trial})
    shape = len(ids), len(seeds)
    return Candidates(
        trials=np.array(ids, dtype=object).reshape(shape),
        seeds=seeds,
        configs=configs,
        swept=tuple(dict(zip(axes, point, strict=True)) for point in points),
        default=next((i for i, c in enumerate(configs) if _same(c, view.record.settings)), None),
        columns={
            n: np.array([[columns[t].get(n, np.nan) for t in row] for row in ids]).reshape(shape)
            for n in names
        },
        agreements=np.array(agreements).reshape(*shape, len(seeds)),
        losses=losses,
        left_out=len(done) - len(points),
    )


def _points(frame: DataFrame, axes: Sequence[str]) -> list[tuple[Any, ...]]:
    """The values of what the sweep varies; NaN, which equals nothing, is None."""
    columns = [[None if x != x else x for x in frame[axis].tolist()] for axis in axes]
    return [tuple(values) for values in zip(*columns, strict=True)] if axes else [()] * len(frame)


def _rivals(view: SweepView, first: Mapping[tuple[Any, ...], str]) -> list[tuple[Any, ...]]:
    """The points that learn the same thing: what the default does, or else the first of them."""
    tasks = {point: _task(view.configs[trial]) for point, trial in first.items()}
    wanted = _task(view.record.settings)
    if wanted not in tasks.values():
        wanted = next(iter(tasks.values()), wanted)
    return [point for point, task in tasks.items() if task == wanted]


def _task(config: Mapping[str, Json]) -> dict[str, Json]:
    table = field_table("lps")
    names = [n for n, i in table.items() if i.section in _TASK and not i.param.location]
    return {name: config[name] for name in names if name in config}


def _same(config: Mapping[str, Json], other: Mapping[str, Json]) -> bool:
    """Equal where both have a value; a parameter of a later version is at its default."""
    return all(config[name] == other[name] for name in config.keys() & other.keys())


def _columns(
    view: SweepView, trial_ids: Sequence[str]
) -> tuple[dict[str, dict[str, float]], tuple[str, ...]]:
    """Of each trial the last epoch's row, its final metrics over it, and the best accuracy."""
    wanted = set(trial_ids)
    plain = {"trial_id", "seed", "epoch", "seconds", "status", "attempts", "error"}
    plain |= set(view.record.axes)
    epochs = view.epochs[view.epochs["trial_id"].isin(wanted)]
    found: dict[str, dict[str, float]] = {trial: {} for trial in trial_ids}
    for row in epochs.drop_duplicates("trial_id", keep="last").to_dict("records"):
        found[row["trial_id"]] |= _numbers(row, plain)
    for trial, best in epochs.groupby("trial_id")["acc_all"].max().items():
        found[str(trial)]["best_acc_all"] = float(best)
    trials = view.trials[view.trials["trial_id"].isin(wanted)]
    final: set[str] = set(COLUMNS) | LAST_ONLY | {"best_acc_all"}
    for row in trials.to_dict("records"):
        numbers = _numbers(row, plain)
        found[row["trial_id"]] |= numbers
        final |= numbers.keys()
    training = dict.fromkeys(name for one in found.values() for name in one if name not in final)
    return found, losses_among(training)


def _numbers(row: Mapping[Any, Any], plain: set[str]) -> dict[str, float]:
    return {str(n): float(v) for n, v in row.items() if n not in plain and v == v}
