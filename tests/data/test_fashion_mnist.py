from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from lps_sweep.config import DataConfig
from lps_sweep.data import fashion_mnist, fingerprint, load
from lps_sweep.errors import BadInputError

IMAGES = np.random.RandomState(0).randint(0, 256, (20, 28, 28)).astype(np.uint8)
LABELS = (np.arange(20) % 10).astype(np.uint8)


def write(
    folder: Path,
    images: NDArray[np.uint8] = IMAGES,
    labels: NDArray[np.uint8] = LABELS,
    packed: bool = False,
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, array in ((fashion_mnist.IMAGES_NAME, images), (fashion_mnist.LABELS_NAME, labels)):
        header = bytes((0, 0, 8, array.ndim)) + struct.pack(f">{array.ndim}I", *array.shape)
        content = header + array.tobytes()
        file = folder / (name + (".gz" if packed else ""))
        file.write_bytes(gzip.compress(content) if packed else content)


def config(root: Path) -> DataConfig:
    return DataConfig(dataset="fashion_mnist", data_root=str(root))


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("layout", [".", "FashionMNIST/raw"])
def test_reads_both_layouts_plain_and_packed(tmp_path: Path, packed: bool, layout: str) -> None:
    write(tmp_path / layout, packed=packed)
    images = load(config(tmp_path))
    assert images.images.shape == (20, 1, 28, 28)
    assert np.array_equal(images.images[:, 0], IMAGES)
    assert np.array_equal(images.labels, LABELS)
    assert images.labels.dtype == np.int64
    assert images.num_classes == 10
    assert images.class_names[9] == "ankle boot"


def test_fingerprint_is_of_the_content_wherever_it_lies(tmp_path: Path) -> None:
    write(tmp_path / "plain")
    write(tmp_path / "packed" / "FashionMNIST" / "raw", packed=True)
    first = fingerprint(config(tmp_path / "plain"))
    assert fingerprint(config(tmp_path / "packed")) == first
    assert load(config(tmp_path / "plain")).fingerprint() == first


def test_fingerprint_notices_a_changed_file(tmp_path: Path) -> None:
    write(tmp_path)
    first = fingerprint(config(tmp_path))
    changed = IMAGES.copy()
    changed[3, 4, 5] ^= 1
    write(tmp_path, images=changed)
    second = fingerprint(config(tmp_path))
    write(tmp_path, labels=LABELS[::-1].copy())
    assert len({first, second, fingerprint(config(tmp_path))}) == 3


def test_fingerprint_reads_unchanged_files_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path)
    first = fingerprint(config(tmp_path))

    def fail(*_: object) -> None:
        raise AssertionError("read again")

    monkeypatch.setattr(fashion_mnist, "read_idx", fail)
    assert fingerprint(config(tmp_path)) == first


def test_missing_lists_every_place_and_how_to_get_it(tmp_path: Path) -> None:
    root = tmp_path / "root"
    write(root)
    (root / fashion_mnist.LABELS_NAME).unlink()
    with pytest.raises(BadInputError) as caught:
        load(config(root))
    message = str(caught.value)
    assert f"{root} (without train-labels-idx1-ubyte)" in message
    assert f"{root / 'FashionMNIST' / 'raw'} (no such folder)" in message
    assert "apt-get install dataset-fashion-mnist" in message
    assert "--set data_root=DIR" in message


def test_without_a_root_both_usual_places_are_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(fashion_mnist, "DEBIAN_FOLDER", tmp_path / "debian")
    data = DataConfig(dataset="fashion_mnist")
    with pytest.raises(BadInputError) as caught:
        load(data)
    assert str(tmp_path / "data" / "FashionMNIST" / "raw") in str(caught.value)
    assert str(tmp_path / "debian") in str(caught.value)
    write(tmp_path / "debian", packed=True)
    assert len(load(data).labels) == 20
    write(tmp_path / "data" / "FashionMNIST" / "raw", images=IMAGES[:7], labels=LABELS[:7])
    assert len(load(data).labels) == 7


def test_a_given_root_is_the_only_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fashion_mnist, "DEBIAN_FOLDER", tmp_path / "debian")
    write(tmp_path / "debian")
    with pytest.raises(BadInputError, match="is not there"):
        load(config(tmp_path / "other"))


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (IMAGES[:19], LABELS, "20 labels, but .* has 19 images"),
        (IMAGES, np.full(20, 10, dtype=np.uint8), "label 10, but labels are 0..9"),
        (IMAGES[:, :14, :14], LABELS, r"shape \(14, 14\)"),
    ],
)
def test_files_that_do_not_fit(
    tmp_path: Path, images: NDArray[np.uint8], labels: NDArray[np.uint8], message: str
) -> None:
    write(tmp_path, images=images, labels=labels)
    with pytest.raises(BadInputError, match=f"train-.*-ubyte: .*{message}"):
        load(config(tmp_path))


def test_a_truncated_file_is_named(tmp_path: Path) -> None:
    write(tmp_path)
    file = tmp_path / fashion_mnist.IMAGES_NAME
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(BadInputError, match="train-images-idx3-ubyte: truncated"):
        fingerprint(config(tmp_path))


@pytest.mark.skipif(
    not fashion_mnist.DEBIAN_FOLDER.is_dir(), reason="Debian's dataset-fashion-mnist not installed"
)
def test_the_real_files() -> None:
    data = config(fashion_mnist.DEBIAN_FOLDER)
    images = load(data)
    assert images.images.shape == (60_000, 1, 28, 28)
    assert np.bincount(images.labels).tolist() == [6_000] * 10
    assert images.labels[:5].tolist() == [9, 0, 0, 3, 0]
    assert images.images.mean() / 255 == pytest.approx(0.2860, abs=1e-4)
    assert fingerprint(data)[:16] == "a94ec6554eb8b1ad"
