from __future__ import annotations

import random
from pathlib import Path

import pytest

from lps_sweep.results import Stop
from lps_sweep.results.stops import prefix
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


def test_the_text_says_it_all() -> None:
    assert STOP.text() == (
        "sweep c_tau, asha by oracle.acc_all, first_epoch=2, reduction=3, compare=seed: "
        "rung 1 at epoch 4, rank 7 of 9, 61.25 below 64.5"
    )
    assert STOP.text().startswith(prefix(STOP.sweep, STOP.rule))


def test_what_is_written_is_read_back() -> None:
    draw = random.Random(0)
    for _ in range(500):
        value, bar = (
            float(f"{draw.choice([-1, 1]) * 10 ** draw.uniform(-9, 9):.6g}") for _ in "ab"
        )
        rung, epoch, rank, compared = (draw.randint(1, 10**6) for _ in range(4))
        rule = draw.choice(["median by acc_holdout, first_epoch=1", "halving by oracle.nmi_novel"])
        stop = Stop(draw.choice(["a", "x.y-z_0"]), rule, rung, epoch, rank, compared, value, bar)
        assert Stop.read(stop.text()) == stop


@pytest.mark.parametrize(
    "text",
    [
        "",
        "killed",
        STOP.text() + " ",
        STOP.text() + "\nmore",
        STOP.text().replace("61.25", "many"),
        STOP.text().replace("rank 7", "rank -7"),
        STOP.text().replace("sweep c_tau", "sweep c tau"),
        STOP.text().replace("rung 1", "rung " + "1" * 5000),
    ],
)
def test_what_is_no_decision_is_none(text: str) -> None:
    assert Stop.read(text) is None


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
        ledger.finish("b", 1, "stopped", epoch=1, error=STOP.text())
        assert ledger.stop_texts() == {"b": STOP.text()}
