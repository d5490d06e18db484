from __future__ import annotations

import stat
from pathlib import Path

import pytest

from lps_sweep.errors import StorageError
from lps_sweep.files import (
    atomic_write,
    inside,
    read_file,
    sha256_file,
)


def test_a_file_is_replaced_whole_and_private(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "report.html"
    atomic_write(path, b"old")
    path.chmod(0o644)
    atomic_write(path, b"new content")
    assert read_file(path) == b"new content"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [p.name for p in path.parent.iterdir()] == ["report.html"]


def test_a_failed_write_leaves_the_old_file_and_no_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "table.csv"
    atomic_write(path, b"old")

    def no_space(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", no_space)
    with pytest.raises(StorageError, match=r"cannot write .*table\.csv: No space left"):
        atomic_write(path, b"new")
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["table.csv"]


@pytest.mark.parametrize("read", [read_file, sha256_file])
def test_a_missing_file_is_a_storage_error(tmp_path: Path, read: object) -> None:
    assert callable(read)
    with pytest.raises(StorageError, match="gone"):
        read(tmp_path / "gone")


@pytest.mark.parametrize(
    "relative", ["../x", "/etc/passwd", "a/../../x", "", ".", "link/x", "a\0b"]
)
def test_recorded_paths_stay_inside(tmp_path: Path, relative: str) -> None:
    folder = tmp_path / "results"
    folder.mkdir()
    (folder / "link").symlink_to(tmp_path)
    with pytest.raises(StorageError, match="leads out of the results folder"):
        inside(folder, relative)
    assert inside(folder, "checkpoints/a") == folder / "checkpoints" / "a"
