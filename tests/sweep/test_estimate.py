"""What is estimated of costs that are known, and how large packs are for it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from lps_sweep.cli import main
from lps_sweep.config import METHODS, Config, Located, build_config, flat
from lps_sweep.methods import objective_class
from lps_sweep.plan import (
    LARGEST_PACK,
    SHARED_COST,
    Outstanding,
    PlannedTrial,
    Resources,
    make_packs,
    reach,
)
from lps_sweep.results import Ledger, SweepRecord, TrialRecord, driver_lock
from lps_sweep.sweep import estimate as module
from lps_sweep.sweep.costs import Cost, Kind, kind_of, num_epochs, recorded_costs
from lps_sweep.sweep.estimate import Estimate, estimate, gpus_here, workers_here
from lps_sweep.sweep.packing import PackSize, pack_size, shape_of, sizes_in_words
from lps_sweep.sweep.simulated import SimulatedDriver, Work, Workers
from lps_sweep.train import PackCosts
from tests.config.config_cases import located
from tests.train.train_cases import config_of

LPS = build_config(located(dataset="digits", epochs=10, pretrain_epochs=50))
LONG = build_config(located(dataset="digits", epochs=20, C=3.0))
OTHER = build_config(located(dataset="digits", network="small_cnn"))
COST = Cost(shared_s=20.0, own_s=16.0, size=1000.0, pretrain_epoch_s=72.0)
KIND = kind_of(flat(LPS))


def gpus(folder: Path, number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for i in range(number):
        (folder / f"0000:{i}").mkdir()
    monkeypatch.setattr(module, "GPUS", folder)
    monkeypatch.setattr(module, "usable_cpus", lambda: 8)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


def planned(*configs: Config, group: str = "") -> list[PlannedTrial]:
    """A trial of each; no two share a pack unless they are of one `group`."""
    return [
        PlannedTrial(f"{group}-{n}", group or f"alone-{n}", "trunk", config, 0, {})
        for n, config in enumerate(configs)
    ]


def estimated(
    trials: Sequence[PlannedTrial],
    costs: Mapping[Kind, Cost],
    workers: Workers,
    *trunks: Config,
    resources: Resources | None = None,
) -> Estimate:
    work = Work([trials], trunks, costs, resources or Resources())
    return estimate(SimulatedDriver(work, workers))


def test_hours_are_those_of_the_longest_worker_and_pre_training_is_first() -> None:
    found = estimated(planned(LPS, LPS, LONG), {KIND: COST}, Workers(2, 0.5), LPS)
    assert found.hours == pytest.approx(10 * 0.01 + 20 * 0.01 + 1.0)
    assert found.gpu_hours == pytest.approx((40 * 0.01 + 1.0) * 0.5)
    assert found.pretrain_hours == pytest.approx(1.0)
    assert found.size == 3000
    two = estimated(planned(LPS), {KIND: COST}, Workers(2, 0.5), LPS, OTHER)
    assert two.pretrain_hours is None, "that of another network is not known"


def test_a_pack_shares_what_is_shared_and_begins_once() -> None:
    cost = Cost(shared_s=20.0, own_s=16.0, start_s=360.0)
    for workers, hours in ((1, 0.1 + 10 * (20 + 6 * 16) / 3600), (6, 0.1 + 10 * 36 / 3600)):
        found = estimated(planned(*[LPS] * 6, group="g"), {KIND: cost}, Workers(workers, 0.0))
        assert found.hours == pytest.approx(hours)
    alone = estimated(
        planned(*[LPS] * 6, group="g"),
        {KIND: cost},
        Workers(1, 0.0),
        resources=Resources(max_pack_size=1),
    )
    assert alone.hours == pytest.approx(6 * (0.1 + 0.1))


def test_an_unknown_pre_training_is_left_out_and_an_unknown_kind_leaves_nothing() -> None:
    known = {KIND: Cost(20.0, 16.0)}
    found = estimated(planned(LPS), known, Workers(1, 0.0), LPS)
    assert found.hours == pytest.approx(0.1)
    assert (found.gpu_hours, found.size) == (0.0, None)
    assert found.pretrain_hours is None
    unknown = estimated(planned(LPS, OTHER), {KIND: COST}, Workers(1, 0.0))
    assert (unknown.hours, unknown.gpu_hours, unknown.size) == (None, None, 2000)
    assert estimated([], {}, Workers(1, 0.0)).hours == 0


def recorded(folder: Path, size: int, seconds: float, ends: float | None) -> None:
    """A pack of `size` with two epochs of so many seconds, each a member's share."""
    ids = [f"{size}-{n}" for n in range(size)]
    trials = [TrialRecord(one, {"dataset": "digits"}, 0, "key", {}) for one in ids]
    with driver_lock(folder), Ledger.open(folder, write=True) as ledger:
        ledger.record_plan(SweepRecord(f"s{size}", "", "", {}, {}, {}, [0], ""), trials)
        for one, attempt in ledger.start_attempts(ids, "key-1", {}).items():
            assert ledger.begin_attempt(one, attempt, {}, at=1000.0 * size)
            for epoch in (1, 2):
                ledger.add_epoch(one, attempt, epoch, {}, seconds)
            if ends is not None:
                ledger.finish(
                    one, attempt, "done", epoch=2, metrics={"acc_all": 1.0}, at=1000.0 * size + ends
                )


