"""Experiments of Ray Tune, recorded once by ``tests/sweep/record_tune.py``, become sweeps."""

from __future__ import annotations

import json
import pickle
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lps_sweep.cli import main
from lps_sweep.config import flat
from lps_sweep.errors import BadInputError, ExitCode, StorageError
from lps_sweep.report import build_report
from lps_sweep.results import Ledger, load_view
from lps_sweep.results.artefacts import load_trial_arrays
from lps_sweep.sweep.tuned.folder import read_experiment
from lps_sweep.sweep.tuned.imports import import_experiment
from lps_sweep.sweep.tuned.trials import Base
from tests.sweep.cases import planned_ids, run, space_of
from tests.sweep.fakes import FakeExecutor
from tests.sweep.record_tune import FOLDER, PICKLED

SAME = """
name: same
preset: digits
set: {epochs: 4, pretrain_epochs: 1}
grid:
  C: [1, 10, 20]
seeds: [0, 1]
"""


def copied(folder: Path, name: str) -> Path:
    shutil.copytree(FOLDER / name, folder / name)
    return folder / name


def finished(experiment: Path) -> Path:
    """The folder of a trial that is done: it left an artefact."""
    path = next(iter(sorted(experiment.rglob("*.npz"))))
    return path.parents[2]


def end_with_an_error(experiment: Path, trial: str, error: str) -> None:
    """Lets a trial end as Ray lets it."""
    change_state(experiment, lambda own: own["relative_logdir"] == trial, status="ERROR")
    (experiment / trial / "error.txt").write_text(f"Traceback:\n{error}\n")


def change_state(
    experiment: Path, which: Callable[[dict[str, Any]], bool] = bool, **changed: Any
) -> None:
    """Gives trials of the experiment's state other values."""
    (path,) = experiment.glob("experiment_state-*.json")
    state = json.loads(path.read_text())
    known = [(json.loads(own), ran) for own, ran in state["trial_data"]]
    state["trial_data"] = [
        [json.dumps({**own, **(changed if which(own) else {})}), ran] for own, ran in known
    ]
    path.write_text(json.dumps(state))


def rows_of(results: Path) -> dict[str, list[tuple[Any, ...]]]:
    """All that the ledger holds."""
    with sqlite3.connect(results / "ledger.sqlite") as connection:
        tables = ("sweeps", "planned", "trials", "attempts", "epochs", "outcomes")
        return {t: connection.execute(f"SELECT * FROM {t}").fetchall() for t in tables}


def test_a_trial_ends_as_the_state_of_the_experiment_says(tmp_path: Path) -> None:
    name, changed, counts = import_experiment(FOLDER / "ended", tmp_path)
    assert (name, changed, counts.planned) == ("ended", 6, 6)
    lengths = [rows.read_text().count("\n") for rows in (FOLDER / "ended").rglob("result.json")]
    assert (counts.done, counts.stopped) == (lengths.count(4), 6 - lengths.count(4))
    assert min(counts.done, counts.stopped) > 0
    view = load_view(tmp_path, "ended")
    assert sorted(view.epochs.groupby("trial_id").size()) == sorted(lengths)
    assert view.record.axes == {"C": [1.0, 10.0, 20.0]}
    assert (view.record.seeds, view.record.search) == ([0, 1], None)
    assert {facts["imported"] for facts in view.provenance} == {"Ray Tune"}
    for artefact in view.artefacts.values():
        assert len(load_trial_arrays(tmp_path, artefact)["predictions"]) > 0
    assert len(view.artefacts) == counts.done
    assert main(["check", str(tmp_path)]) == ExitCode.DONE


def test_an_error_ends_its_own_seed(tmp_path: Path) -> None:
    experiment = copied(tmp_path, "killed")
    first, second = [path.name for path in sorted(experiment.iterdir()) if path.is_dir()]
    lost = "lps_sweep.sweep.ray.trainable.LostTrialError: seed 1 diverged: loss_total is nan"
    end_with_an_error(experiment, first, lost)
    end_with_an_error(experiment, second, "MemoryError: no more")
    import_experiment(experiment, tmp_path / "r")
    found = load_view(tmp_path / "r", "killed").trials
    ends = {(row.status, row.seed, str(row.error).split("\n")[-1]) for row in found.itertuples()}
    assert ends == {
        ("diverged", 1, "loss_total is nan"),
        ("not_run", 0, ""),
        ("failed", 0, "MemoryError: no more"),
        ("failed", 1, "MemoryError: no more"),
    }


def test_what_was_reported_is_what_is_recorded(tmp_path: Path) -> None:
    import_experiment(FOLDER / "ended", tmp_path)
    lines = (finished(FOLDER / "ended") / "result.json").read_text().splitlines()
    reported = [json.loads(line) for line in lines]
    with Ledger.open(tmp_path) as ledger:
        (row,) = [
            row
            for row in ledger.trial_rows("ended", False)
            if (row.swept["C"], row.seed)
            == (reported[0]["config"]["C"], reported[0]["config"]["seed"])
        ]
        epochs = ledger.epochs_of(row.trial_id)
    assert [e.metrics["acc_all"] for e in epochs] == [r["oracle.acc_all"] for r in reported]
    assert row.metrics["acc_all"] == reported[-1]["oracle.acc_all"]
    assert row.metrics["trained_weights"]


