"""A head with more or fewer classes than there are, and classes that are left out."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from lps_sweep.config import Config, SplitConfig, pack_key
from lps_sweep.errors import BadInputError
from lps_sweep.methods import METHODS, config_class
from lps_sweep.metrics import accuracies
from lps_sweep.train import Finished, evaluate, pack, train_pack
from tests.train.test_train_pack import spec_of
from tests.train.train_cases import (
    config_of,
    differences,
    image_set,
    learner_of,
    run_of,
    snapshot,
    split_of,
    train,
)

HASHES = {"data": "d", "split": "s", "trunk": "t"}


def assuming(classes: int, method: str = "lps", novel: int = 0) -> Config:
    config = config_of(method=config_class(method)())
    head = dataclasses.replace(config.head, assumed_classes=classes)
    return dataclasses.replace(config, head=head, split=SplitConfig(novel_classes=novel))


@pytest.mark.parametrize("method", METHODS)
def test_members_of_one_pack_may_assume_different_numbers(method: str) -> None:
    configs = [assuming(n, method) for n in (0, 3, 6, 11)]
    assert len({pack_key(config, 0, **HASHES) for config in configs}) == 1
    both = run_of(configs)
    history = train(both, range(min(2, both.num_epochs)))
    for i, config in enumerate(configs):
        solo = run_of({str(i): config})
        assert train(solo, range(min(2, solo.num_epochs)))[str(i)] == history[str(i)]
        assert differences(snapshot(both, str(i)), snapshot(solo, str(i))) == []
    assert not both.departures
    assert [learner_of(both, str(i)).head.weight.shape[1] for i in range(4)] == [6, 3, 6, 11]


@pytest.mark.parametrize("method", METHODS)
def test_the_true_number_written_out_changes_nothing(method: str) -> None:
    runs = [run_of({"it": assuming(n, method)}) for n in (0, 6)]
    histories = [train(run, range(min(2, run.num_epochs))) for run in runs]
    assert histories[0] == histories[1]
    assert differences(*(snapshot(run, "it") for run in runs)) == []


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("assumed", [0, 3, 9])
@pytest.mark.parametrize("novel", [0, 2])
def test_what_is_kept_of_a_trial_fits_together(
    method: str, assumed: int, novel: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pack, "load", lambda _: image_set())
    config = assuming(assumed, method, novel)
    split = split_of(config)
    events = [e for batch in train_pack(spec_of(tmp_path, {"it": config})) for e in batch]
    end = events[-1]
    assert isinstance(end, Finished)
    assert end.status == "done"
    num_heads = assumed or split.num_classes
    targets, predictions = end.arrays["targets"], end.arrays["predictions"]
    assert np.array_equal(end.arrays["unlabeled_indices"], split.unlabeled)
    assert np.array_equal(targets, split.targets[split.unlabeled])
    assert set(np.unique(targets)) == set(range(split.num_classes))
    assert predictions.max() < num_heads
    if method == "lps":
        assert end.arrays["pi_hat"].shape == (3, num_heads)
        assert end.arrays["pi_hat"].sum(1) == pytest.approx(1, abs=1e-5)
    if method == "simclr_kmeans":
        assert set(predictions) == set(range(num_heads))
    aligned = method != "simclr_kmeans"
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
