"""Each benchmark passes its checks as it is, and fails them when the equality is broken."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import torch
from torch import Tensor

from benchmarks import (
    augmentation,
    epoch,
    loss,
    overhead,
    packing,
    planning,
    precision,
    roofline,
    solo_step,
)
from benchmarks.__main__ import cases_of
from benchmarks.frame import Measurement, Setting
from benchmarks.reference_style import loss as reference_loss
from benchmarks.reference_style.loop import ReferenceLoop
from benchmarks.workload import SMALL, Size, configs_of, with_loop
from lps_sweep.data.randaugment import grouped_operations
from lps_sweep.methods.lps.core import lps_terms
from lps_sweep.train import Run
from lps_sweep.train import run as run_module
from tests.train.tape import TapeRecorder

QUICK = Setting(torch.device("cpu"), quick=True)
TINY = dataclasses.replace(SMALL, batch_size=8)
TRIALS = packing.Pack(TINY, 3)


def failed(measurement: Measurement) -> list[str]:
    return [check.name for check in measurement.checks if not check.passes]


@pytest.mark.slow
def test_b1(monkeypatch: pytest.MonkeyPatch) -> None:
    measurement = augmentation.measure(QUICK, batch_size=24)
    assert measurement.valid
    assert [(r.baseline, r.ours, r.low) for r in measurement.ratios] == [
        ("torchvision and Pillow", "batched triples", 8.0),
        ("lean Pillow loop", "batched triples", None),
    ]
    right = augmentation.lean

    def shifted(images: Tensor, step: int) -> list[Tensor]:
        return [view.roll(1, dims=3) for view in right(images, step)]

    monkeypatch.setattr(augmentation, "lean", shifted)
    assert failed(augmentation.measure(QUICK, 24)) == ["end to end against Pillow"]


def test_b1_sees_a_wrong_operation() -> None:
    def darker(images: Tensor, operation: Tensor, *drawn: Tensor) -> Tensor:
        made = grouped_operations(images, operation, *drawn)
        return torch.where((operation == 3)[:, None, None, None], made // 2, made)

    few = augmentation.images_of(18)
    assert augmentation.operations_differ(grouped_operations, few) == 0
    assert augmentation.operations_differ(darker, few) > 0


@pytest.mark.slow
def test_b2(monkeypatch: pytest.MonkeyPatch) -> None:
    assert augmentation.measure_on_gpu(QUICK, batch_size=16).valid
    right = augmentation.fixed
    monkeypatch.setattr(augmentation, "fixed", lambda images, step: right(images, step + 1))
    assert len(failed(augmentation.measure_on_gpu(QUICK, batch_size=16))) == 2


@pytest.mark.slow
def test_b3(monkeypatch: pytest.MonkeyPatch) -> None:
    measurement = loss.measure(QUICK)
    assert measurement.valid
    waits = measurement.facts["host synchronisations per step"]
    assert waits["ours"] == 0
    assert waits["baseline"] >= 1024
    right = reference_loss._clustering

    def other(*given: Any) -> Any:
        return right(*given) * 1.001

    monkeypatch.setattr(reference_loss, "_clustering", other)
    assert "relative difference of the losses" in failed(loss.measure(QUICK))


def test_b3_sees_a_wait_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    right = lps_terms

    def waiting(*given: Any, **named: Any) -> Any:
        terms = right(*given, **named)
        terms.total.item()
        return terms

    monkeypatch.setattr(loss, "lps_terms", waiting)
    assert failed(loss.measure(QUICK)) == ["host synchronisations of ours"]


@pytest.mark.slow
def test_b4(monkeypatch: pytest.MonkeyPatch) -> None:
    measurement = solo_step.measure(TINY, QUICK)
    assert measurement.valid
    train = ReferenceLoop.train

    def reversed_views(loop: Any, batches: Any, number: int) -> list[float]:
        return train(loop, [(views[::-1], labels) for views, labels in batches], number)

    monkeypatch.setattr(ReferenceLoop, "train", reversed_views)
    assert "difference of the first epoch's mean loss" in failed(solo_step.measure(TINY, QUICK))


@pytest.mark.slow
def test_b5(monkeypatch: pytest.MonkeyPatch) -> None:
    size = Size(network="small_cnn", batch_size=32)
    assert epoch.measure(size, QUICK).valid
    evaluate = ReferenceLoop.evaluate

    def worse(loop: Any, loaders: Any) -> dict[str, float]:
        return {name: value + 2 for name, value in evaluate(loop, loaders).items()}

    monkeypatch.setattr(ReferenceLoop, "evaluate", worse)
    assert failed(epoch.measure(size, QUICK)) == [
        "largest difference of an accuracy at equal weights, points"
    ]


@pytest.mark.slow
def test_b6_and_b10(monkeypatch: pytest.MonkeyPatch) -> None:
    measurement = packing.measure(TRIALS, QUICK)
    assert measurement.valid
    alone = dataclasses.replace(TRIALS, count=1)
    assert packing.measure(alone, QUICK).valid
    (case,) = packing.unfrozen_cases(QUICK)
    assert "all trained" in case.title
    train = Run.train_epoch
    monkeypatch.setattr(Run, "train_epoch", lambda run, n: train(run, n + len(run.members) - 1))
    assert failed(packing.measure(TRIALS, QUICK)) == [
        "largest difference of pack and solo, all state"
    ]
    assert packing.measure(alone, QUICK).valid


@pytest.mark.slow
def test_b6_is_void_if_members_do_not_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    configs = configs_of
    monkeypatch.setattr(packing, "configs_of", lambda size, n: configs(size, 1) * n)
    assert failed(packing.measure(TRIALS, QUICK)) == ["largest difference of two members"]


@pytest.mark.slow
def test_b6_records_all_runs_into_one_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each pool holds the memory of a step, and there are K + 1 runs."""
    made: list[TapeRecorder] = []

    def recorder(_: torch.device) -> TapeRecorder:
        made.append(TapeRecorder())
        return made[-1]

    for module in (packing, run_module):
        monkeypatch.setattr(module, "CudaRecorder", recorder, raising=False)
    monkeypatch.setattr(run_module, "set_up_step", lambda *_: None)
    assert packing.measure(packing.Pack(with_loop(TINY, graph=True), 2), QUICK).valid
    assert len(made) == 1
    assert len(made[0].tapes) == 3 + 4  # the batches of three runs; twice two members
    assert made[0].num_replays > 0


