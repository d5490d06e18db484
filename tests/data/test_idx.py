from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

from lps_sweep.data.idx import read_idx
from lps_sweep.errors import BadInputError

VALUES = np.arange(3 * 2 * 4, dtype=np.uint8).reshape(3, 2, 4)


def idx_bytes(array: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> bytes:
    header = bytes((0, 0, 8, array.ndim)) + struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.tobytes()


@pytest.mark.parametrize("packed", [False, True])
def test_reads_what_was_written(tmp_path: Path, packed: bool) -> None:
    file = tmp_path / ("values-idx3-ubyte" + (".gz" if packed else ""))
    content = idx_bytes(VALUES)
    file.write_bytes(gzip.compress(content) if packed else content)
    values = read_idx(file, (2, 4))
    assert values.dtype == np.uint8
    assert np.array_equal(values, VALUES)


def test_labels_have_one_dimension(tmp_path: Path) -> None:
    file = tmp_path / "labels-idx1-ubyte"
    file.write_bytes(bytes.fromhex("00000801 00000003 090003"))
    assert read_idx(file, ()).tolist() == [9, 0, 3]


def test_no_items(tmp_path: Path) -> None:
    file = tmp_path / "values"
    file.write_bytes(idx_bytes(VALUES[:0]))
    assert read_idx(file, (2, 4)).shape == (0, 2, 4)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "wrong magic number: starts with nothing"),
        (b"\x1f\x8b\x08\x00rest", "wrong magic number: starts with 1f8b0800"),
        (idx_bytes(VALUES.reshape(3, 8)), "wrong magic number: starts with 00000802"),
        (b"\x00\x00\x0d\x03" + idx_bytes(VALUES)[4:], "wrong magic number: starts with 00000d03"),
        (idx_bytes(VALUES)[:10], "truncated: it ends inside its header"),
        (idx_bytes(VALUES)[:-1], "truncated: 23 bytes of values, its header says 24"),
        (idx_bytes(VALUES) + b"\x00", "too long: its header says 24"),
        (idx_bytes(VALUES.reshape(3, 4, 2)), r"shape \(4, 2\), this data set has \(2, 4\)"),
        (idx_bytes(VALUES)[:4] + b"\xff" * 4 + idx_bytes(VALUES)[8:], "4294967295 items"),
    ],
)
def test_a_damaged_file_is_refused_by_name(tmp_path: Path, content: bytes, message: str) -> None:
    file = tmp_path / "values-idx3-ubyte"
    file.write_bytes(content)
    with pytest.raises(BadInputError, match=f"values-idx3-ubyte: .*{message}"):
        read_idx(file, (2, 4))
    packed = tmp_path / "packed.gz"
    packed.write_bytes(gzip.compress(content))
    with pytest.raises(BadInputError, match=rf"packed\.gz: .*{message}"):
        read_idx(packed, (2, 4))


def test_damaged_gzip(tmp_path: Path) -> None:
    file = tmp_path / "values.gz"
    whole = gzip.compress(idx_bytes(VALUES), mtime=0)
    wrong_sum = bytearray(whole)
    wrong_sum[-8] ^= 1
    wrong_block = bytearray(whole)
    wrong_block[10] = 0xFF
    for content in (whole[:-9], whole[:-1], wrong_sum, wrong_block, b"no gzip at all"):
        file.write_bytes(content)
        with pytest.raises(BadInputError, match=r"values\.gz: "):
            read_idx(file, (2, 4))


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="none: cannot be read"):
        read_idx(tmp_path / "none", ())
