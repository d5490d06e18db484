"""ImageNet-100's recipe and network in training, on small class folders."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from torch import Tensor

from lps_sweep.cli import main
from lps_sweep.config import (
    PRESETS,
    Config,
    DataConfig,
    Located,
    PretrainConfig,
    SplitConfig,
    TrunkConfig,
    build_config,
)
from lps_sweep.data import ImageSet, load, make_split
from lps_sweep.data import image_store as image_store_module
from lps_sweep.data.image_store import DeviceImages, HostImages
from lps_sweep.data.prepare import prepare
from lps_sweep.results import Ledger
from lps_sweep.train import Pretraining, Run
from tests.data.imagenet_cases import write_class_folders
from tests.train.train_cases import CPU, differences, snapshot, train


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = write_class_folders(tmp_path_factory.mktemp("imagenet"), per_class=3)
    prepare(root, 32, num_workers=1)
    return root


def config_of(root: Path, **changed: object) -> Config:
    """The preset at the smallest size."""
    values = {**PRESETS["imagenet100"], "data_root": str(root), "image_size": 32, **changed}
    return build_config({name: Located(value) for name, value in values.items()})


def run_of(config: Config, images: ImageSet) -> Run:
    """A Run with one member from untrained weights, of two steps an epoch."""
    network = Pretraining(config, images, CPU).network
    split = make_split(images.labels, images.num_classes, SplitConfig(labeled_ratio=0.9))
    run = Run(config, seed=1, images=images, split=split, backbone=network.state_dict(), device=CPU)
    run.batches.num_steps = 2
    run.add("a", config)
    return run


def test_the_preset_is_the_references() -> None:
    config = build_config({n: Located(v) for n, v in PRESETS["imagenet100"].items()})
    assert (config.loop.epochs, config.loop.batch_size) == (90, 512)
    assert (config.schedule.weight_decay, config.schedule.lr) == (1e-4, 0.1)
    assert config.trunk == TrunkConfig(network="resnet50", frozen_through="stage3")
    assert config.data == DataConfig(dataset="imagenet100", image_size=256)


@pytest.fixture(scope="module")
def in_memory(root: Path) -> tuple[dict[str, object], list[dict[str, float]]]:
    """State and metrics after two steps on images that lie in memory as one array."""
    config = config_of(root, batch_size=16)
    images = load(config.data)
    run = run_of(config, dataclasses.replace(images, images=np.array(images.images)))
    assert isinstance(run.images, DeviceImages)
    history = train(run, [0])
    return snapshot(run, "a"), history["a"]


@pytest.mark.slow
def test_a_resnet50_trains(
    root: Path, in_memory: tuple[dict[str, object], list[dict[str, float]]]
) -> None:
    state, (metrics,) = in_memory
    config = config_of(root, batch_size=16)
    fresh = snapshot(run_of(config, load(config.data)), "a")
    changed = differences(fresh, state)
    assert any("tail/stage4.2.conv3.weight" in name for name in changed)
    assert any("trunk/stem.1.running_mean" in name for name in changed)
    assert not any("trunk/" in name and name.endswith("conv1.weight") for name in changed)
    assert np.isfinite(metrics["loss_total"])
    assert 0 <= metrics["acc_all"] <= 100


@pytest.mark.parametrize("kind", ["mapped", "too large"])
@pytest.mark.slow
def test_images_on_the_host_train_to_the_same_bits(
    root: Path,
    in_memory: tuple[dict[str, object], list[dict[str, float]]],
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
) -> None:
    config = config_of(root, batch_size=16)
    images = load(config.data)
    if kind == "too large":
        images = dataclasses.replace(images, images=np.array(images.images))
        limit = images.images.nbytes - 1
        monkeypatch.setattr(image_store_module, "memory_limit", lambda *_: limit)
    run = run_of(config, images)
    assert isinstance(run.images, HostImages)
    history = train(run, [0])
    assert differences(snapshot(run, "a"), in_memory[0]) == []
    assert history["a"] == in_memory[1]


def test_a_batch_has_the_references_parts(root: Path) -> None:
    config = config_of(root, batch_size=16)
    images = load(config.data)
    run = run_of(config, images)
    num_unlabeled, total = len(run.split.unlabeled), len(images.labels)
    assert run.batches.num_unlabeled == int(16 * num_unlabeled / total)
    assert (
        run.batches.num_labeled
        == 16 - run.batches.num_unlabeled
        != 16 * (total - num_unlabeled) // total
    )


@pytest.mark.slow
def test_pretraining_is_the_same_from_the_host(root: Path) -> None:
    config = dataclasses.replace(
        config_of(root),
        trunk=TrunkConfig(network="small_cnn"),
        pretrain=PretrainConfig(pretrain_epochs=1, pretrain_batch_size=60),
    )
    mapped = load(config.data)
    found: list[tuple[list[tuple[int, float]], dict[str, Tensor]]] = []
    for images in (mapped, dataclasses.replace(mapped, images=np.array(mapped.images))):
        training = Pretraining(config, images, CPU)
        found.append((list(training), training.network.state_dict()))
    assert found[0][0] == found[1][0]
    assert differences(found[0][1], found[1][1]) == []
    assert np.isfinite(found[0][0][0][1])


@pytest.mark.slow
def test_the_preset_runs_from_the_command_line(
    root: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    settings = [f"data_root={root}", "labeled_ratio=0.9", "pretrain_epochs=0", "epochs=1"]
    asked = ["train", "--preset", "imagenet100", "--results", str(tmp_path / "r"), *settings]
    assert main([*asked, "image_size=32", "batch_size=64"]) == 0
    capfd.readouterr()
    with Ledger.open(tmp_path / "r") as ledger:
        (name,) = ledger.sweeps()
        (row,) = ledger.trial_rows(name, False)
    assert row.status == "done"
    (facts,) = (tmp_path / "r" / "checkpoints" / "trunks").glob("*.json")
    assert json.loads(facts.read_text())["images"] == "in a mapped file"
    assert main([*asked, "image_size=64", "batch_size=64"]) == 4
    assert "lps-sweep prepare imagenet100" in capfd.readouterr().err