def costs_in(folder: Path) -> Cost:
    with Ledger.open(folder) as ledger:
        [(kind, cost)] = recorded_costs(ledger, folder).items()
    assert kind == KIND
    return cost


def test_recorded_packs_tell_what_is_shared_what_is_own_and_how_long_they_begin(
    tmp_path: Path,
) -> None:
    recorded(tmp_path, 3, 4 + 6 / 3, ends=2 * (6 + 3 * 4) + 5.0)
    one = costs_in(tmp_path)
    assert one.shared_s / one.own_s == pytest.approx(SHARED_COST), "assumed with packs of one size"
    assert one.epoch_s(3) == pytest.approx(6 + 3 * 4)
    assert one.start_s == pytest.approx(5.0)
    recorded(tmp_path, 1, 4 + 6 / 1, ends=None)
    recorded(tmp_path, 6, 4 + 6 / 6, ends=2 * (6 + 6 * 4) - 9.0)
    found = costs_in(tmp_path)
    assert [found.shared_s, found.own_s] == pytest.approx([6.0, 4.0])
    assert found.start_s == pytest.approx(2.5), "the median, and nothing began in negative time"


def test_costs_that_fall_with_the_size_of_packs_leave_the_ratio_assumed(tmp_path: Path) -> None:
    recorded(tmp_path, 1, 1.0, ends=None)
    recorded(tmp_path, 4, 9.0, ends=None)
    found = costs_in(tmp_path)
    assert found.shared_s / found.own_s == pytest.approx(SHARED_COST)
    assert found.start_s == 0.0


def test_kinds_differ_in_what_takes_time_only() -> None:
    assert kind_of(flat(LPS)) == kind_of(flat(LONG)) == kind_of({"dataset": "digits"})
    others = [
        build_config(located(dataset="digits", batch_size=64)),
        build_config(located(dataset="cifar100")),
        build_config(located(dataset="digits", frozen_through="none")),
        build_config(located(dataset="digits"), method="orca"),
        OTHER,
    ]
    assert len({kind_of(flat(config)) for config in [LPS, *others]}) == 6


@pytest.mark.parametrize("method", METHODS)
def test_the_number_of_epochs_is_that_of_the_training(method: str) -> None:
    config = build_config({"epochs": Located(7)}, method=method)
    assert num_epochs(config) == (7 if objective_class(method).views else 1)


@pytest.mark.parametrize(
    ("number", "visible", "found"),
    [(0, None, 0), (2, None, 2), (2, "1", 1), (2, "", 0), (2, "-1", 0), (1, "0,1", 1)],
)
def test_gpus_are_counted_without_torch(
    number: int, visible: str | None, found: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gpus(tmp_path, number, monkeypatch)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert gpus_here() == found


@pytest.mark.parametrize(
    ("number", "resources", "workers"),
    [
        (0, Resources(cpus_per_pack=3), Workers(2, 0.0)),
        (0, Resources(gpus_per_pack=1.0), Workers(8, 0.0)),
        (2, Resources(), Workers(2, 1.0)),
        (2, Resources(gpus_per_pack=0.0), Workers(8, 0.0)),
        (2, Resources(cpus_per_pack=8), Workers(1, 1.0)),
        (3, Resources(gpus_per_pack=0.6), Workers(3, 0.6)),
    ],
)
def test_workers_of_this_machine(
    number: int,
    resources: Resources,
    workers: Workers,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gpus(tmp_path, number, monkeypatch)
    assert workers_here(resources) == workers


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
