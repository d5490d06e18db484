"""The baseline is honest: it computes what ours computes, in its own way."""

from __future__ import annotations

import dataclasses
import itertools
import random
from collections import Counter
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from benchmarks.reference_style import loss as reference
from benchmarks.reference_style import views as reference_views
from benchmarks.reference_style.loaders import Loaders
from benchmarks.reference_style.loop import ReferenceLoop
from benchmarks.states import relative_error
from benchmarks.workload import (
    SEED,
    SMALL,
    VIEWS,
    backbone_of,
    config_of,
    data_of,
    prepared,
    run_of,
)
from lps_sweep.config import DataConfig
from lps_sweep.data import data_set, load
from lps_sweep.data.randaugment import OPERATIONS
from lps_sweep.data.views import make_view, plain_view
from lps_sweep.methods.hyper import Hyper
from lps_sweep.methods.lps import LPSConfig
from lps_sweep.methods.lps.core import lps_terms
from lps_sweep.train import evaluate
from tests.data import pil_reference

CPU = torch.device("cpu")
SIZE = dataclasses.replace(SMALL, num_steps=3)


Views = tuple[Tensor, Tensor, Tensor]


def logits(scale: float, rows: int = 24, classes: int = 6) -> Views:
    generator = torch.Generator().manual_seed(5)
    shared = torch.randn((rows, classes), generator=generator, dtype=torch.float64) * scale
    noise = torch.randn((3, rows, classes), generator=generator, dtype=torch.float64) / 2
    weak1, weak2, strong = ((shared + part).requires_grad_() for part in noise)
    return weak1, weak2, strong


def lps_loss(
    *given: Tensor, num_seen: int, progress: float, config: LPSConfig, average: Tensor
) -> Tensor:
    weak1, weak2, strong, labels = given
    hyper = Hyper.of(config, "cpu", torch.float64)
    done = torch.tensor(progress, dtype=torch.float64)
    terms = lps_terms(
        *(weak1, weak2, strong, labels, hyper),
        num_seen=num_seen,
        progress=done,
        pi_hat_before=average.clone(),
    )
    return terms.total


def with_gradients(total: Tensor, leaves: Views) -> list[Tensor]:
    return [total.detach(), *torch.autograd.grad(total, leaves, materialize_grads=True)]


@pytest.mark.parametrize("scale", [0.0, 1.0, 3.0, 40.0], ids=lambda scale: f"scale {scale}")
@pytest.mark.parametrize(
    ("config", "progress"),
    [
        (LPSConfig(), 0.35),
        (LPSConfig(C=1.0, tau=0.2, eta1=0.7, eta2=1.9, w_entropy=0.3), 0.9),
        (LPSConfig(C=0.0), 0.0),
        (LPSConfig(pi_ema=0.9), 0.35),
    ],
    ids=["defaults", "others", "no margin", "average of batches"],
)
def test_loss_and_gradients_are_those_of_training(
    scale: float, config: LPSConfig, progress: float
) -> None:
    """From no row confident (scale 0) to all of them (40)."""
    labels = torch.tensor([0, 1, 2, 0, 1])
    leaves = logits(scale)
    average = torch.tensor([0.4, 0.2, 0.1, 0.1, 0.1, 0.1], dtype=torch.float64)
    given: dict[str, Any] = {
        "num_seen": 3,
        "progress": progress,
        "config": config,
        "average": average,
    }
    ours = with_gradients(lps_loss(*leaves, labels, **given), leaves)
    theirs = with_gradients(reference.loss(*leaves, labels, **given), leaves)
    for found, right in zip(theirs, ours, strict=True):
        if right.norm() > 1e-12:
            assert relative_error(found, right) < 1e-5
        else:
            assert found.norm() < 1e-9


def loop_and_run() -> tuple[ReferenceLoop, Any]:
    config = config_of(SIZE)
    split = data_of(SIZE)[1]
    loop = ReferenceLoop(config, seed=SEED, split=split, backbone=backbone_of(SIZE), device=CPU)
    return loop, run_of(SIZE, [config], CPU)


