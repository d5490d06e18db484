"""Memory of a GPU: what a job begins with, what is its own, and how many members fit."""

from __future__ import annotations

import os
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from lps_sweep.data.image_store import memory_limit
from lps_sweep.plan import Resources
from lps_sweep.sweep import probe as probe_module
from lps_sweep.sweep.jobs import CostJob, TrunkJob, perform
from lps_sweep.train import costs, pack, set_up_device
from lps_sweep.train.costs import room_beside
from lps_sweep.train.device import Gpus, set_convolutions
from tests.data.test_image_store import pixels
from tests.fake_memory import FakeMemory
from tests.sweep.fakes import pack_job
from tests.train.train_cases import config_of

GPU = torch.device("cuda")
TOTAL = 1000


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeMemory]:
    monkeypatch.setattr(os, "environ", dict(os.environ))
    yield FakeMemory(TOTAL, monkeypatch)
    set_convolutions("tf32")


class Former:
    """A pack before this one, which nothing but itself leads to any more."""

    def __init__(self, memory: FakeMemory) -> None:
        memory.take(800)
        weakref.finalize(self, memory.drop, 800)
        self.itself = self


def test_a_job_begins_without_what_the_one_before_left(memory: FakeMemory) -> None:
    Former(memory)
    assert memory_limit(pixels(), GPU) <= TOTAL / 2
    set_up_device("cuda", 1)
    assert memory.reserved == memory.allocated == 0
    assert memory_limit(pixels(), GPU) == TOTAL / 2


def test_a_job_has_its_part_of_the_gpu_whatever_the_one_before_had(memory: FakeMemory) -> None:
    for share in (0.5, 1.0):
        memory.fraction = 0.1
        set_up_device("cuda", 1, share)
        assert memory.fraction == share


def test_a_cpu_is_not_asked_for_memory_of_a_gpu(memory: FakeMemory) -> None:
    set_up_device("cpu", 1, 0.5)
    assert (memory.fraction, memory.num_emptied) == (1.0, 0)


def trained(memory: FakeMemory, *, pool: int = 0) -> None:
    """One member, and steps that took six times as much for a while; a graph keeps its pool."""
    memory.take(100)
    memory.take(600)
    memory.drop(600)
    memory.held = pool


@pytest.mark.parametrize(
    ("pool", "evaluation", "others", "fraction", "room"),
    [
        (0, 0, 0, 1.0, 300),  # what a step took for a while is needed again
        (0, 700, 0, 1.0, 200),  # so is what an evaluation takes, where that is more
        (600, 200, 0, 1.0, 100),  # in addition to the pool of a graph, which stays
        (0, 0, 150, 1.0, 150),
        (0, 0, 0, 0.8, 100),
        (0, 0, 400, 0.8, 0),
    ],
)
def test_the_room_beside_a_member_is_counted_from_the_peak(
    pool: int, evaluation: int, others: int, fraction: float, room: int, memory: FakeMemory
) -> None:
    memory.others, memory.fraction = others, fraction
    trained(memory, pool=pool)

    def evaluate() -> None:
        memory.take(evaluation)
        memory.drop(evaluation)

    assert room_beside(GPU, evaluate) == room


class SetUpError(Exception):
    """The device would be set up now."""


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What devices were set up with, each of which ends its job."""
    found: list[tuple[Any, ...]] = []

    def set_up(*given: Any) -> None:
        found.append(given)
        raise SetUpError

    for module in (pack, costs, probe_module):
        monkeypatch.setattr(module, "set_up_device", set_up)
    monkeypatch.setattr("lps_sweep.train.set_up_device", set_up)
    return found


def test_each_job_sets_its_device_up_with_its_part(
    asked: list[tuple[Any, ...]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = pack_job(tmp_path, device=("cuda", 3, 0.5))
    monkeypatch.setattr("lps_sweep.train.device_facts", lambda *_: {})
    monkeypatch.setattr("lps_sweep.train.device.usable_gpus", lambda: Gpus(2))
    cost, trunk = CostJob(job.place, "c", job.spec), TrunkJob(job.place, "t", config_of())
    for one in (job, cost, trunk):
        with pytest.raises(SetUpError):
            list(perform(one))
    assert asked == [("cuda", 3, 0.5)] * 3
    for share, resources in ((0.5, 0.5), (1.0, 2.0), (1.0, None)):
        with pytest.raises(SetUpError):
            probe_module.probe(None, 0, Resources(cpus_per_pack=3, gpus_per_pack=resources))  # type: ignore[arg-type]
        assert asked.pop() == ("cuda", 3, share)