def test_a_trial_is_the_one_that_run_plans(tmp_path: Path) -> None:
    counts = import_experiment(FOLDER / "ended", tmp_path)[2]
    space, executor = space_of(tmp_path, SAME), FakeExecutor()
    assert set(load_view(tmp_path, "ended").trials["trial_id"]) == set(planned_ids(space))
    run(space, tmp_path, executor)
    assert sum(map(len, executor.packs)) == counts.stopped, "what is done is not run again"


def test_a_killed_experiment_is_planned_as_far_as_it_came(tmp_path: Path) -> None:
    _, changed, counts = import_experiment(FOLDER / "killed", tmp_path)
    assert (changed, counts.not_run, counts.planned) == (4, 4, 4)
    view = load_view(tmp_path, "killed")
    assert view.record.seeds == [0, 1]
    assert view.record.search is not None
    assert view.record.search["objectives"] == ["oracle.acc_all"]
    assert set(view.trials["seed"]) == {0, 1}
    assert len(view.epochs) >= 2
    assert all(attempt.ended for attempt in view.attempts)


@pytest.mark.parametrize("name", ["ended", "killed"])
def test_importing_again_changes_nothing(tmp_path: Path, name: str) -> None:
    import_experiment(FOLDER / name, tmp_path)
    before = rows_of(tmp_path)
    assert import_experiment(FOLDER / name, tmp_path)[1] == 0
    assert rows_of(tmp_path) == before
    assert import_experiment(FOLDER / name, tmp_path, "twin")[1] == 0, "under another name too"


def test_an_experiment_that_went_on_adds_what_is_new(tmp_path: Path) -> None:
    early, results = copied(tmp_path, "ended"), tmp_path / "r"
    path = finished(early) / "result.json"
    path.write_text(path.read_text().splitlines()[0])
    change_state(early, status="RUNNING")
    assert import_experiment(early, results)[2].not_run == 6
    _, changed, counts = import_experiment(FOLDER / "ended", results)
    assert (changed, counts.done + counts.stopped) == (6, 6)
    view = load_view(results, "ended")
    assert view.trials["attempts"].max() == 2
    assert len(view.epochs) == len(load_view(results, "ended").epochs)
    assert view.repeats.pairs == 0, "no epoch is there twice"


def test_a_trial_that_began_anew_has_the_rows_since_then(tmp_path: Path) -> None:
    experiment = copied(tmp_path, "ended")
    path = finished(experiment) / "result.json"
    first, *others = path.read_text().splitlines(keepends=True)
    path.write_text("".join([first, *others, first]))
    (trial,) = [t for t in read_experiment(experiment).trials if t.folder == path.parent]
    assert [*trial.rows] == [1]


def test_a_table_serves_where_the_lines_are_gone(tmp_path: Path) -> None:
    import_experiment(FOLDER / "ended", tmp_path / "lines")
    experiment = copied(tmp_path, "ended")
    for path in experiment.rglob("result.json"):
        path.unlink()
    import_experiment(experiment, tmp_path / "table")
    lines, table = rows_of(tmp_path / "lines"), rows_of(tmp_path / "table")
    assert (table["epochs"], table["outcomes"]) == (lines["epochs"], lines["outcomes"])


def test_a_line_that_was_cut_off_is_left_out_and_damage_is_named(tmp_path: Path) -> None:
    experiment = copied(tmp_path, "ended")
    path = finished(experiment) / "result.json"
    whole = path.read_text()
    path.write_text(whole + whole.splitlines()[-1][:50])
    assert import_experiment(experiment, tmp_path / "r")[2].done
    path.write_text(whole[:50] + "\n" + whole)
    with pytest.raises(BadInputError, match=r"result\.json:1"):
        import_experiment(experiment, tmp_path / "other")


