from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lps_sweep.config import DataConfig
from lps_sweep.data import DATA_SETS, ImageSet, cifar10, fashion_mnist, fingerprint, load
from lps_sweep.errors import BadInputError
from tests.data.irregular import KINDS


@pytest.mark.parametrize("read", [load, fingerprint])
def test_an_unknown_name_gets_the_nearest(read: object) -> None:
    assert callable(read)
    with pytest.raises(BadInputError, match=r"^dataset: unknown .*did you mean 'fashion_mnist'"):
        read(DataConfig(dataset="fashion-mnist"))


def test_a_data_set_is_described_as_it_is_read() -> None:
    """Where the images can be had without being given."""
    for name in ("digits", "numbers"):
        images = load(DataConfig(dataset=name))
        assert images.num_classes == DATA_SETS[name].num_classes == len(images.class_names)
    assert list(DATA_SETS["imagenet100"].image_sizes[:2]) == [32, 64]


@pytest.mark.parametrize(
    ("dataset", "folder", "missing", "advice"),
    [
        ("cifar10", "cifar-10-batches-py", "data_batch_1, data_batch_2", "cifar-10-python.tar.gz"),
        ("cifar100", "cifar-100-python", "train", "cifar-100-python.tar.gz"),
        ("fashion_mnist", "FashionMNIST/raw", fashion_mnist.IMAGES_NAME, "dataset-fashion-mnist"),
        ("imagenet100", "imagenet100", "imagenet100-256/manifest.json", "--root DIR --size 256"),
    ],
)
def test_missing_files_list_every_place_and_how_to_get_them(
    tmp_path: Path, dataset: str, folder: str, missing: str, advice: str
) -> None:
    with pytest.raises(BadInputError) as caught:
        load(DataConfig(dataset=dataset, data_root=str(tmp_path)))
    for words in (
        DATA_SETS[dataset].title,
        f"{tmp_path} (without {missing}",
        f"{tmp_path / folder} (no such folder)",
        advice,
        "--set data_root=DIR",
    ):
        assert words in str(caught.value)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("kind", sorted(KINDS.keys() - {"folder"}))
@pytest.mark.parametrize(
    ("dataset", "name"),
    [
        ("cifar10", "data_batch_3"),
        ("cifar100", "cifar-100-python/train"),
        ("fashion_mnist", "train-labels-idx1-ubyte"),
        ("fashion_mnist", "FashionMNIST/raw/train-images-idx3-ubyte.gz"),
        ("imagenet100", "imagenet100-256/manifest.json"),
    ],
)
def test_what_is_no_regular_file_is_named_and_not_waited_for(
    tmp_path: Path, dataset: str, name: str, kind: str
) -> None:
    data = DataConfig(dataset=dataset, data_root=str(tmp_path))
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    for other in (*cifar10.CIFAR.checksums, fashion_mnist.IMAGES_NAME, fashion_mnist.LABELS_NAME):
        (tmp_path / name).with_name(other).touch()
    (tmp_path / name).unlink(missing_ok=True)
    if name.endswith(".gz"):
        (tmp_path / name).with_suffix("").unlink()
    KINDS[kind](tmp_path / name)
    for read in (load, fingerprint):
        with pytest.raises(BadInputError) as refused:
            read(data)
        assert refused.value.where == str(tmp_path / name)


def image_set(**changed: Any) -> ImageSet:
    fields: dict[str, Any] = {
        "images": np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 1, 3, 4),
        "labels": np.array([0, 1]),
        "num_classes": 2,
        "class_names": ("a", "b"),
    }
    return ImageSet(**{**fields, **changed})


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"images": np.zeros((2, 3, 4), dtype=np.uint8)}, "images must be uint8"),
        ({"images": np.zeros((2, 1, 3, 4), dtype=np.float32)}, "images must be uint8"),
        ({"labels": np.array([0])}, "labels must be int64"),
        ({"labels": np.array([0, 1], dtype=np.int32)}, "labels must be int64"),
        ({"labels": np.array([0, 2])}, "0..1"),
        ({"labels": np.array([-1, 0])}, "0..1"),
        ({"class_names": ("a",)}, "1 names for 2 classes"),
    ],
)
def test_what_does_not_fit_is_refused(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        image_set(**changed)


def test_fingerprint_follows_the_content() -> None:
    base = image_set()
    pixel = base.images.copy()
    pixel[1, 0, 2, 3] ^= 1
    others = [
        image_set(images=pixel),
        image_set(labels=np.array([1, 0])),
        image_set(images=base.images.reshape(2, 1, 4, 3)),
        image_set(num_classes=3, class_names=("a", "b", "c")),
    ]
    assert len({s.fingerprint() for s in [base, *others]}) == 1 + len(others)
