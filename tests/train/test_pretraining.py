"""SimCLR: its loss, and what a pre-trained backbone depends on."""

from __future__ import annotations

import copy
import dataclasses
import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from lps_sweep.config import Config
from lps_sweep.data import ImageSet
from lps_sweep.models import build_network
from lps_sweep.train import Pretraining
from lps_sweep.train import pretrain as pretrain_module
from lps_sweep.train.capture import WARM_UPS, Recorder
from lps_sweep.train.device import set_convolutions
from lps_sweep.train.pretrain import nt_xent
from tests.host_syncs import HostSyncs
from tests.methods.losses.slow import contrastive
from tests.train.fake_gpu import fake_pretraining
from tests.train.step_cases import colour
from tests.train.tape import TapeRecorder
from tests.train.train_cases import CPU, config_of, differences, image_set

SETTINGS = {"pretrain_epochs": 3, "pretrain_batch_size": 24, "pretrain_lr": 0.1}


Trained = tuple[list[tuple[int, float]], dict[str, Tensor]]


def trained(images: ImageSet | None = None, **settings: float) -> Trained:
    config = config_of(pretrain={**SETTINGS, **settings})
    training = Pretraining(config, images or image_set(), CPU)
    return list(training), training.network.state_dict()


@pytest.mark.parametrize(("count", "temperature"), [(1, 0.5), (2, 2.0), (7, 0.1)])
def test_nt_xent_against_a_slow_reference(count: int, temperature: float) -> None:
    generator = torch.Generator().manual_seed(count)
    first, second = torch.randn(2, count, 5, generator=generator, dtype=torch.float64)
    loss = nt_xent(first, second, temperature)
    assert loss.shape == ()
    wanted = contrastive([*first.tolist(), *second.tolist()], [*range(count)] * 2, temperature)
    assert loss.item() == pytest.approx(wanted, abs=1e-12)


def test_nt_xent_in_closed_form() -> None:
    """Orthogonal images with equal views: one positive at 1, all else at 0."""
    views = torch.eye(4, dtype=torch.float64)
    wanted = -math.log(math.exp(2.0) / (math.exp(2.0) + 6))
    assert nt_xent(views, 3 * views, 0.5).item() == pytest.approx(wanted)


def test_nt_xent_is_symmetric_and_its_gradient_holds() -> None:
    generator = torch.Generator().manual_seed(0)
    first, second = torch.randn(2, 3, 4, generator=generator, dtype=torch.float64)
    assert nt_xent(first, second, 0.3).item() == pytest.approx(nt_xent(second, first, 0.3).item())
    first.requires_grad_()
    assert torch.autograd.gradcheck(lambda z: nt_xent(z, second, 0.3), (first,))


@pytest.fixture(scope="module")
def plain() -> Trained:
    return trained()


def test_the_loss_falls_and_every_epoch_changes_the_weights(plain: Trained) -> None:
    epochs, weights = trained(pretrain_epochs=6)
    assert [epoch for epoch, _ in epochs] == [1, 2, 3, 4, 5, 6]
    assert epochs[-1][1] < epochs[0][1] - 0.15
    assert "/parts.stage1.0.weight" in differences(plain[1], weights)


def test_nothing_but_images_and_seed_has_a_say(plain: Trained) -> None:
    """Neither the global generator, which is left as it was, nor labels."""
    images = image_set()
    torch.manual_seed(2)
    before = torch.get_rng_state()
    garbled = dataclasses.replace(images, labels=np.roll(images.labels, 5))
    assert differences(trained(garbled), plain) == []
    assert torch.equal(torch.get_rng_state(), before)
    others = dataclasses.replace(images, images=255 - images.images)
    for found in (trained(others), trained(pretrain_seed=1)):
        assert found[0] != plain[0]
        assert "/parts.stage1.0.weight" in differences(found[1], plain[1])


def test_zero_epochs_give_the_fresh_network() -> None:
    epochs, weights = trained(pretrain_epochs=0)
    assert epochs == []
    torch.manual_seed(0)
    assert differences(weights, build_network("small_cnn", 1).state_dict()) == []


@pytest.mark.parametrize(("batch_size", "batches"), [(30, 2), (1000, 1)])
def test_the_last_batch_may_be_dropped_but_the_first_is_not(batch_size: int, batches: int) -> None:
    _, weights = trained(pretrain_batch_size=batch_size)
    assert weights["parts.stage1.1.num_batches_tracked"] == 3 * 2 * batches


