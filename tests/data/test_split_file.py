from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

from lps_sweep.config import SplitConfig
from lps_sweep.data import (
    OpenWorldSplit,
    load_split,
    make_split,
    save_split,
    split_fingerprint,
)
from lps_sweep.errors import StorageError


@pytest.fixture
def split() -> OpenWorldSplit:
    labels = np.arange(200, dtype=np.int64) % 5
    return make_split(labels, 5, SplitConfig(seen_classes=(3, 1), labeled_holdout=0.2))


def test_comes_back_whole(split: OpenWorldSplit, tmp_path: Path) -> None:
    path = tmp_path / "split.npz"
    save_split(split, path)
    loaded = load_split(path)
    assert split_fingerprint(loaded) == split_fingerprint(split)
    for name, value in vars(split).items():
        assert np.array_equal(getattr(loaded, name), value), name
    assert isinstance(loaded.class_order, tuple)
    assert [file.name for file in tmp_path.iterdir()] == ["split.npz"]


def test_replaces_an_older_file(split: OpenWorldSplit, tmp_path: Path) -> None:
    path = tmp_path / "split.npz"
    path.write_bytes(b"older")
    save_split(split, path)
    assert load_split(path).num_seen == 2


def test_a_failed_write_leaves_the_older_file(
    split: OpenWorldSplit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "split.npz"
    path.write_bytes(b"older")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(StorageError, match=r"split\.npz.*No space left"):
        save_split(split, path)
    assert path.read_bytes() == b"older"
    assert [file.name for file in tmp_path.iterdir()] == ["split.npz"]


def test_a_folder_that_cannot_be_made(split: OpenWorldSplit, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError, match="file"):
        save_split(split, tmp_path / "file" / "split.npz")


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.999])
def test_truncated(split: OpenWorldSplit, tmp_path: Path, share: float) -> None:
    path = tmp_path / "split.npz"
    save_split(split, path)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(StorageError, match=r"split\.npz"):
        load_split(path)


def test_one_changed_index_is_noticed(split: OpenWorldSplit, tmp_path: Path) -> None:
    path = tmp_path / "split.npz"
    save_split(split, path)
    with np.load(path) as stored:
        arrays = dict(stored)
    arrays["labeled"][0] += 1
    np.savez(path, allow_pickle=False, **arrays)
    with pytest.raises(StorageError, match="fingerprint"):
        load_split(path)


def test_a_changed_byte_is_noticed(split: OpenWorldSplit, tmp_path: Path) -> None:
    path = tmp_path / "split.npz"
    save_split(split, path)
    content = bytearray(path.read_bytes())
    start = content.index(split.unlabeled.tobytes())
    content[start + 8] ^= 1
    path.write_bytes(content)
    with pytest.raises(StorageError, match=r"split\.npz"):
        load_split(path)


def test_missing_arrays_wrong_types_and_pickles(split: OpenWorldSplit, tmp_path: Path) -> None:
    path = tmp_path / "split.npz"
    save_split(split, path)
    with np.load(path) as stored:
        arrays = dict(stored)
    damaged = [
        {name: array for name, array in arrays.items() if name != "holdout"},
        {**arrays, "targets": arrays["targets"].astype(np.float64)},
        {**arrays, "labeled": arrays["labeled"][None]},
        {**arrays, "labeled": np.array([{"a": 1}], dtype=object)},
    ]
    for content in damaged:
        np.savez(path, **content)
        with pytest.raises(StorageError, match=r"split\.npz"):
            load_split(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("labeled.npy", b"no array")
    with pytest.raises(StorageError, match=r"split\.npz"):
        load_split(path)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="none"):
        load_split(tmp_path / "none.npz")
