"""What is estimated of costs that are known."""

from __future__ import annotations

from pathlib import Path

import pytest

from lps_sweep.config import METHODS, Located, build_config, flat
from lps_sweep.methods import objective_class
from lps_sweep.plan import Resources
from lps_sweep.sweep import estimate as module
from lps_sweep.sweep.estimate import (
    Cost,
    Workers,
    estimate,
    gpus_here,
    kind_of,
    num_epochs,
    workers_here,
)
from tests.config.config_cases import located

LPS = build_config(located(dataset="digits", epochs=10, pretrain_epochs=50))
LONG = build_config(located(dataset="digits", epochs=20, C=3.0))
OTHER = build_config(located(dataset="digits", network="small_cnn"))
COST = Cost(epoch_s=36.0, size=1000.0, pretrain_epoch_s=72.0)
KIND = kind_of(flat(LPS))


def gpus(folder: Path, number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for i in range(number):
        (folder / f"0000:{i}").mkdir()
    monkeypatch.setattr(module, "GPUS", folder)
    monkeypatch.setattr(module, "usable_cpus", lambda: 8)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


def test_hours_are_those_of_all_workers_and_pre_training_of_one() -> None:
    found = estimate([LPS, LONG], {KIND: COST}, Workers(2, 0.5), [LPS])
    assert found.hours == pytest.approx(30 * 0.01 / 2 + 1.0)
    assert found.gpu_hours == pytest.approx((30 * 0.01 + 1.0) * 0.5)
    assert found.pretrain_hours == pytest.approx(1.0)
    assert found.size == 2000


def test_an_unknown_pre_training_is_left_out_and_an_unknown_kind_leaves_nothing() -> None:
    known = {KIND: Cost(36.0)}
    found = estimate([LPS], known, Workers(1, 0.0), [LPS])
    assert found.hours == pytest.approx(0.1)
    assert (found.gpu_hours, found.size) == (0.0, None)
    assert found.pretrain_hours is None
    unknown = estimate([LPS, OTHER], {KIND: COST}, Workers(1, 0.0))
    assert (unknown.hours, unknown.gpu_hours, unknown.size) == (None, None, 2000)
    assert estimate([], {}, Workers(1, 0.0)).hours == 0


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
