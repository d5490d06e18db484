"""A sweep as Optuna studies in a SQLite file, which optuna-dashboard opens."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import FrozenTrial, TrialState, create_trial

from lps_sweep.files import atomic_write, make_folder
from lps_sweep.results import Json, SweepView
from lps_sweep.tracking.history import TrialHistory, trial_histories

if TYPE_CHECKING:
    import pandas as pd

OBJECTIVE = "oracle.acc_all"
"""What is maximised in the study of a sweep that was no search."""


def export_study(view: SweepView, path: Path) -> list[str]:
    """Writes `view` into the SQLite file `path`, replacing it; the names of the studies.

    A trial of a study is a configuration; its values are means over the seeds, which stand in its
    user attributes one by one. It is complete when all seeds are done, failed when one failed or
    diverged, and pruned when one was stopped. A search that is combined with listed values gives a
    study for each combination of these.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    make_folder(path.parent)
    with tempfile.TemporaryDirectory() as folder:
        draft = Path(folder) / "study.db"
        storage = optuna.storages.RDBStorage(f"sqlite:///{draft}")
        names = [_write(storage, *study) for study in _studies(view)]
        storage.engine.dispose()
        atomic_write(path, draft.read_bytes())
    return names


def _studies(view: SweepView) -> Iterator[tuple[str, list[str], list[FrozenTrial]]]:
    """Name, objectives and trials of each study."""
    search = view.record.search or {}
    objectives = [str(o) for o in _list(search.get("objectives", [OBJECTIVE]))]
    domains = [d for d in _list(search.get("domains", [])) if isinstance(d, dict)]
    searched = [str(d["name"]) for d in domains] or list(view.record.axes)
    distributions = {str(d["name"]): _searched(d) for d in domains} or {
        name: _listed(levels) for name, levels in view.record.axes.items()
    }
    others = [name for name in view.record.axes if name not in searched]
    histories = {trial.trial_id: trial for trial in trial_histories(view)}
    for cell, rows in _grouped(view.trials, others):
        trials = [
            _trial(point, seeds, distributions, objectives, histories)
            for point, seeds in _grouped(rows, searched)
        ]
        where = [f"{name}={value}" for name, value in zip(others, cell, strict=True)]
        yield " ".join([view.record.name, *where]), objectives, trials


def _grouped(frame: pd.DataFrame, names: Sequence[str]) -> Iterator[tuple[Any, pd.DataFrame]]:
    """The rows of each combination of values, in the order of the plan."""
    if not names:
        yield (), frame
        return
    keys = [tuple(row) for row in frame[list(names)].astype(object).to_numpy()]
    places: dict[tuple[str, ...], list[int]] = {}
    for place, key in enumerate(keys):
        places.setdefault(tuple(map(str, key)), []).append(place)
    for found in places.values():
        yield keys[found[0]], frame.iloc[found]


def _trial(
    point: Sequence[Any],
    rows: pd.DataFrame,
    distributions: Mapping[str, BaseDistribution],
    objectives: Sequence[str],
    histories: Mapping[str, TrialHistory],
) -> FrozenTrial:
    seeds = [histories[t] for t in rows["trial_id"] if t in histories]
    used = {
        name: _plain(value)
        for name, value in zip(distributions, point, strict=True)
        if _is_there(value)
    }
    state = state_of(list(rows["status"]))
    finals = [trial.final for trial in seeds]
    attributes = {
        f"{trial.name.rpartition(' ')[2]} {name}": value
        for trial in seeds
        for name, value in trial.final.items()
        if name in objectives
    }
    means = {n: fmean(f[n] for f in finals) for n in _common(finals)} if state.is_finished() else {}
    return create_trial(
        state=state,
        params=used,
        distributions={name: distributions[name] for name in used},
        values=[means[o] for o in objectives] if state is TrialState.COMPLETE else None,
        intermediate_values=_curve(seeds, len(rows), objectives),
        user_attrs={
            "trials": ", ".join(rows["trial_id"]),
            "seconds": float(rows["seconds"].sum()),
            **attributes,
            **{f"mean {name}": value for name, value in means.items()},
        },
    )


def state_of(statuses: Sequence[str]) -> TrialState:
    """The state of a configuration whose seeds have `statuses`."""
    present = set(statuses)
    if present & {"failed", "diverged"}:
        return TrialState.FAIL
    if present <= {"done"}:
        return TrialState.COMPLETE
    if present <= {"done", "stopped"}:
        return TrialState.PRUNED
    return TrialState.WAITING if present == {"not_run"} else TrialState.RUNNING


def _curve(
    seeds: Sequence[TrialHistory], num_seeds: int, objectives: Sequence[str]
) -> dict[int, float]:
    """The objective's mean after each epoch that all seeds have; none with several objectives."""
    if len(objectives) != 1 or len(seeds) < num_seeds:
        return {}
    curves = [
        {epoch: m[objectives[0]] for epoch, m in trial.epochs.items() if objectives[0] in m}
        for trial in seeds
    ]
    return {e: fmean(curve[e] for curve in curves) for e in sorted(_common(curves))}


def _common(mappings: Sequence[Mapping[Any, Any]]) -> list[Any]:
    """Keys that all of `mappings` have."""
    if not mappings:
        return []
    return [key for key in mappings[0] if all(key in other for other in mappings)]


def _searched(domain: Mapping[str, Json]) -> BaseDistribution:
    if domain["kind"] == "choice":
        return CategoricalDistribution([_plain(v) for v in _list(domain["choices"])])
    low, high, log = domain["low"], domain["high"], bool(domain["log"])
    assert isinstance(low, int | float)
    assert isinstance(high, int | float)
    if domain["kind"] == "int":
        return IntDistribution(int(low), int(high), log=log)
    return FloatDistribution(low, high, log=log)


def _listed(levels: Sequence[Json]) -> BaseDistribution:
    """Numbers as a range, all else as choices."""
    numbers = [v for v in levels if isinstance(v, int | float) and not isinstance(v, bool)]
    if len(numbers) == len(levels) and numbers:
        return FloatDistribution(min(numbers), max(numbers))
    return CategoricalDistribution([_plain(v) for v in levels if v is not None])


def _plain(value: Any) -> Any:
    """`value` as Optuna takes it: a list as text."""
    return str(list(value)) if isinstance(value, list | tuple) else value


def _is_there(value: Any) -> bool:
    return value is not None and value == value  # NaN stands for a value that is left out


def _list(value: Json) -> list[Json]:
    assert isinstance(value, list)
    return value


def _write(
    storage: optuna.storages.RDBStorage,
    name: str,
    objectives: Sequence[str],
    trials: Sequence[FrozenTrial],
) -> str:
    study = optuna.create_study(
        storage=storage, study_name=name, directions=["maximize"] * len(objectives)
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        study.set_metric_names(list(objectives))
    study.add_trials(trials)
    return name
