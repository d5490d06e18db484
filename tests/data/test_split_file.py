from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from lps_sweep.config import SplitConfig
from lps_sweep.data import OpenWorldSplit, load_split, make_split, save_split, split_fingerprint
from lps_sweep.errors import StorageError


@pytest.fixture
def split() -> OpenWorldSplit:
    labels = np.arange(200, dtype=np.int64) % 5
    settings = SplitConfig(seen_classes=(3, 1), novel_classes=2, labeled_holdout=0.2)
    return make_split(labels, 5, settings)


@pytest.fixture
def arrays(split: OpenWorldSplit, tmp_path: Path) -> dict[str, NDArray[np.generic]]:
    """What the file of `split` holds."""
    save_split(split, tmp_path / "split.npz")
    with np.load(tmp_path / "split.npz") as stored:
        return dict(stored)


def test_comes_back_whole(split: OpenWorldSplit, tmp_path: Path) -> None:
    path = tmp_path / "split.npz"
    path.write_bytes(b"older")
    save_split(split, path)
    loaded = load_split(path)
    assert split_fingerprint(loaded) == split_fingerprint(split)
    for name, value in vars(split).items():
        assert np.array_equal(getattr(loaded, name), value), name
    assert isinstance(loaded.class_order, tuple)
    assert [file.name for file in tmp_path.iterdir()] == ["split.npz"]


def test_damage_is_noticed(tmp_path: Path, arrays: dict[str, NDArray[np.generic]]) -> None:
    path = tmp_path / "split.npz"
    whole = path.read_bytes()
    labeled = arrays["labeled"]
    damaged = [
        {name: array for name, array in arrays.items() if name != "holdout"},
        {**arrays, "targets": arrays["targets"].astype(np.float64)},
        {**arrays, "labeled": labeled[None]},
        {**arrays, "labeled": np.concatenate((labeled[1:], labeled[:1]))},
        {**arrays, "labeled": np.array([{"a": 1}], dtype=object)},
    ]
    for content in damaged:
        np.savez(path, **content)  # type: ignore[arg-type]
        with pytest.raises(StorageError, match=r"split\.npz"):
            load_split(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("labeled.npy", b"no array")
    with pytest.raises(StorageError, match=r"split\.npz"):
        load_split(path)
    for share in (0.0, 0.3, 0.9, 0.999):
        path.write_bytes(whole[: int(share * len(whole))])
        with pytest.raises(StorageError, match=r"split\.npz"):
            load_split(path)
    with pytest.raises(StorageError, match="none"):
        load_split(tmp_path / "none.npz")