class Taped(Pretraining):
    """Pre-training whose steps are recorded on a CPU."""

    def _make_recorder(self) -> Recorder:
        self.tapes = TapeRecorder()
        return self.tapes


@pytest.fixture
def graphs_are_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pretrain_module, "set_up_step", lambda *_: None)


def graphed(precision: str = "float32", **settings: object) -> Config:
    given = {**SETTINGS, "pretrain_precision": precision, "pretrain_graph": True, **settings}
    return config_of(pretrain=given)


@pytest.mark.usefixtures("graphs_are_allowed")
@pytest.mark.parametrize(
    ("precision", "dataset"), [("float32", "digits"), ("bfloat16", "fashion_mnist")]
)
def test_recorded_pre_training_is_pre_training(precision: str, dataset: str) -> None:
    configs = [graphed(precision, pretrain_graph=graph) for graph in (False, True)]
    if dataset != "digits":
        configs = [colour(config) for config in configs]
    plain, taped = (Taped(config, image_set(), CPU) for config in configs)
    assert list(plain) == list(taped)
    assert differences(plain.state(), taped.state()) == []
    assert taped.tapes.num_warm_ups == WARM_UPS
    assert len(taped.tapes.tapes) == 1
    assert taped.tapes.num_replays == 3 * 3 - WARM_UPS


@pytest.mark.usefixtures("graphs_are_allowed")
def test_recorded_pre_training_goes_on_from_its_state() -> None:
    whole, first, again = (Taped(graphed(pretrain_epochs=5), image_set(), CPU) for _ in range(3))
    list(whole)
    for training in (first, again):
        steps = iter(training)
        next(steps)
        next(steps)
    state = copy.deepcopy(first.state())
    assert all(isinstance(g["lr"], float) for g in state["optimizer"]["param_groups"])
    list(first)  # nothing of it may be left in the records of the other
    again.load_state(state)
    list(again)
    assert differences(again.state(), whole.state()) == []


def test_compiled_is_what_is_trained_and_the_plain_network_what_is_kept(
    plain: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    passed: list[torch.Size] = []

    class Compiled(nn.Module):
        def __init__(self, part: nn.Module) -> None:
            super().__init__()
            self.part = part

        def forward(self, images: Tensor) -> Tensor:
            passed.append(images.shape)
            made: Tensor = self.part(images)
            return made

    monkeypatch.setattr(pretrain_module, "compiled", Compiled)
    monkeypatch.setattr(pretrain_module, "set_up_step", lambda *_: None)
    assert differences(plain, trained(pretrain_compile=True)) == []
    assert len(passed) == 2 * 3 * 3


@pytest.mark.parametrize(
    ("on_host", "graph", "precision"),
    [(False, False, "bfloat16"), (True, True, "float32"), (False, True, "bfloat16")],
)
def test_on_a_gpu_no_step_waits_and_all_is_in_its_layout(
    on_host: bool, graph: bool, precision: str
) -> None:
    config = colour(graphed(precision, pretrain_graph=graph))
    with fake_pretraining(config, on_host=on_host) as training:
        given: list[Tensor] = []
        training.network.register_forward_pre_hook(lambda _, x: given.append(*x))
        rows = torch.arange(24, device=training.images.index_device)
        training._step(training.images[rows], (0, 0, 0))
        with HostSyncs() as syncs:
            training._step(training.images[rows], (0, 0, 1))
        assert syncs.num_seen > 100
        weights = [w for w in training.network.parameters() if w.ndim == 4]
        assert len(given) == 4
        for tensor in (*given, *weights):
            assert tensor.is_contiguous(memory_format=torch.channels_last)
        assert {w.dtype for w in weights} == {torch.float32}


@pytest.mark.parametrize(("precision", "arithmetic"), [("float32", "tf32"), ("bfloat16", "ieee")])
def test_pre_training_sets_its_arithmetic_up_whatever_a_trial_left(
    precision: str, arithmetic: str
) -> None:
    cudnn: Any = torch.backends.cudnn
    before = cudnn.conv.fp32_precision
    try:
        for left in ("ieee", "tf32"):
            set_convolutions(left)
            with fake_pretraining(graphed(precision, pretrain_graph=False)):
                assert cudnn.conv.fp32_precision == arithmetic
    finally:
        set_convolutions(before)