def test_b6_counts_costs() -> None:
    found = packing.costs(5, 2, pack_s=(7.0, 9.0, 8.0), solo_s=(20.0, 24.0, 22.0))
    assert found["shared ms per step"] == pytest.approx(1000 * (22 - 8) / 4 / 2)
    assert found["own ms per step"] == pytest.approx(1000 * 22 / 10 - 1750)
    r = found["r = shared / own"]
    assert found["limit K(1 + r)/(K + r)"] == pytest.approx(5 * (1 + r) / (5 + r))
    assert packing.costs(3, 1, (4.0,), (3.0,)).keys() == {"shared ms per step", "own ms per step"}


@pytest.mark.slow
def test_b7(monkeypatch: pytest.MonkeyPatch) -> None:
    assert overhead.measure(TINY, QUICK).valid
    step = overhead.PlainLoop.epoch
    monkeypatch.setattr(overhead.PlainLoop, "epoch", lambda loop, n: step(loop, max(n, 1)))
    assert failed(overhead.measure(TINY, QUICK)) == [
        "largest difference of all weights and statistics"
    ]


@pytest.mark.slow
def test_b12_counts_the_work_of_a_step() -> None:
    card = roofline.measure_card(QUICK, side=128, gigabytes=0.001)
    assert card.valid
    assert card.facts["copy GB/s"] > 0
    step = roofline.measure_step(TINY, 1, QUICK, 128, 0.001)
    assert step.valid
    assert 0 < step.facts["TFLOP per step"] < 0.01
    assert "ms per step and trial" in roofline.measure_step(TINY, 2, QUICK, 128, 0.001).facts


@pytest.mark.slow
def test_b12_counts_what_was_counted_by_hand() -> None:
    size = Size(batch_size=8, num_steps=1, num_classes=100)
    for frozen, tflop in roofline.EXPECTED_TFLOP.items():
        found = roofline.tflop_of(dataclasses.replace(size, frozen_through=frozen), QUICK.device)
        assert found == pytest.approx(tflop * 8 / 512, rel=0.01)


@pytest.mark.slow
def test_b14() -> None:
    sizes = {"float32": TINY, "bfloat16": with_loop(TINY, precision="bfloat16")}
    close = {name: [0.5, -0.4, 0.1] for name in precision.NAMES}
    assert precision.compare(sizes, close, QUICK).valid
    far = {**close, "acc_novel": [9.0, 4.0, 8.0]}
    assert failed(precision.compare(sizes, far, QUICK)) == [
        "mean paired difference of acc_novel, points"
    ]
    same = {name: [0.0, 0.0] for name in precision.NAMES}
    assert failed(precision.compare(sizes, same, QUICK)) == ["largest difference of an accuracy"]


@pytest.mark.slow
def test_b14_trains_in_pairs() -> None:
    found = precision.paired_accuracies(QUICK.device, "float32", "small_cnn", 3, 2, (0, 1))
    assert [len(found[name]) for name in precision.NAMES] == [2, 2, 2]
    assert any(value != 0 for values in found.values() for value in values)


@pytest.mark.slow
def test_b15(monkeypatch: pytest.MonkeyPatch) -> None:
    assert planning.compare(2, QUICK).valid
    monkeypatch.setattr(planning, "trial_id", lambda config, seed, **_: f"{config.method} {seed}")
    assert failed(planning.compare(2, QUICK)) == ["trials that differ"]


@pytest.mark.gpu
@pytest.mark.parametrize("name", ["b2", "b3", "b4/frozen", "b6/k5", "b7/full", "b12/card"])
def test_on_a_gpu(name: str) -> None:
    setting = Setting(torch.device("cuda"), quick=True)
    ((_, case),) = cases_of(setting, [name])
    measurement = case.measure(setting)
    assert measurement.valid, failed(measurement)
