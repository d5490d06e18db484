"""SimCLR: its loss, and what a pre-trained backbone depends on."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import torch
from torch import Tensor

from lps_sweep.data import ImageSet
from lps_sweep.models import build_network
from lps_sweep.train import Pretraining
from lps_sweep.train.pretrain import nt_xent
from tests.train.train_cases import CPU, config_of, differences, image_set

SETTINGS = {"pretrain_epochs": 3, "pretrain_batch_size": 24, "pretrain_lr": 0.1}


def trained(
    images: ImageSet, **settings: float
) -> tuple[list[tuple[int, float]], dict[str, Tensor]]:
    training = Pretraining(config_of(pretrain={**SETTINGS, **settings}), images, CPU)
    return list(training), training.network.state_dict()


def slow_nt_xent(first: Tensor, second: Tensor, temperature: float) -> float:
    rows = [*first.tolist(), *second.tolist()]
    count = len(rows)

    def cosine(a: list[float], b: list[float]) -> float:
        dot = sum(x * y for x, y in zip(a, b, strict=True))
        return dot / math.sqrt(sum(x * x for x in a) * sum(y * y for y in b))

    total = 0.0
    for i in range(count):
        partner = (i + count // 2) % count
        others = [math.exp(cosine(rows[i], rows[j]) / temperature) for j in range(count) if j != i]
        positive = math.exp(cosine(rows[i], rows[partner]) / temperature)
        total -= math.log(positive / sum(others))
    return total / count


@pytest.mark.parametrize("temperature", [0.1, 0.5, 2.0])
@pytest.mark.parametrize("count", [1, 2, 7])
def test_nt_xent_against_a_slow_reference(count: int, temperature: float) -> None:
    generator = torch.Generator().manual_seed(count)
    first, second = torch.randn(2, count, 5, generator=generator, dtype=torch.float64)
    loss = nt_xent(first, second, temperature)
    assert loss.shape == ()
    assert loss.item() == pytest.approx(slow_nt_xent(first, second, temperature), abs=1e-12)


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


def test_the_loss_falls() -> None:
    epochs, _ = trained(image_set(), pretrain_epochs=6)
    assert [epoch for epoch, _ in epochs] == [1, 2, 3, 4, 5, 6]
    losses = [loss for _, loss in epochs]
    assert losses[-1] < losses[0] - 0.15


def test_every_epoch_changes_the_weights_and_the_last_batch_may_be_dropped() -> None:
    training = Pretraining(
        config_of(pretrain={**SETTINGS, "pretrain_batch_size": 30}), image_set(), CPU
    )
    before = {name: value.clone() for name, value in training.network.state_dict().items()}
    next(iter(training))
    after = training.network.state_dict()
    assert "/parts.stage1.0.weight" in differences(before, after)
    assert after["parts.stage1.1.num_batches_tracked"] == 2 * (72 // 30)


def test_the_same_seed_gives_the_same_bits_whatever_the_global_generator() -> None:
    results = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        before = torch.get_rng_state()
        results.append(trained(image_set()))
        assert torch.equal(torch.get_rng_state(), before)
    assert differences(*results) == []


def test_another_seed_gives_other_weights() -> None:
    weights = [trained(image_set(), pretrain_seed=seed, pretrain_epochs=0)[1] for seed in (0, 1)]
    assert "/parts.stage1.0.weight" in differences(*weights)
    orders = [trained(image_set(), pretrain_seed=seed, pretrain_epochs=1)[0] for seed in (0, 1)]
    assert orders[0] != orders[1]


def test_labels_have_no_say() -> None:
    images = image_set()
    garbled = dataclasses.replace(images, labels=np.roll(images.labels, 5))
    assert differences(trained(images), trained(garbled)) == []


def test_images_have() -> None:
    images = image_set()
    other = dataclasses.replace(images, images=255 - images.images)
    assert "/parts.stage1.0.weight" in differences(trained(images)[1], trained(other)[1])


def test_zero_epochs_give_the_fresh_network() -> None:
    epochs, weights = trained(image_set(), pretrain_epochs=0)
    assert epochs == []
    torch.manual_seed(0)
    assert differences(weights, build_network("small_cnn", 1).state_dict()) == []


def test_a_batch_larger_than_the_data_takes_all_images() -> None:
    training = Pretraining(
        config_of(pretrain={**SETTINGS, "pretrain_batch_size": 1000}), image_set(), CPU
    )
    assert len(list(training)) == 3
    assert training.network.state_dict()["parts.stage1.1.num_batches_tracked"] == 6
