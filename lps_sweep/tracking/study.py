"""A sweep as Optuna studies in a SQLite file, which optuna-dashboard opens."""

from __future__ import annotations

import math
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import FrozenTrial, TrialState, create_trial

from lps_sweep.results import Json
from lps_sweep.results.outputs import Output
from lps_sweep.tracking.history import SweepHistory, TrialHistory

OBJECTIVE = "oracle.acc_all"
"""What is maximised in the study of a sweep that was no search."""


def export_study(sweep: SweepHistory, path: Path) -> list[str]:
    """Writes `sweep` into the SQLite file `path`, replacing an earlier one of the same sweep.

    A trial of a study is a configuration; its values are means over the seeds, which stand in its
    user attributes one by one. It is complete when all seeds are done, failed when one failed or
    diverged, and pruned when one was stopped. A search that is combined with listed values gives a
    study for each combination of these.

    Returns:
        The names of the studies.

    Raises:
        BadInputError: Something else is at `path`, or it was changed since.
        StorageError: It cannot be written.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    output = Output(path.parent, "optuna", sweep.folder, sweep.record.name)
    output.check(path.name)
    with tempfile.TemporaryDirectory() as folder:
        draft = Path(folder) / "study.db"
        storage = optuna.storages.RDBStorage(f"sqlite:///{draft}")
        names = [_write(storage, *study) for study in _studies(sweep)]
        storage.engine.dispose()
        output.write({path.name: draft.read_bytes()})
    return names


def _studies(sweep: SweepHistory) -> Iterator[tuple[str, list[str], list[FrozenTrial]]]:
    """Name, objectives and trials of each study."""
    record, search = sweep.record, sweep.record.search or {}
    objectives = [str(o) for o in _list(search.get("objectives", [OBJECTIVE]))]
    domains = [d for d in _list(search.get("domains", [])) if isinstance(d, dict)]
    distributions = {str(d["name"]): _searched(d) for d in domains} or {
        name: _listed(levels) for name, levels in record.axes.items()
    }
    others = [name for name in record.axes if name not in distributions]
    for cell in _grouped(sweep.trials, others):
        where = [f"{name}={cell[0].swept[name]}" for name in others]
        points = _grouped(cell, list(distributions))
        trials = [_trial(seeds, distributions, objectives) for seeds in points]
        yield " ".join([record.name, *where]), objectives, trials


def _grouped(trials: Sequence[TrialHistory], names: Sequence[str]) -> list[list[TrialHistory]]:
    """The trials of each combination of values, in the order of the plan."""
    groups: dict[str, list[TrialHistory]] = {}
    for trial in trials:
        groups.setdefault(str([trial.swept[name] for name in names]), []).append(trial)
    return list(groups.values())


def _trial(
    seeds: Sequence[TrialHistory],
    distributions: Mapping[str, BaseDistribution],
    objectives: Sequence[str],
) -> FrozenTrial:
    """The configuration that is trained with `seeds`."""
    swept = seeds[0].swept
    used = {name: _plain(swept[name]) for name in distributions if swept[name] is not None}
    state = state_of([trial.status for trial in seeds])
    finals = [trial.final for trial in seeds]
    means = {n: fmean(f[n] for f in finals) for n in _common(finals)} if state.is_finished() else {}
    return create_trial(
        state=state,
        params=used,
        distributions={name: distributions[name] for name in used},
        values=[means[o] for o in objectives] if state is TrialState.COMPLETE else None,
        intermediate_values=_curve(seeds, objectives),
        user_attrs={
            "trials": ", ".join(trial.trial_id for trial in seeds),
            "seconds": math.fsum(trial.seconds for trial in seeds),
            **{
                f"seed={trial.seed} {name}": value
                for trial in seeds
                for name, value in trial.final.items()
                if name in objectives
            },
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


def _curve(seeds: Sequence[TrialHistory], objectives: Sequence[str]) -> dict[int, float]:
    """The objective's mean after each epoch that all seeds have; none with several objectives."""
    if len(objectives) != 1:
        return {}
    curves = [
        {epoch: m[objectives[0]] for epoch, m in trial.epochs.items() if objectives[0] in m}
        for trial in seeds
    ]
    return {e: fmean(curve[e] for curve in curves) for e in sorted(_common(curves))}


def _common(mappings: Sequence[Mapping[Any, Any]]) -> list[Any]:
    """Keys that all of `mappings` have."""
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
    return str(value) if isinstance(value, list) else value


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
