"""Trunks: interrupted and gone on with, damaged, and looked at."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from lps_sweep.config import Config
from lps_sweep.data import ImageSet
from lps_sweep.sweep.rows import Row, TrunkMade, TrunkRow
from lps_sweep.sweep.store import Folder
from lps_sweep.sweep.trunks import make_trunk, trunk_file
from lps_sweep.train import Pretraining, load_state
from lps_sweep.train.quality import quality, untrained_quality
from tests.train.train_cases import CPU, config_of, differences, image_set

EPOCHS = 5


def config() -> Config:
    return config_of(pretrain={"pretrain_epochs": EPOCHS, "pretrain_batch_size": 24})


@pytest.fixture(scope="module", autouse=True)
def _small_images() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr("lps_sweep.data.load", lambda _: image_set())
        yield


def making(results: Path) -> Iterator[list[Row]]:
    return make_trunk(Folder(results), "recipe", config(), ("cpu", 1), interval_s=0)


def weights(results: Path) -> dict[str, Any]:
    file = trunk_file(Folder(results), "recipe")
    assert file is not None
    return load_state(Folder(results).get(file), CPU)


def epochs(rows: list[list[Row]]) -> list[int]:
    return [row.epoch for [row] in rows if isinstance(row, TrunkRow)]


@pytest.fixture(scope="module")
def whole(_small_images: None, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("whole")
    assert epochs(list(making(folder))) == [1, 2, 3, 4, 5]
    return weights(folder)


def interrupted(results: Path, after: int) -> list[Path]:
    """Pre-training that was left alone after an epoch; the states that it left."""
    rows = making(results)
    for _ in range(after):
        next(rows)
    rows.close()  # type: ignore[attr-defined]
    return sorted((results / "checkpoints" / "trunks").glob("*-epoch-*.pt"))


@pytest.mark.parametrize("after", [1, 4])
def test_going_on_ends_where_one_go_ends(tmp_path: Path, whole: dict[str, Any], after: int) -> None:
    assert len(interrupted(tmp_path, after)) == min(after, 2)
    assert trunk_file(Folder(tmp_path), "recipe") is None
    assert epochs(list(making(tmp_path))) == list(range(after + 1, EPOCHS + 1))
    assert differences(weights(tmp_path), whole) == []
    assert sorted(p.name for p in (tmp_path / "checkpoints" / "trunks").iterdir()) == [
        "recipe.json",
        "recipe.pt",
    ]


def test_a_damaged_state_is_passed_over(tmp_path: Path, whole: dict[str, Any]) -> None:
    _, newest = interrupted(tmp_path, 3)
    content = bytearray(newest.read_bytes())
    content[len(content) // 2] ^= 1
    newest.write_bytes(content)
    assert epochs(list(making(tmp_path))) == [3, 4, 5]
    assert differences(weights(tmp_path), whole) == []


def test_without_a_state_that_verifies_it_begins_again(
    tmp_path: Path, whole: dict[str, Any]
) -> None:
    for path in interrupted(tmp_path, 3):
        path.write_bytes(path.read_bytes()[:-1])
    assert epochs(list(making(tmp_path))) == [1, 2, 3, 4, 5]
    assert differences(weights(tmp_path), whole) == []


def test_momentum_is_part_of_the_state(whole: dict[str, Any]) -> None:
    """What makes the tests above more than a comparison of weights."""
    first = Pretraining(config(), image_set(), CPU)
    for _ in range(3):
        next(iter(first))
    state = first.state()
    state["optimizer"]["state"] = {}
    second = Pretraining(config(), image_set(), CPU)
    second.load_state(state)
    list(second)
    assert differences(second.network.state_dict(), whole)


def test_the_facts_say_how_good_it_is(tmp_path: Path) -> None:
    [made] = list(making(tmp_path))[-1]
    assert isinstance(made, TrunkMade)
    facts = json.loads((tmp_path / "checkpoints" / "trunks" / "recipe.json").read_text())
    assert facts["quality"] == made.quality
    assert facts["untrained"] == made.untrained == untrained_quality(config(), image_set(), CPU)
    names = {"oracle_linear_probe", "oracle_kmeans_acc", "oracle_kmeans_nmi"}
    assert made.quality.keys() == made.untrained.keys() == names


class Fixed(torch.nn.Module):
    """Gives features that are known, whatever the images."""

    def __init__(self, features: np.ndarray[Any, np.dtype[np.float32]]) -> None:
        super().__init__()
        self.features = torch.from_numpy(features)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.features[: len(images)]


def images_of(labels: np.ndarray[Any, np.dtype[np.int64]]) -> ImageSet:
    pixels = np.zeros((len(labels), 1, 8, 8), dtype=np.uint8)
    return ImageSet(pixels, labels, 4, tuple("abcd"))


def test_features_that_tell_classes_apart_are_perfect_and_noise_is_chance() -> None:
    rng = np.random.default_rng(0)
    labels = rng.permutation(np.arange(400, dtype=np.int64) % 4)
    clear = np.eye(8, dtype=np.float32)[labels] + rng.normal(0, 0.05, (400, 8)).astype(np.float32)
    found = quality(Fixed(clear), config(), images_of(labels), CPU)
    assert found == dict.fromkeys(found, 100.0)
    noise = rng.normal(0, 1, (400, 8)).astype(np.float32)
    found = quality(Fixed(noise), config(), images_of(labels), CPU)
    assert found["oracle_linear_probe"] == pytest.approx(25, abs=9)
    assert found["oracle_kmeans_acc"] < 40
    assert found["oracle_kmeans_nmi"] < 10


def test_a_probe_leaves_the_network_as_it_was() -> None:
    training = Pretraining(config(), image_set(), CPU)
    before = {name: value.clone() for name, value in training.network.state_dict().items()}
    quality(training.network, config(), image_set(), CPU)
    assert differences(before, training.network.state_dict()) == []
    assert training.network.training


def test_bfloat16_trains_close_to_float32() -> None:
    losses = {}
    for precision in ("float32", "bfloat16"):
        settings = {"pretrain_epochs": 2, "pretrain_batch_size": 24}
        chosen = config_of(pretrain={**settings, "pretrain_precision": precision})
        training = Pretraining(chosen, image_set(), CPU)
        losses[precision] = [loss for _, loss in training]
        assert {p.dtype for p in training.network.parameters()} == {torch.float32}
    assert losses["bfloat16"] != losses["float32"]
    assert losses["bfloat16"] == pytest.approx(losses["float32"], rel=0.05)
