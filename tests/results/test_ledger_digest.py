"""The digest changes exactly when what is shown changes."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from lps_sweep.results import FileRef, Ledger, driver_lock
from lps_sweep.results.view import load_view
from tests.results.sweep_cases import METRICS, checkpoint, planned, start, sweep_record, trials


def shown(folder: Path) -> str:
    """All that a report can print of the sweep."""
    view = load_view(folder, "c_tau")
    frames = view.trials.to_csv(), view.epochs.to_csv()
    return repr(
        (
            *(frames, view.record, view.counts, view.provenance, view.repeats),
            *(view.artefacts, view.configs, view.attempts),
        )
    )


Change = Callable[[Ledger], object]

VISIBLE: dict[str, Change] = {
    "an epoch": lambda ledger: ledger.add_epoch("b", 1, 2, METRICS, 1.0),
    "an epoch again": lambda ledger: ledger.add_epoch("b", 1, 1, METRICS, 1.0),
    "an outcome": lambda ledger: ledger.finish("b", 1, "stopped", epoch=1),
    "an attempt": lambda ledger: start(ledger, "c"),
    "an end that leaves it outstanding": lambda ledger: ledger.end_attempt("b", 1, "killed"),
    "provenance": lambda ledger: ledger.begin_attempt("b", 1, {"device": "cuda"}),
    "the question": lambda ledger: ledger.record_plan(
        replace(sweep_record(), question="Why?"), trials("a", "b", "c")
    ),
    "the margin": lambda ledger: ledger.record_plan(
        replace(sweep_record(), margin=0.5), trials("a", "b", "c")
    ),
    "the order": lambda ledger: ledger.record_plan(sweep_record(), trials("c", "b", "a")),
    "a trial less": lambda ledger: ledger.record_plan(sweep_record(), trials("a", "b")),
    "a trial more": lambda ledger: ledger.record_plan(sweep_record(), trials("a", "b", "c", "d")),
}

INVISIBLE: dict[str, Change] = {
    "a checkpoint": lambda ledger: ledger.add_checkpoint(checkpoint("b", 1, 1)),
    "a refused epoch": lambda ledger: ledger.add_epoch("a", 1, 9, METRICS, 1.0),
    "a refused outcome": lambda ledger: ledger.finish("a", 1, "failed", epoch=1, error="late"),
    "the same plan": lambda ledger: ledger.record_plan(sweep_record(), trials("a", "b", "c")),
    "another sweep": lambda ledger: ledger.record_plan(sweep_record("other"), trials("a", "z")),
    "a trial of another sweep": lambda ledger: start(ledger, "elsewhere"),
    "an attempt that waits": lambda ledger: ledger.start_attempts(["c"], "pack", {}),
}


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    ledger = planned(tmp_path, "elsewhere", sweep="far")
    ledger.record_plan(sweep_record(), trials("a", "b", "c"))
    start(ledger, "a", "b")
    ledger.finish("a", 1, "done", epoch=1, metrics=METRICS, artefact=FileRef("x", "y"))
    return ledger


@pytest.mark.parametrize("name", [*VISIBLE, *INVISIBLE])
def test_it_changes_with_what_is_shown(ledger: Ledger, tmp_path: Path, name: str) -> None:
    before = ledger.digest("c_tau"), shown(tmp_path)
    (VISIBLE.get(name) or INVISIBLE[name])(ledger)
    after = ledger.digest("c_tau"), shown(tmp_path)
    ledger.close()
    assert (before[0] != after[0]) == (name in VISIBLE)
    assert (before[1] != after[1]) == (name in VISIBLE)


def test_a_living_driver_is_shown_only_while_an_attempt_is_open(
    ledger: Ledger, tmp_path: Path
) -> None:
    with driver_lock(tmp_path):
        alive = load_view(tmp_path, "c_tau")
    dead = load_view(tmp_path, "c_tau")
    assert (alive.counts.running, dead.counts.running) == (1, 0)
    assert alive.digest == ledger.digest("c_tau", driver_alive=True) != dead.digest
    assert dead.digest == ledger.digest("c_tau")
    ledger.end_attempt("b", 1, "killed")
    assert ledger.digest("c_tau", driver_alive=True) == ledger.digest("c_tau") != dead.digest
    ledger.close()


def test_digest_and_view_agree_along_a_random_history(tmp_path: Path) -> None:
    draw = random.Random(0)
    names = ["a", "b", "c"]
    changes = 0
    with planned(tmp_path, *names) as ledger:
        before = ledger.digest("c_tau"), shown(tmp_path)
        for _ in range(150):
            trial, attempt = draw.choice(names), draw.randint(1, 4)
            metrics = {"acc_all": float(draw.randint(0, 2))}
            action = draw.randrange(6)
            if action == 0 and trial in ledger.outstanding("c_tau"):
                start(ledger, trial)
            elif action == 1:
                ledger.end_attempt(trial, attempt, "killed")
            elif action == 2 and draw.random() < 0.15:
                ledger.finish(trial, attempt, "done", epoch=3, metrics=metrics)
            elif action == 3:
                ledger.record_plan(sweep_record(), trials(*draw.sample(names, draw.choice([2, 3]))))
            else:
                ledger.add_epoch(trial, attempt, draw.randint(1, 3), metrics, 1.0)
            after = ledger.digest("c_tau"), shown(tmp_path)
            assert (before[0] == after[0]) == (before[1] == after[1])
            changes += before != after
            before = after
    assert 30 < changes < 120
