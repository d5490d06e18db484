"""From a sweep to the configurations that a rule may choose from, with their columns by seed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from lps_sweep.config import field_table
from lps_sweep.indices import COLUMNS
from lps_sweep.results.filling import Filled
from lps_sweep.results.folds import fold_scores, missing_folds
from lps_sweep.results.selection import PSEUDO_NOVEL, Candidates, losses_among

if TYPE_CHECKING:
    from lps_sweep.results.records import Json
    from lps_sweep.results.view import SweepView

_TASK = ("data", "split")
"""Sections that say what is to be learned: configurations that differ there are no rivals."""


def candidates(
    view: SweepView, trials: pd.DataFrame | None = None, *, keep: bool = False
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
    flat = [trial for row in ids for trial in row]
    table, losses = _table(view, flat)
    filled, agreements = Filled(view), []
    added: dict[str, dict[str, float]] = {}
    lacking = set(table.index[table[["silhouette", "balance"]].isna().any(axis=1)])
    for row in ids:
        added |= {trial: filled.columns(trial) for trial in row if trial in lacking}
        agreements.append(filled.agreements(row))
    if any(added.values()):
        table = table.combine_first(pd.DataFrame.from_dict(added, orient="index")).reindex(flat)
    if keep:
        filled.keep()
    scores = fold_scores(view)
    table[PSEUDO_NOVEL] = [scores.get(trial, np.nan) for trial in table.index]
    waiting = missing_folds(view, len(scores))
    shape = len(ids), len(seeds)
    return Candidates(
        trials=np.array(ids, dtype=object).reshape(shape),
        seeds=seeds,
        configs=configs,
        swept=tuple(dict(zip(axes, point, strict=True)) for point in points),
        default=next((i for i, c in enumerate(configs) if _same(c, view.record.settings)), None),
        columns={
            str(name): table[name].to_numpy(dtype=np.float64).reshape(shape)
            for name in table.columns[table.notna().any()]
        },
        agreements=np.array(agreements).reshape(*shape, len(seeds)),
        losses=losses,
        left_out=len(done) - len(points),
        missing={PSEUDO_NOVEL: waiting} if waiting else {},
    )


def _points(frame: pd.DataFrame, axes: Sequence[str]) -> list[tuple[Any, ...]]:
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


def _table(view: SweepView, trial_ids: list[str]) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """A row for each of `trial_ids`, and which of its columns are losses.

    The final metrics, those that only the last epoch's row has, and the best accuracy.
    """
    plain = {"seed", "epoch", "seconds", "status", "attempts", "error", *view.record.axes}
    epochs = view.epochs[view.epochs["trial_id"].isin(set(trial_ids))]
    last = epochs.drop_duplicates("trial_id", keep="last").set_index("trial_id")
    final = view.trials.set_index("trial_id").reindex(trial_ids)
    last, final = (frame.drop(columns=list(plain & {*frame.columns})) for frame in (last, final))
    table = final.combine_first(last).reindex(trial_ids)
    measured = {*final.columns[final.notna().any()], *COLUMNS}
    training = [str(n) for n in table.columns[table.notna().any()] if n not in measured]
    table["best_acc_all"] = epochs.groupby("trial_id")["acc_all"].max()
    table = table.reindex(columns=[*dict.fromkeys([*table.columns, *COLUMNS])])
    return table.astype("float64"), losses_among(training)
