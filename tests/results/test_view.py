from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest

from lps_sweep.report.pages.health import repeats_text
from lps_sweep.results import Counts, FileRef, Ledger, TrialRecord, driver_lock, load_view
from lps_sweep.results.records import Repeats
from tests.report.report_cases import epoch_metrics, final_metrics, make_ledger, record
from tests.results.sweep_cases import (
    METRICS,
    PROVENANCE,
    planned,
    run_states,
    start,
    sweep_record,
    trial_record,
)

STATES = ("done", "stopped", "failed", "diverged", "open", "killed", "not_run")


def test_trials_are_rows_in_plan_order_with_final_metrics_of_done_ones_only(
    tmp_path: Path,
) -> None:
    with planned(tmp_path, *reversed(STATES)) as ledger, driver_lock(tmp_path):
        run_states(ledger, STATES)
        assert ledger.add_epoch("open", 1, 1, METRICS, 2.5)
        view = load_view(tmp_path, "c_tau")
    trials = view.trials.set_index("trial_id")
    assert list(trials.index) == list(reversed(STATES))
    expected = {state: state for state in STATES} | {"open": "running", "killed": "not_run"}
    assert trials["status"].to_dict() == expected
    finals = trials["acc_all"].to_dict()
    for state in STATES:
        assert finals[state] == 95.0 if state == "done" else math.isnan(finals[state])
    assert trials.loc["open", "seconds"] == 2.5
    assert trials["attempts"].to_dict() == {s: int(s != "not_run") for s in STATES}
    assert view.counts == Counts(7, 1, 1, 1, 1, running=1, not_run=2)
    assert view.provenance == [PROVENANCE]


def test_the_columns_are_the_same_before_anything_ran(tmp_path: Path) -> None:
    planned(tmp_path, "a").close()
    view = load_view(tmp_path, "c_tau")
    main = ["acc_seen", "acc_novel", "acc_all", "acc_novel_strict", "nmi_novel"]
    assert list(view.trials) == [
        *("trial_id", "status", "seed", "C", *main, "attempts", "seconds", "error")
    ]
    assert list(view.epochs) == ["trial_id", "seed", "C", "epoch", *main, "seconds"]
    assert (len(view.trials), len(view.epochs)) == (1, 0)
    assert view.trials["acc_all"].dtype == view.epochs["acc_all"].dtype == "float64"
    assert view.provenance == []
    assert view.artefacts == {}


def test_each_trial_has_its_resolved_configuration_and_seeds_share_one(tmp_path: Path) -> None:
    many = [trial_record("a", 0, 10.0), trial_record("b", 1, 10.0), trial_record("c", 0, 1.0)]
    with Ledger.open(tmp_path, write=True) as ledger:
        ledger.record_plan(sweep_record(), many)
    configs = load_view(tmp_path, "c_tau").configs
    assert configs == {trial.trial_id: trial.config for trial in many}
    assert configs["a"] is configs["b"]


def test_epochs_come_from_the_newest_attempt_that_reached_them(tmp_path: Path) -> None:
    with planned(tmp_path, "b", "a") as ledger:
        start(ledger, "a", "b")
        for epoch in (1, 2):
            ledger.add_epoch("a", 1, epoch, {"acc_all": 10.0, "loss_total": float("inf")}, 1.0)
            ledger.add_epoch("b", 1, epoch, {"acc_all": 30.0, "uc": 0.25}, 1.0)
        start(ledger, "a")
        ledger.add_epoch("a", 2, 2, {"acc_all": 20.0}, 4.0)
    view = load_view(tmp_path, "c_tau")
    epochs = view.epochs
    assert list(zip(epochs["trial_id"], epochs["epoch"], epochs["acc_all"], strict=True)) == [
        ("b", 1, 30.0),
        ("b", 2, 30.0),
        ("a", 1, 10.0),
        ("a", 2, 20.0),
    ]
    assert epochs["seconds"].tolist() == [1.0, 1.0, 1.0, 4.0]
    assert epochs["seed"].tolist() == [0, 0, 1, 1]
    assert epochs["loss_total"].isna().all()
    assert epochs["uc"].isna().tolist() == [False, False, True, True]
    assert view.repeats.pairs == 1
    assert view.trials["seconds"].tolist() == [2.0, 6.0]


