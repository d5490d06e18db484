"""What an evaluation gives to rules of selection, and that it never reads a hidden label."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest

from lps_sweep.config import SplitConfig
from lps_sweep.data import make_split
from lps_sweep.indices import COLUMNS, LAST_ONLY
from lps_sweep.methods import METHODS, config_class
from lps_sweep.metrics import accuracies
from lps_sweep.train import Run, evaluation
from lps_sweep.train.evaluation import train_and_evaluate
from tests.train.train_cases import CPU, SEED, backbone_of, config_of, image_set, split_of

WITHOUT_CLASSIFIER = {"gcd", "openncd"}


def rows(
    method: str, garbled: bool = False, rule_images: int = 1000, fold: str = ""
) -> list[dict[str, float]]:
    """The rows of two epochs; hidden labels may be other ones than the true.

    Hidden are those that the user does not have: a fold's are known.
    """
    config = config_of(method=config_class(method)(), epochs=2)
    config = dataclasses.replace(
        config,
        loop=dataclasses.replace(config.loop, rule_images=rule_images),
        split=SplitConfig(hidden_fold=fold),
    )
    split = split_of(config)
    targets = split.targets.copy()
    if garbled:
        draw = np.random.default_rng(0)
        hidden = np.setdiff1d(split.unlabeled, split.fold)
        targets[hidden] = draw.integers(0, split.num_classes, len(hidden))
    split = dataclasses.replace(split, targets=targets)
    run = Run(
        config,
        seed=SEED,
        images=image_set(),
        split=split,
        backbone=backbone_of(config),
        device=CPU,
    )
    run.add("a", config)
    found = []
    for epoch in range(run.num_epochs):
        training, evaluated = train_and_evaluate(run, epoch)
        assert not run.departures, run.departures
        found.append({**evaluated["a"].metrics, **training["a"]})
    return found


@pytest.mark.parametrize("fold", ["", "2/3"])
@pytest.mark.parametrize("method", METHODS)
def test_no_column_but_the_oracles_sees_hidden_labels(method: str, fold: str) -> None:
    true, garbled = rows(method, fold=fold), rows(method, garbled=True, fold=fold)
    assert all(("acc_fold" in row) == bool(fold) for row in true)
    oracle = accuracies(np.arange(2), np.arange(2), 1, 2).keys()
    for one, other in zip(true, garbled, strict=True):
        assert {k: v for k, v in one.items() if k not in oracle} == {
            k: v for k, v in other.items() if k not in oracle
        }
    assert any(one[k] != other[k] for one, other in zip(true, garbled, strict=True) for k in oracle)
    assert np.isfinite(list(true[-1].values())).all()


def test_lps_has_every_column_and_the_views_only_at_the_end() -> None:
    *before, last = rows("lps")
    assert COLUMNS.keys() <= last.keys()
    assert all(COLUMNS.keys() - row.keys() == LAST_ONLY for row in before)
    assert 0 <= last["view_agreement"] <= 100
    assert 1 / 6 <= last["confidence"] <= 1


def test_columns_of_methods_without_a_classifier() -> None:
    for method in WITHOUT_CLASSIFIER:
        assert "confidence" not in rows(method)[-1]
    clusters = rows("simclr_kmeans")[-1]
    assert {"silhouette", "balance"} <= clusters.keys()
    assert not {"silhouette_novel", "confidence", "view_agreement"} & clusters.keys()


def test_a_fold_is_scored_by_the_best_matching_of_its_own_images() -> None:
    split = make_split(image_set().labels, 6, SplitConfig(hidden_fold="1/2"))
    draw = np.random.default_rng(1)
    predictions = draw.integers(0, 6, len(split.unlabeled))
    places = [split.unlabeled.tolist().index(image) for image in split.fold]
    pairs = [(split.targets[i], predictions[p]) for i, p in zip(split.fold, places, strict=True)]
    classes = range(split.num_seen, 3)
    best = max(
        sum((c, i) in zip(classes, ids, strict=True) for c, i in pairs)
        for ids in itertools.permutations(range(6), len(classes))
    )
    assert evaluation.fold_accuracy(split, predictions) == pytest.approx(100 * best / len(pairs))
    other = predictions.copy()
    other[np.setdiff1d(np.arange(len(other)), places)] = 0
    assert evaluation.fold_accuracy(split, other) == evaluation.fold_accuracy(split, predictions)


def test_the_subset_s_size_changes_its_columns_and_nothing_else() -> None:
    whole, few, none = rows("lps")[-1], rows("lps", rule_images=20)[-1], rows("lps", rule_images=0)
    changed = {name for name in whole if few.get(name) != whole[name]}
    assert {"silhouette", "confidence"} <= changed <= COLUMNS.keys() - {"balance", "kl_to_prior"}
    assert whole.keys() - none[-1].keys() == COLUMNS.keys() - {"balance", "kl_to_prior"}


def test_features_are_those_of_the_subset_in_however_many_batches(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = rows("simgcd", rule_images=11)
    monkeypatch.setattr(evaluation, "EVALUATION_BATCH", 7)
    parts = rows("simgcd", rule_images=11)
    names = COLUMNS.keys() - LAST_ONLY
    for one, other in zip(whole, parts, strict=True):
        assert {n: one[n] for n in names} == pytest.approx({n: other[n] for n in names}, rel=1e-4)
