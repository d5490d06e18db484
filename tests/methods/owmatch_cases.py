"""Batches to try the loss of OwMatch on, and a check of it against the slow reference."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor

from lps_sweep.methods.hyper import Hyper
from lps_sweep.methods.owmatch import OwMatchConfig, core
from lps_sweep.methods.owmatch.assignment import Queue
from lps_sweep.methods.owmatch.thresholds import Means
from tests.methods.finite import Matrix, differences
from tests.methods.owmatch_reference import SlowMeans, slow_fixed, slow_total

NUM_SEEN, NUM_CLASSES, SCALE = 2, 5, 10.0
CONFIDENCE, CLASSES = [0.8, 0.5], [[0.6, 0.3], [0.4, 0.5, 0.1]]
"""Of the means before the step."""


@dataclass(frozen=True)
class Case:
    """A batch, and two queues of which the last `num_filled` rows hold something."""

    views: list[Tensor]
    labels: list[int]
    queues: tuple[Tensor, Tensor]
    num_filled: int
    config: OwMatchConfig = field(default_factory=OwMatchConfig)

    def memory(self) -> core.Memory:
        count, dtype = torch.tensor(self.num_filled), self.queues[0].dtype
        classes = [value for group in CLASSES for value in group]
        means = Means(torch.tensor(CONFIDENCE, dtype=dtype), torch.tensor(classes, dtype=dtype))
        return core.Memory(Queue(self.queues[0], count), Queue(self.queues[1], count), means)


def random_case(
    num_labeled: int = 3,
    num_rows: int = 7,
    *,
    num_crops: int = 0,
    room: int = 12,
    num_filled: int = 4,
    scale: float = 3.0,
    seed: int = 0,
    **values: Any,
) -> Case:
    """The classes of the labeled rows take turns; what the queue does not hold is NaN."""
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, NUM_CLASSES, generator=generator, dtype=torch.float64) * scale

    base = normal(num_rows)
    views = [(base + 0.3 * normal(num_rows)).requires_grad_() for _ in range(3 + num_crops)]
    first, second = normal(2, room)
    first[: room - num_filled] = second[: room - num_filled] = 0.0
    labels = [i % NUM_SEEN for i in range(num_labeled)]
    return Case(views, labels, (first, second), num_filled, OwMatchConfig(**values))


def terms_of(case: Case, module: ModuleType = core, memory: core.Memory | None = None) -> Any:
    weak1, weak2, strong, *crops = case.views
    return module.owmatch_terms(
        weak1,
        weak2,
        strong,
        torch.tensor(case.labels, dtype=torch.int64),
        memory or case.memory(),
        Hyper.of(case.config, "cpu", case.queues[0].dtype),
        num_seen=NUM_SEEN,
        scale=SCALE,
        num_rounds=case.config.num_rounds,
        crops=crops,
    )


def gradients(case: Case, total: Tensor) -> list[Tensor]:
    return list(torch.autograd.grad(total, case.views, retain_graph=True, materialize_grads=True))


def check(
    case: Case, queues: tuple[Matrix, Matrix] | None = None, module: ModuleType = core
) -> None:
    """Codes, mask, thresholds, queues, total and every element of its gradients.

    `queues` are the old rows that are assigned with the batch; all that are held by default.
    """
    config, z = case.config, [view.tolist() for view in case.views]
    held = [x[len(x) - case.num_filled :].tolist() for x in case.queues]
    queues = queues or (held[0], held[1])
    means = SlowMeans(list(CONFIDENCE), [list(values) for values in CLASSES])
    before = means.thresholds(config.threshold_floor)
    fixed = slow_fixed((z[0], z[1]), case.labels, queues, before, config, SCALE)
    terms = terms_of(case, module)
    means.update(torch.softmax(case.views[1], dim=1).tolist(), NUM_SEEN, config.threshold_kept)
    assert terms.thresholds.tolist() == pytest.approx(before, abs=1e-12)
    floor = torch.tensor(config.threshold_floor, dtype=torch.float64)
    after = terms.memory.means.thresholds(NUM_SEEN, floor)
    assert after.tolist() == pytest.approx(means.thresholds(config.threshold_floor), abs=1e-12)
    assert terms.mask.tolist() == fixed.mask
    assert terms.pseudo_labels.tolist() == fixed.predicted
    for found, wanted in zip(terms.codes, fixed.codes, strict=True):
        assert (found - torch.tensor(wanted).double()).abs().max().item() < 1e-6

    def loss(*views: Matrix) -> float:
        return slow_total(views, case.labels, fixed, config)

    assert terms.total.item() == pytest.approx(loss(*z), abs=1e-9)
    for found, right in zip(gradients(case, terms.total), differences(loss, z), strict=True):
        assert (found - torch.tensor(right, dtype=torch.float64)).abs().max().item() < 1e-7
