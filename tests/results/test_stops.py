from __future__ import annotations

import random
from pathlib import Path

import pytest

from lps_sweep.results import Ledger, Stop
from tests.results.old_ledger import make_old
from tests.results.sweep_cases import planned, start

STOP = Stop(
    sweep="c_tau",
    rule="asha by oracle.acc_all, first_epoch=2, reduction=3, compare=seed",
    rung=1,
    epoch=4,
    rank=7,
    compared=9,
    value=61.25,
    bar=64.5,
)


def stopped(folder: Path, *stops: Stop) -> Ledger:
    """A ledger whose trials, called by their number, were ended by these decisions."""
    ledger = planned(folder, *(f"t{number}" for number in range(len(stops))))
    with ledger.transaction():
        for number, stop in enumerate(stops):
            start(ledger, f"t{number}")
            ledger.finish(f"t{number}", 1, "stopped", epoch=stop.epoch, stop=stop)
    return ledger


def test_the_text_says_it_all(tmp_path: Path) -> None:
    with stopped(tmp_path, STOP) as ledger:
        assert ledger.trial_rows("c_tau", False)[0].error == STOP.text()
    assert STOP.text() == (
        "sweep c_tau, asha by oracle.acc_all, first_epoch=2, reduction=3, compare=seed: "
        "rung 1 at epoch 4, rank 7 of 9, 61.25 below 64.5"
    )


@pytest.mark.parametrize("old", [False, True])
def test_what_is_written_is_read_back(tmp_path: Path, old: bool) -> None:
    """Also of a ledger before version 3, which has the text alone."""
    draw = random.Random(0)
    stops = []
    for _ in range(100):
        value, bar = (
            float(f"{draw.choice([-1, 1]) * 10 ** draw.uniform(-9, 9):.6g}") for _ in "ab"
        )
        rung, epoch, rank, compared = (draw.randint(1, 10**6) for _ in range(4))
        rule = draw.choice(["median by acc_holdout, first_epoch=1", "halving by oracle.nmi_novel"])
        name = draw.choice(["a", "x.y-z_0"])
        stops.append(Stop(name, rule, rung, epoch, rank, compared, value, bar))
    stopped(tmp_path, *stops).close()
    if old:
        make_old(tmp_path / "ledger.sqlite")
    with Ledger.open(tmp_path) as ledger:
        assert list(ledger.stops().values()) == stops
        assert [row.stop for row in ledger.trial_rows("c_tau", False)] == stops
    with Ledger.open(tmp_path, write=True) as ledger:
        ledger.reopen(["t0"])
        assert [attempt.stop for attempt in ledger.attempts("t0")] == stops[:1]
        assert "t0" not in ledger.stops()


@pytest.mark.parametrize(
    "text",
    [
        "",
        STOP.text() + "\nmore",
        STOP.text().replace("61.25", "many"),
        STOP.text().replace("rank 7", "rank -7"),
        STOP.text().replace("rung 1", "rung " + "1" * 5000),
    ],
)
def test_what_is_no_decision_is_none(tmp_path: Path, text: str) -> None:
    with planned(tmp_path, "a") as ledger:
        start(ledger, "a")
        ledger.finish("a", 1, "stopped", epoch=1, error=text)
        assert ledger.stops() == {"a": None}


def test_curves_are_of_the_newest_attempt_and_have_no_value_where_none_was_finite(
    tmp_path: Path,
) -> None:
    with planned(tmp_path, "a", "b", "c") as ledger:
        start(ledger, "a")
        ledger.add_epoch("a", 1, 1, {"acc_all": 10.0, "other": 1.0}, 1.0)
        ledger.add_epoch("a", 1, 2, {"acc_all": float("nan")}, 1.0)
        ledger.end_attempt("a", 1, "lost")
        start(ledger, "a")
        ledger.add_epoch("a", 2, 1, {"acc_all": 11.0}, 1.0)
        start(ledger, "b")
        ledger.add_epoch("b", 1, 1, {"other": 3.0}, 1.0)
        assert ledger.curves("c_tau", "acc_all") == {"a": {1: 11.0, 2: None}, "b": {1: None}}
