"""FixMatch in a Run: what is evaluated."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from lps_sweep.methods.fixmatch import FixMatchConfig
from lps_sweep.methods.kmeans import kmeans
from lps_sweep.methods.rejection import ids
from lps_sweep.methods.rejection.ids import open_world_ids
from lps_sweep.train import Run, evaluate
from tests.train.train_cases import config_of, learner_of, run_of, train


def run_with(decay: float, **values: float) -> Run:
    return run_of([config_of(method=FixMatchConfig(ema_decay=decay, **values))])  # type: ignore[arg-type]


def plain(run: Run) -> Tensor:
    return run.plain_activations(torch.from_numpy(run.split.unlabeled))


def test_only_the_last_epoch_has_all_runs_of_k_means(monkeypatch: pytest.MonkeyPatch) -> None:
    counts: list[int] = []

    def noted(features: Tensor, num_clusters: int, *, n_init: int, seed: int) -> Tensor:
        counts.append(n_init)
        return kmeans(features, num_clusters, n_init=n_init, seed=seed)

    monkeypatch.setattr(ids, "kmeans", noted)
    run = run_with(0.9, n_init=4)
    evaluate(run)
    train(run, range(3))

    assert counts == [4, 1, 1, 4]


def test_an_evaluation_gives_the_ids_of_open_world_ids() -> None:
    run = run_with(0.5, rejection_threshold=0.38)
    run.train_epoch(0)
    output = learner_of(run, "0").predict(plain(run))
    confidence, seen = torch.softmax(output.logits, 1).max(1)

    found = evaluate(run)["0"].predictions

    assert 0 < int((confidence >= 0.38).sum()) < len(seen)
    wanted = open_world_ids(seen, confidence >= 0.38, output.features, 3, 6)
    assert found.tolist() == wanted.tolist()