@pytest.mark.parametrize(("frozen_through", "pi_ema"), [("stage3", 0.9), ("none", 0.0)])
def test_training_on_the_same_views_gives_the_same_network(
    frozen_through: str, pi_ema: float
) -> None:
    size = dataclasses.replace(SIZE, frozen_through=frozen_through)
    config = config_of(size, LPSConfig(pi_ema=pi_ema))
    loop = ReferenceLoop(
        config, seed=SEED, split=data_of(size)[1], backbone=backbone_of(size), device=CPU
    )
    run = run_of(size, [config], CPU)
    before = {name: x.clone() for name, x in loop.network.state_dict().items()}
    for epoch in range(2):
        losses = loop.train(list(prepared(run, epoch)), epoch)
        metrics = run.train_epoch(epoch)["member 0"]
        assert sum(losses) / len(losses) == pytest.approx(metrics["loss_total"], rel=1e-4)
    learner = run.members[0].learner
    theirs = loop.network.state_dict()
    ours = [*run.trunk.state_dict().values(), *learner.tail.state_dict().values()]
    for found, right in zip(theirs.values(), ours, strict=True):
        assert relative_error(found, right) < 1e-2
    assert relative_error(loop.head.weight, learner.head.weight) < 1e-3
    moved = [relative_error(before[n], found) for n, found in theirs.items() if "0.weight" in n]
    assert max(moved) > 0.05


def test_an_evaluation_is_that_of_the_same_weights() -> None:
    loop, run = loop_and_run()
    images, split = data_of(SIZE)
    theirs = loop.evaluate(Loaders(images, split, SIZE.batch_size))
    ours = evaluate(run)["member 0"].metrics
    assert theirs == pytest.approx({name: ours[name] for name in theirs})


def test_batches_are_those_of_the_method() -> None:
    images, split = data_of(SIZE)
    batches = list(Loaders(images, split, SIZE.batch_size).epoch())
    assert len(batches) == SIZE.num_steps
    labels = torch.cat([labels for _, labels in batches])
    assert Counter(labels.tolist()) == Counter(split.targets[split.labeled].tolist())
    for views, _ in batches:
        assert [tuple(view.shape) for view in views] == [(SIZE.batch_size, 3, 32, 32)] * 3
        for first, second in itertools.combinations(views, 2):
            assert not torch.equal(first, second)


def test_small_grey_images_get_affine_views_about_as_ours_do() -> None:
    """Other random decisions, the same distribution: mean, spread and neighbours in it."""
    numbers = DataConfig(dataset="numbers")
    images, recipe = load(numbers), data_set("numbers").recipe
    rows = range(256)
    pixels = np.ascontiguousarray(images.images.transpose(0, 2, 3, 1))[:256]
    torch.manual_seed(0)
    random.seed(0)
    made = reference_views.Views(pixels, images.labels, True, recipe)
    theirs = [torch.stack(views) for views in zip(*(made[row][0] for row in rows), strict=True)]
    batch = torch.from_numpy(images.images[:256])
    for found, name in zip(theirs, VIEWS, strict=True):
        right = make_view(batch, recipe, name, (0,))
        assert found.shape == right.shape == (256, 1, 8, 16)
        assert found.mean().item() == pytest.approx(right.mean().item(), abs=0.05)
        assert found.std().item() == pytest.approx(right.std().item(), rel=0.05)
        moved = [(views - plain_view(batch, recipe)).abs().mean() for views in (found, right)]
        assert moved[0].item() == pytest.approx(
            moved[1].item(), rel=0.15
        )  # theirs shifts by whole pixels
    assert not torch.equal(theirs[0], theirs[1])
    plain = reference_views.Views(pixels, images.labels, False, recipe)
    torch.testing.assert_close(
        torch.stack([plain[row][0][0] for row in rows]), plain_view(batch, recipe)
    )


def test_the_strong_view_has_its_cutout_and_all_operations() -> None:
    picture = Image.fromarray(np.full((32, 32, 3), 200, dtype=np.uint8))
    seen: set[str] = set()
    apply = pil_reference.apply_operation

    def noted(image: Any, operation: Any) -> Any:
        seen.add(operation.name)
        assert 1 <= operation.magnitude <= 9
        return apply(image, operation)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pil_reference, "apply_operation", noted)
        for _ in range(300):
            made = np.asarray(reference_views.rand_augment(picture))
            assert (made == 127).all(axis=2).sum() >= 9 * 9
    assert seen == set(OPERATIONS)
