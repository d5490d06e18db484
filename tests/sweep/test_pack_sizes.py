"""Packs sized by measurement."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from lps_sweep.cli import main
from lps_sweep.plan import LARGEST_PACK, Outstanding, make_packs, reach
from lps_sweep.results import Ledger
from lps_sweep.sweep.packing import PackSize, pack_size, shape_of, sizes_in_words
from lps_sweep.train import PackCosts
from tests.train.train_cases import config_of

COSTS = PackCosts(shared_s=0.006, own_s=0.003, member_bytes=100, free_bytes=10**6)


def test_the_ratio_and_its_reach_come_from_the_clock() -> None:
    assert pack_size(COSTS, 1, 0) == PackSize(2.0, 18)
    told = sizes_in_words({"s": COSTS}, {"s": PackSize(2.0, 18)})
    assert [number in told for number in ("18", "6 ms", "3 ms")] == [True] * 3
    nothing_shared = dataclasses.replace(COSTS, shared_s=0.00006)
    assert pack_size(nothing_shared, 1, 0).largest == reach(0) == 1
    assert reach(1000) == LARGEST_PACK


@pytest.mark.parametrize(("packs", "largest"), [(1, 9), (2, 5), (4, 3)])
def test_memory_is_a_limit_that_packs_share(packs: int, largest: int) -> None:
    costs = dataclasses.replace(COSTS, free_bytes=1000)  # 8 of 10 members fit beside the first
    assert pack_size(costs, packs, 0).largest == largest
    assert pack_size(costs, packs, 0.25).largest == 9, "of its own part of a GPU"


def test_a_larger_shared_part_makes_larger_packs() -> None:
    trials = [Outstanding(f"{group}{i}", group) for group in "abcd" for i in range(5)]
    small, large = (
        len(make_packs(trials, num_workers=3, shared_cost=cost)[0]) for cost in (0.01, 50.0)
    )
    assert small < large == 5


def test_shapes_leave_out_what_costs_nothing() -> None:
    config = config_of()
    other = dataclasses.replace(config, data=dataclasses.replace(config.data, data_root="/x"))
    assert shape_of(other) == shape_of(config)
    assert shape_of(config_of(lps={"C": 3.0}, epochs=9)) == shape_of(config)
    assert shape_of(config_of(batch_size=48)) != shape_of(config)
    assert shape_of(config_of(trunk={"frozen_through": "none"})) != shape_of(config)


SPACE = """
name: sized
question: How large?
preset: digits
set: {epochs: 1, pretrain_epochs: 0}
grid:
  C: [1, 5, 10]
  frozen_through: [none, stage3]
seeds: [0]
resources: {measure_packs: true}
"""


@pytest.mark.slow
def test_a_run_measures_first_and_records_nothing_of_it(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "s.yaml").write_text(SPACE)
    asked = ["run", str(tmp_path / "s.yaml"), "--results", str(tmp_path / "r"), "--inline"]
    assert main(asked) == 0
    [line] = [x for x in capfd.readouterr().out.splitlines() if x.startswith("packs:")]
    assert line.count("at most") == 2
    with Ledger.open(tmp_path / "r") as ledger:
        attempts = [ledger.attempts(row.trial_id) for row in ledger.trial_rows("sized", False)]
    assert [[a.attempt for a in one] for one in attempts] == [[1]] * 6


@pytest.mark.slow
def test_a_measurement_that_fails_does_not_end_the_sweep(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: object) -> None:
        raise RuntimeError("no clock")

    monkeypatch.setattr("lps_sweep.train.pack_costs", fail)
    (tmp_path / "s.yaml").write_text(SPACE)
    asked = ["run", str(tmp_path / "s.yaml"), "--results", str(tmp_path / "r"), "--inline"]
    assert main(asked) == 0
    assert "could not be measured" in capfd.readouterr().out
