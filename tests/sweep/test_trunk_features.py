"""Features of the pre-trained trunk with the labels that are known, and no others."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from lps_sweep.config import Config, config_from_flat, preset_values
from lps_sweep.data import OpenWorldSplit, load, make_split
from lps_sweep.errors import MissingInputError
from lps_sweep.models import build_network
from lps_sweep.sweep import trunk_features as module
from lps_sweep.sweep.trunk_features import trunk_features, trunk_of
from lps_sweep.train import save_state

UNKNOWN = -1


@pytest.fixture
def config() -> Config:
    values = {**preset_values("digits", "lps"), "pretrain_epochs": 0, "labeled_holdout": 0.1}
    return config_from_flat({"method": "lps", **values})


@pytest.fixture
def results(tmp_path: Path, config: Config) -> Path:
    """A folder with a trunk of random weights."""
    torch.manual_seed(0)
    trunk, _ = trunk_of(config)
    folder = tmp_path / "checkpoints" / "trunks"
    saved = save_state(build_network(config.trunk.network, 1).state_dict(), folder, trunk)
    saved.path.with_suffix(".json").write_text(json.dumps({"sha256": saved.sha256}))
    return tmp_path


def garbled(split: OpenWorldSplit) -> OpenWorldSplit:
    """`split` with other classes of the unlabeled images."""
    targets = split.targets.copy()
    targets[split.unlabeled] = targets[split.unlabeled][::-1] // 2
    return dataclasses.replace(split, targets=targets)


def test_labels_are_those_of_labeled_images_alone(results: Path, config: Config) -> None:
    features, labels = trunk_features(config, results, UNKNOWN)
    images = load(config.data)
    split = make_split(images.labels, images.num_classes, config.split)
    assert features.shape[0] == len(labels) == len(images.labels)
    assert np.linalg.norm(features, axis=1) == pytest.approx(np.ones(len(labels)), abs=1e-4)
    known = np.union1d(split.labeled, split.holdout)
    assert len(split.holdout)
    assert np.flatnonzero(labels != UNKNOWN).tolist() == known.tolist()
    assert labels[known].tolist() == split.targets[known].tolist()


def test_hidden_labels_are_not_read(
    results: Path, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    features, labels = trunk_features(config, results, UNKNOWN)
    images = load(config.data)
    split = make_split(images.labels, images.num_classes, config.split)
    other = garbled(split)
    assert np.mean(other.targets[split.unlabeled] != split.targets[split.unlabeled]) > 0.5

    strange = dataclasses.replace(images, labels=images.labels[::-1].copy())
    monkeypatch.setattr(module, "make_split", lambda *_: other)
    monkeypatch.setattr(module, "load", lambda _: strange)
    again, same = trunk_features(config, results, UNKNOWN)
    assert again.tobytes() == features.tobytes()
    assert same.tobytes() == labels.tobytes()


def test_a_trunk_that_is_not_there_is_named(tmp_path: Path, config: Config) -> None:
    with pytest.raises(
        MissingInputError, match=rf"{trunk_of(config)[0]}\.pt is missing or damaged"
    ):
        trunk_features(config, tmp_path, UNKNOWN)
