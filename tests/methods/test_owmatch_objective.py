from __future__ import annotations

import pytest
import torch
from torch import Tensor

from lps_sweep.methods.owmatch import OwMatchConfig
from lps_sweep.methods.owmatch.objective import OwMatchObjective
from lps_sweep.methods.protocol import StepContext, TailOutput
from tests.methods.losses.owmatch import (
    NUM_CLASSES,
    NUM_SEEN,
    SCALE,
    OwMatch,
    SlowMeans,
    batch_codes,
    hardened,
    judged,
    slow_terms,
)
from tests.methods.losses.slow import Matrix
from tests.methods.parts_cases import parts_of

NUM_ROWS, LABELS = 7, [0, 1, 0]


def built(**values: object) -> OwMatchObjective:
    config = OwMatchConfig(**values)  # type: ignore[arg-type]
    of = OwMatchObjective(config, NUM_CLASSES, "cpu")
    of.build(parts_of(feature_dim=4, head_scale=SCALE, num_seen=NUM_SEEN))
    return of


def batch(seed: int) -> list[Tensor]:
    return [view.detach().float() for view in OwMatch().case(seed=seed).leaves.values()]


def step(of: OwMatchObjective, views: list[Tensor]) -> dict[str, Tensor]:
    outputs = {
        n: TailOutput(torch.zeros(NUM_ROWS, 4), z) for n, z in zip(of.views, views, strict=True)
    }
    context = StepContext(NUM_SEEN, torch.tensor(0.0), torch.rand(NUM_ROWS))
    found = of.loss(outputs, torch.tensor(LABELS), context)
    assert found.diagnostics["loss_total"].item() == found.total.item()
    return found.diagnostics


@pytest.mark.parametrize("length", [3, 7, 10, 14, 1024])
def test_steps_follow_the_slow_reference_with_the_newest_rows_queued(length: int) -> None:
    of = built(queue_length=length, threshold_kept=0.5, epsilon=0.1)
    config = of.config
    earlier: tuple[Matrix, Matrix] = ([], [])
    means = SlowMeans([0.5, 0.5], [[0.5] * NUM_SEEN, [0.5] * (NUM_CLASSES - NUM_SEEN)])
    for seed in range(4):
        views = batch(seed)
        z = [view.double().tolist() for view in views]
        kept = max(length - NUM_ROWS, 0)
        before = means.thresholds(config.threshold_floor)
        predicted, mask = judged(z[1], before)
        codes = [
            batch_codes(rows, LABELS, queue[-kept:] if kept else [], config)
            for rows, queue in zip(z[:2], earlier, strict=True)
        ]

        found = step(of, views)

        wanted = slow_terms(tuple(z), LABELS, codes, predicted, mask, config)
        assert found["loss_total"].item() == pytest.approx(wanted["total"], abs=1e-4)
        assert found["confident_share"].item() == pytest.approx(100 * sum(mask) / NUM_ROWS)
        assert found["threshold_seen"].item() == pytest.approx(sum(before[:2]) / 2, abs=1e-5)
        assert found["threshold_novel"].item() == pytest.approx(sum(before[2:]) / 3, abs=1e-5)
        means.update(z[1], NUM_SEEN, config.threshold_kept)
        for rows, view in zip(earlier, z, strict=False):
            rows += hardened(view, LABELS)
    assert of.count.item() == min(length, 4 * NUM_ROWS)