def test_a_shared_trial_shows_the_values_of_the_sweep_that_asks(tmp_path: Path) -> None:
    tau = replace(sweep_record("tau"), axes={"tau": [0.4]}, defaults={"tau": 0.4})
    with planned(tmp_path, "a") as ledger:
        ledger.record_plan(tau, [replace(trial_record("a"), swept={"tau": 0.4})])
        ledger.finish("a", start(ledger, "a"), "done", epoch=1, metrics=METRICS)
    assert load_view(tmp_path, "c_tau").trials["C"].tolist() == [10.0]
    other = load_view(tmp_path, "tau").trials
    assert other["tau"].tolist() == [0.4]
    assert "C" not in other
    assert other["status"].tolist() == ["done"]


def test_lists_are_tuples_and_names_never_collide(tmp_path: Path) -> None:
    sweep = replace(sweep_record(), axes={"lr": [0.1], "seen_classes": [[0, 1], 5]})
    trials = [
        TrialRecord("a", {}, 0, "p", {"lr": 0.1, "seen_classes": [0, 1]}),
        TrialRecord("b", {}, 0, "p", {"lr": 0.1, "seen_classes": 5}),
    ]
    with Ledger.open(tmp_path, write=True) as ledger:
        ledger.record_plan(sweep, trials)
        attempt = start(ledger, "a")
        metrics = {**METRICS, "lr": 0.05, "seconds": 7.0}
        ledger.add_epoch("a", attempt, 1, metrics, 2.0)
        ledger.finish(
            "a", attempt, "done", epoch=1, metrics=metrics, artefact=FileRef("artefacts/x", "h")
        )
    view = load_view(tmp_path, "c_tau")
    assert view.record == sweep
    assert view.trials["seen_classes"].tolist() == [(0, 1), 5]
    assert view.trials["lr"].tolist() == [0.1, 0.1]
    assert view.trials["measured_lr"].tolist()[0] == 0.05
    assert view.trials["seconds"].tolist() == [2.0, 0.0]
    assert view.epochs[["lr", "measured_lr", "seconds"]].to_numpy().tolist() == [[0.1, 0.05, 2.0]]
    assert view.artefacts == {"a": FileRef("artefacts/x", "h")}
    assert view.trials.columns.is_unique
    assert view.epochs.columns.is_unique


def trained_again(folder: Path, change: float) -> Path:
    """A trial is trained for three epochs, and then again for the first two with a change."""
    sweep = record({"C": [1, 10]}, [0])
    make_ledger(folder, sweep, {(10, 0): "running"})
    final = final_metrics((10,), 0)
    with Ledger.open(folder, write=True) as ledger, ledger.transaction():
        attempt = ledger.start_attempts(["t00001"], "again", {})["t00001"]
        ledger.begin_attempt("t00001", attempt, {})
        for epoch in (1, 2):
            metrics = epoch_metrics(final, epoch, 20)
            metrics["acc_all"] += change * epoch
            ledger.add_epoch("t00001", attempt, epoch, metrics, 99.0)
    return folder


@pytest.mark.parametrize(
    ("change", "expected", "words"),
    [
        (0.0, Repeats(2, 0, {}), "same numbers to the last digit"),
        (0.25, Repeats(2, 2, {"acc_all": 0.5}), "2 of them with other numbers (largest"),
    ],
)
def test_the_second_training_is_compared(
    tmp_path: Path, change: float, expected: Repeats, words: str
) -> None:
    view = load_view(trained_again(tmp_path, change), "c_tau")
    assert view.repeats == expected
    assert words in repeats_text(view.repeats)


def test_a_second_attempt_that_goes_on_is_no_repeat(tmp_path: Path) -> None:
    make_ledger(tmp_path, record({"C": [1]}, [0]), otherwise="running")
    with Ledger.open(tmp_path, write=True) as ledger, ledger.transaction():
        attempt = ledger.start_attempts(["t00000"], "again", {})["t00000"]
        ledger.begin_attempt("t00000", attempt, {})
        ledger.add_epoch("t00000", attempt, 4, {"acc_all": 1.0}, 1.0)
    assert load_view(tmp_path, "c_tau").repeats == Repeats()
    assert repeats_text(Repeats()) == ""
