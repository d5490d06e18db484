"""In no step does the host wait for the device: from the batch's indices to the sums."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import DynamicOutputShapeException

from lps_sweep.config import Config
from lps_sweep.data import views
from lps_sweep.data.random import Key
from lps_sweep.train import Run
from lps_sweep.train.batch import Batch
from lps_sweep.train.capture import Recorder
from lps_sweep.train.learner import Learner
from tests.host_syncs import HostSyncs, all_on
from tests.train.fake_gpu import AsItStands, fake_run, step
from tests.train.step_cases import ARMS, colour, step_cases, ways, with_loop
from tests.train.train_cases import config_of, learner_of, run_of

CASES = step_cases()
WAYS = ways(CASES)
every_way = pytest.mark.parametrize("config", WAYS.values(), ids=WAYS)


def test_all_arms_are_among_the_cases() -> None:
    assert {"full", "without_margin", "without_pc", "without_uc", "without_entropy"} <= set(ARMS)
    assert set(ARMS) <= set(CASES)


@every_way
def test_no_step_waits(config: Config) -> None:
    with fake_run(config) as run:
        learner = learner_of(run, "0")
        learner.start_epoch(0)
        step(run, learner, 0)  # constants come onto the device, and the first momentum is made
        with HostSyncs() as syncs:
            learner.start_epoch(1)
            batch = step(run, learner, 1)
        assert syncs.num_seen > 200
        owned = (batch, learner.tail.state_dict(), learner._sums, learner._progress)
        assert all_on("cuda", owned)
        rates = [group["lr"] for group in learner.optimizer.param_groups]
        assert all_on("cuda", rates)
        assert {rate.dtype for rate in rates} == {torch.float32}


@every_way
def test_no_backward_pass_waits(config: Config) -> None:
    """On a CPU, where gradients are real."""
    if config.loop.precision == "tf32":
        config = with_loop(config, precision="float32")
    run = run_of([config])
    learner = learner_of(run, "0")
    learner.start_epoch(0)
    batch = run.batch(0, 0)
    with HostSyncs() as syncs:
        learner.step(batch, 0)
    assert syncs.num_seen > 100


class Fixed(Run):
    """A Run that does what has to be done around records, without any."""

    def _make_recorder(self) -> Recorder:
        return AsItStands()


@pytest.mark.parametrize(
    ("name", "graph", "on_host"),
    [("full", True, True), ("orca", True, False), ("RandAugment", False, True)],
)
def test_neither_images_of_the_host_nor_what_is_around_records_waits(
    name: str, graph: bool, on_host: bool
) -> None:
    config = with_loop(CASES[name], graph=graph)
    with fake_run(config, on_host=on_host, kind=Fixed) as run:
        assert run.images.index_device.type == ("cpu" if on_host else "cuda")
        learner = learner_of(run, "0")
        learner.start_epoch(0)
        first = step(run, learner, 0)
        with HostSyncs() as syncs:
            learner.start_epoch(1)
            assert (step(run, learner, 1) is first) == graph
        assert syncs.num_seen > 200


def test_activations_and_tails_are_channels_last_on_a_gpu() -> None:
    with fake_run(config_of()) as run:
        batch = run.batch(0, 0)
        tensors = [*batch.views.values(), next(learner_of(run, "0").tail.parameters())]
        assert all(x.is_contiguous(memory_format=torch.channels_last) for x in tensors)


def test_the_grouped_kernel_would_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    config = colour(config_of())
    monkeypatch.setattr(views, "FIXED_SHAPE", {})
    with fake_run(config) as run, pytest.raises(DynamicOutputShapeException):
        run.batch(0, 0)
    on_cpu = run_of([config])
    with HostSyncs(), pytest.raises(AssertionError, match="bincount waits"):
        on_cpu.batch(0, 0)


class LabelsFromTheHost(Run):
    def _made(self, images: Tensor, labels: Tensor, keys: Mapping[str, Key]) -> Batch:
        return super()._made(images, torch.zeros(len(labels)).to(self.device), keys)


def test_a_step_that_waits_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    run_and_syncs = fake_run(config_of(), kind=LabelsFromTheHost)
    with run_and_syncs as run, HostSyncs(), pytest.raises(AssertionError, match="_to_copy waits"):
        run.batch(0, 0)
    update = Learner._update

    def look(learner: Learner, batch: Batch) -> None:
        update(learner, batch)
        assert not learner._diverged

    monkeypatch.setattr(Learner, "_update", look)
    run = run_of([config_of()])
    learner = learner_of(run, "0")
    learner.start_epoch(0)
    batch = run.batch(0, 0)
    with HostSyncs(), pytest.raises(AssertionError, match="_local_scalar_dense waits"):
        learner.step(batch, 0)
