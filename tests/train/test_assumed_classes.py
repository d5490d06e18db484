"""A head with more or fewer classes than there are, and classes that are left out."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from lps_sweep.config import Config, SplitConfig, pack_key
from lps_sweep.errors import BadInputError
from lps_sweep.methods import METHODS, objective_class
from lps_sweep.metrics import accuracies
from lps_sweep.models import CosineHead
from lps_sweep.train import evaluate, train_pack
from tests.train.pack_cases import ends_of, spec_of
from tests.train.train_cases import (
    alone,
    apart,
    differences,
    learner_of,
    run_of,
    split_of,
    two_configs,
)

HASHES = {"data": "d", "split": "s", "trunk": "t"}


def assuming(classes: int, method: str = "lps", novel: int = 0, epochs: int = 3) -> Config:
    config = two_configs(method, epochs=epochs)[0]
    head = dataclasses.replace(config.head, assumed_classes=classes)
    return dataclasses.replace(config, head=head, split=SplitConfig(novel_classes=novel))


@pytest.mark.parametrize("method", METHODS)
def test_members_of_one_pack_may_assume_different_numbers(method: str) -> None:
    configs = [assuming(n, method) for n in (0, 3, 6, 11)]
    assert len({pack_key(config, 0, **HASHES) for config in configs}) == 1
    assert apart(configs, epochs=2) == []
    learners = [learner_of(run_of([config]), "0") for config in configs]
    assert [learner.objective.num_classes for learner in learners] == [6, 3, 6, 11]
    if isinstance(learners[0].head, CosineHead):
        assert [learner.head.weight.shape[1] for learner in learners] == [6, 3, 6, 11]
    given, written_out = alone(configs[0], epochs=2), alone(configs[2], epochs=2)
    assert differences(given, written_out) == []


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("assumed", "novel"), [(0, 2), (3, 0), (9, 2)])
def test_what_is_kept_of_a_trial_fits_together(
    method: str, assumed: int, novel: int, tmp_path: Path
) -> None:
    config = assuming(assumed, method, novel, epochs=1)
    split = split_of(config)
    (end,) = ends_of(list(train_pack(spec_of(tmp_path, {"it": config}))))
    assert end.status == "done"
    num_heads = assumed or split.num_classes
    targets, predictions = end.arrays["targets"], end.arrays["predictions"]
    assert np.array_equal(end.arrays["unlabeled_indices"], split.unlabeled)
    assert np.array_equal(targets, split.targets[split.unlabeled])
    assert set(np.unique(targets)) == set(range(split.num_classes))
    assert predictions.max() < num_heads
    if method == "lps":
        assert end.arrays["pi_hat"].shape == (1, num_heads)
        assert end.arrays["pi_hat"].sum(1) == pytest.approx(1, abs=1e-5)
    if method == "simclr_kmeans":
        assert set(predictions) == set(range(num_heads))
    aligned = objective_class(method).aligned
    again = accuracies(targets, predictions, split.num_seen, split.num_classes, aligned)
    assert {name: end.metrics[name] for name in again} == again


def test_dropped_images_are_neither_trained_on_nor_evaluated() -> None:
    config = assuming(0, novel=1)
    run = run_of([config])
    dropped = set(np.flatnonzero(run.split.targets < 0))
    assert len(dropped) == 24
    for epoch in range(3):
        for step in range(run.batches.num_steps):
            rows = {*run.batches.labeled_indices(epoch, step).tolist()}
            rows |= {*run.batches.unlabeled_indices(epoch, step).tolist()}
            assert not rows & dropped
    assert (
        len(evaluate(run)["0"].predictions)
        == len(run.split.unlabeled)
        == 72 - 24 - len(run.split.labeled)
    )


def test_a_run_refuses_a_head_without_room_for_the_seen_classes() -> None:
    run = run_of([assuming(0)])
    with pytest.raises(BadInputError, match=r"^assumed_classes: 2 classes do not fit 3 seen"):
        run.add("narrow", assuming(2))