@pytest.mark.parametrize(
    ("params", "named"),
    [
        ({"C": 1, "seed": 0, "learning": 0.1}, "learning"),
        ({"C": -1, "seed": 0}, "C must be"),
        ({"C": {"_type": "CLOUDPICKLE_FALLBACK", "value": PICKLED}, "seed": 0}, "C must be"),
        ({"C": 1, "seed": "one"}, "seeds must be"),
        ({"C": 2, "seed": 0}, "data, split or version"),
    ],
)
def test_what_cannot_be_ours_is_refused_with_its_trial(
    tmp_path: Path, params: dict[str, Any], named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    experiment, results = copied(tmp_path, "ended"), tmp_path / "r"
    place = finished(experiment)
    (place / "params.json").write_text(json.dumps(params))
    with pytest.raises(BadInputError) as refused:
        import_experiment(experiment, results)
    assert place.name in str(refused.value)
    assert named in str(refused.value)
    assert main(["import", str(experiment), "--results", str(results)]) == ExitCode.BAD_INPUT
    assert place.name in capsys.readouterr().err
    assert not results.exists()


def test_rows_of_another_trainable_are_refused(tmp_path: Path) -> None:
    experiment = copied(tmp_path, "ended")
    for path in experiment.rglob("result.json"):
        path.write_text(json.dumps({"training_iteration": 1, "loss": 0.5}) + "\n")
    with pytest.raises(BadInputError, match=r"lps_sweep\.tune\.trainable"):
        import_experiment(experiment, tmp_path / "r")
    with pytest.raises(BadInputError, match="no experiment"):
        read_experiment(tmp_path / "nothing")


class _Writes:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


def test_nothing_is_unpickled(tmp_path: Path) -> None:
    mark, experiment = tmp_path / "mark", copied(tmp_path, "ended")
    hostile = pickle.dumps(_Writes(mark))
    pickle.loads(hostile)
    mark.unlink()
    (state,) = experiment.glob("experiment_state-*.json")
    assert PICKLED in state.read_text()
    state.write_text(state.read_text().replace(PICKLED, hostile.hex()))
    for path in [experiment / "tuner.pkl", *(p / "params.pkl" for p in experiment.iterdir())]:
        if path.parent.is_dir():
            path.write_bytes(hostile)
    assert import_experiment(experiment, tmp_path / "r")[2].done
    assert not mark.exists()


def test_an_artefact_may_be_gone_and_not_damaged(tmp_path: Path) -> None:
    experiment = copied(tmp_path, "ended")
    artefact, *others = experiment.rglob("*.npz")
    artefact.write_bytes(b"other")
    with pytest.raises(StorageError, match=artefact.name):
        import_experiment(experiment, tmp_path / "r")
    artefact.unlink()
    assert import_experiment(experiment, tmp_path / "r")[2].done
    assert len(load_view(tmp_path / "r", "ended").artefacts) == len(others)


def test_a_trial_outside_the_experiment_is_refused(tmp_path: Path) -> None:
    experiment = copied(tmp_path, "ended")
    change_state(experiment, relative_logdir="../elsewhere")
    with pytest.raises(StorageError, match="leads out"):
        import_experiment(experiment, tmp_path / "r")


def test_a_sweep_that_was_run_is_not_replaced(tmp_path: Path) -> None:
    space = space_of(tmp_path, SAME.replace("same", "ended"))
    run(space, tmp_path / "r", FakeExecutor())
    with pytest.raises(BadInputError, match="--name"):
        import_experiment(FOLDER / "ended", tmp_path / "r")
    with pytest.raises(BadInputError, match="--name"):
        import_experiment(FOLDER / "ended", tmp_path / "r", "ledger.x")
    assert import_experiment(FOLDER / "ended", tmp_path / "r", "tuned")[2].planned == 6


@pytest.mark.parametrize(("name", "trials"), [("ended", 6), ("killed", 4)])
def test_its_report_is_built(tmp_path: Path, name: str, trials: int) -> None:
    import_experiment(FOLDER / name, tmp_path)
    assert build_report(tmp_path, name).stat().st_size > 0
    table = (tmp_path / name / "tables" / "trials.csv").read_text().splitlines()
    assert len(table) == 1 + trials


BASE = Base("digits", {"epochs": 2, "pretrain_epochs": 1})


def test_params_are_flat_names_whatever_numbers_they_are() -> None:
    given = {"C": np.float64(5.0), "method.tau": 0.3, "seed": np.int64(1)}
    (trial,) = BASE.trials(given, "here")
    values = flat(trial.config)
    assert (values["C"], values["tau"], values["epochs"], trial.seed) == (5.0, 0.3, 2, 1)
    several = Base("digits", BASE.settings, (0, 1)).trials({"C": 5}, "here")
    assert several[1] == BASE.trials({"C": 5, "seed": 1}, "here")[0]
    (other,) = BASE.trials({"method": "orca"}, "here")
    assert other.config.method.name == "orca"


@pytest.mark.parametrize(
    ("params", "named"),
    [
        ({"c": 5}, "here: unknown key 'c'"),
        ({"C": "five"}, "here: C must be"),
        ({"epochs": 3}, "epochs"),
        ({"method": "mine"}, "mine"),
        ({"seed": -1}, "seeds must be"),
        ({"C": 5, "method.C": 6}, "C is given twice"),
    ],
)
def test_a_wrong_value_is_named_by_its_key(params: dict[str, Any], named: str) -> None:
    with pytest.raises(BadInputError, match=named):
        BASE.trials(params, "here")


def test_seeds_are_given_once() -> None:
    with pytest.raises(BadInputError, match="seed"):
        Base("digits", {}, (0, 1)).trials({"seed": 0}, "here")
    with pytest.raises(BadInputError, match="preset"):
        Base("digit", {}).config()
    assert [t.seed for t in Base("digits", {}).trials({}, "here")] == [0]
