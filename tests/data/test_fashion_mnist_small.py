"""The small Fashion-MNIST is drawn from the files of the large one, the same on every machine."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lps_sweep.config import DataConfig
from lps_sweep.data import DATA_SETS, fashion_mnist, fashion_mnist_small, fingerprint, load
from lps_sweep.errors import BadInputError
from tests.data.test_fashion_mnist import write

IMAGES = np.random.RandomState(1).randint(0, 256, (60, 28, 28)).astype(np.uint8)
LABELS = np.random.RandomState(2).permutation(np.arange(60) % 10).astype(np.uint8)


def config(root: Path) -> DataConfig:
    return DataConfig(dataset="fashion_mnist_small", data_root=str(root))


def test_as_many_of_each_class_as_are_asked_for_in_the_order_of_the_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fashion_mnist_small, "PER_CLASS", 4)
    write(tmp_path, images=IMAGES, labels=LABELS, packed=True)
    found = load(config(tmp_path))
    assert np.bincount(found.labels).tolist() == [4] * 10
    rights = {
        np.floor(image.reshape(14, 2, 14, 2).mean((1, 3)) + 0.5).astype(np.uint8).tobytes(): row
        for row, image in enumerate(IMAGES)
    }
    rows = [rights[image.tobytes()] for image in found.images]
    assert rows == sorted(set(rows))
    assert np.array_equal(found.labels, LABELS[rows])
    assert found.images.shape == (40, 1, 14, 14)
    assert fingerprint(config(tmp_path)) == found.fingerprint()


def test_a_class_with_fewer_has_all_of_them(tmp_path: Path) -> None:
    write(tmp_path, images=IMAGES, labels=LABELS)
    found = load(config(tmp_path))
    assert np.array_equal(found.labels, LABELS)
    assert found.class_names == fashion_mnist.CLASS_NAMES


def test_white_stays_white(tmp_path: Path) -> None:
    write(tmp_path, images=np.full((10, 28, 28), 255, np.uint8), labels=LABELS[:10])
    assert load(config(tmp_path)).images.min() == 255


def test_without_the_files_package_and_folders_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(fashion_mnist, "DEBIAN_FOLDER", tmp_path / "debian")
    with pytest.raises(BadInputError) as caught:
        load(DataConfig(dataset="fashion_mnist_small"))
    for words in ("dataset-fashion-mnist", tmp_path / "debian", tmp_path / "data"):
        assert str(words) in str(caught.value)


@pytest.mark.skipif(
    not fashion_mnist.DEBIAN_FOLDER.is_dir(), reason="Debian's dataset-fashion-mnist not installed"
)
def test_the_real_files() -> None:
    data = config(fashion_mnist.DEBIAN_FOLDER)
    found, recipe = load(data), DATA_SETS["fashion_mnist_small"].recipe
    assert np.bincount(found.labels).tolist() == [500] * 10
    assert found.images.shape == (5000, 1, 14, 14)
    assert found.images.mean() / 255 == pytest.approx(recipe.mean[0], abs=1e-4)
    assert found.images.std() / 255 == pytest.approx(recipe.std[0], abs=1e-4)
    assert fingerprint(data)[:16] == "5d2b2ec120fcf1ab"
