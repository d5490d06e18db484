from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from lps_sweep.config import DataConfig
from lps_sweep.data import fashion_mnist, fashion_mnist_small, fingerprint, load
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


def config(root: Path, dataset: str = "fashion_mnist") -> DataConfig:
    return DataConfig(dataset=dataset, data_root=str(root))


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


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (IMAGES[:19], LABELS, "19"),
        (IMAGES, np.full(20, 10, dtype=np.uint8), "0..9"),
        (IMAGES[:, :14, :14], LABELS, r"\(28, 28\)"),
    ],
)
def test_files_that_do_not_fit(
    tmp_path: Path, images: NDArray[np.uint8], labels: NDArray[np.uint8], message: str
) -> None:
    write(tmp_path, images=images, labels=labels)
    with pytest.raises(BadInputError, match=f"train-.*-ubyte: .*{message}"):
        load(config(tmp_path))


@pytest.mark.parametrize(("per_class", "found"), [(4, 4), (500, 6)])
def test_the_small_one_has_as_many_of_each_class_in_the_order_of_the_files(
    per_class: int, found: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pixel is the mean of four, rounded; a class with fewer images has all of them."""
    monkeypatch.setattr(fashion_mnist_small, "PER_CLASS", per_class)
    images = np.random.RandomState(1).randint(0, 256, (60, 28, 28)).astype(np.uint8)
    images[0] = 255
    labels = np.random.RandomState(2).permutation(np.arange(60) % 10).astype(np.uint8)
    write(tmp_path, images=images, labels=labels, packed=True)
    data = config(tmp_path, "fashion_mnist_small")
    small = load(data)
    assert np.bincount(small.labels).tolist() == [found] * 10
    means = images.reshape(60, 14, 2, 14, 2).mean((2, 4)) + 0.5
    rights = {np.floor(mean).astype(np.uint8).tobytes(): row for row, mean in enumerate(means)}
    rows = [rights[image.tobytes()] for image in small.images]
    assert rows == sorted(set(rows))
    assert np.array_equal(small.labels, labels[rows])
    assert small.images.shape == (10 * found, 1, 14, 14)
    assert fingerprint(data) == small.fingerprint()


@pytest.mark.skipif(
    not fashion_mnist.DEBIAN_FOLDER.is_dir(), reason="Debian's dataset-fashion-mnist not installed"
)
@pytest.mark.parametrize(
    ("dataset", "side", "per_class", "digest"),
    [
        ("fashion_mnist", 28, 6_000, "a94ec6554eb8b1ad"),
        ("fashion_mnist_small", 14, 500, "5d2b2ec120fcf1ab"),
    ],
)
def test_the_real_files(dataset: str, side: int, per_class: int, digest: str) -> None:
    data = config(fashion_mnist.DEBIAN_FOLDER, dataset)
    images = load(data)
    assert images.images.shape == (10 * per_class, 1, side, side)
    assert np.bincount(images.labels).tolist() == [per_class] * 10
    assert fingerprint(data)[:16] == digest


VALUES = IMAGES[:3, :2, :4].copy()


def idx_bytes(array: NDArray[np.uint8]) -> bytes:
    header = bytes((0, 0, 8, array.ndim)) + struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.tobytes()


def test_an_empty_file_has_no_items(tmp_path: Path) -> None:
    file = tmp_path / "values"
    file.write_bytes(idx_bytes(VALUES[:0]))
    assert fashion_mnist.read_idx(file, (2, 4)).shape == (0, 2, 4)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x1f\x8b\x08\x00rest",
        idx_bytes(VALUES.reshape(3, 8)),
        b"\x00\x00\x0d\x03" + idx_bytes(VALUES)[4:],
        idx_bytes(VALUES)[:10],
        idx_bytes(VALUES)[:-1],
        idx_bytes(VALUES) + b"\x00",
        idx_bytes(VALUES.reshape(3, 4, 2)),
        idx_bytes(VALUES)[:4] + b"\xff" * 4 + idx_bytes(VALUES)[8:],
    ],
)
def test_a_damaged_file_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    whole = bytearray(gzip.compress(content, mtime=0))
    broken = whole.copy()
    broken[-8] ^= 1
    for name, written in (
        ("values", content),
        ("packed.gz", whole),
        ("cut.gz", whole[:-1]),
        ("sum.gz", broken),
        ("none.gz", b"no gzip at all"),
    ):
        (tmp_path / name).write_bytes(written)
        with pytest.raises(BadInputError, match=name):
            fashion_mnist.read_idx(tmp_path / name, (2, 4))
