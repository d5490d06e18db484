"""Small CIFAR files, byte by byte as Python 2 and its numpy wrote the real ones."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from lps_sweep.data import cifar10, cifar100
from lps_sweep.data.cifar import Cifar

RECONSTRUCT = b"cnumpy.core.multiarray\n_reconstruct\n"


def batch(
    rows: NDArray[np.uint8],
    labels: Sequence[int],
    label_key: bytes,
    *,
    kind: bytes = b"u1",
    constructor: bytes = RECONSTRUCT,
) -> bytes:
    """A batch of `rows` (N, 3072): entries as in the real files, in protocol 2."""
    entries = {
        b"filenames": b"](" + b"".join(_text(b"a_%d.png" % i) for i in range(len(labels))) + b"e",
        b"batch_label": _text(b"training batch 1 of 5"),
        label_key: b"](" + b"".join(map(_number, labels)) + b"e",
        b"data": _array(rows, kind, constructor),
    }
    content = b"".join(_text(key) + value for key, value in entries.items())
    return b"\x80\x02}(" + content + b"u."


def _text(text: bytes) -> bytes:
    """A `str` of Python 2, which has an opcode of its own."""
    if len(text) < 256:
        return b"U" + bytes([len(text)]) + text
    return b"T" + struct.pack("<i", len(text)) + text


def _number(value: int) -> bytes:
    return b"J" + struct.pack("<i", value)


def _array(rows: NDArray[np.uint8], kind: bytes, constructor: bytes) -> bytes:
    shape = b"".join(map(_number, rows.shape))
    dtype = b"cnumpy\ndtype\n(" + _text(kind) + _number(0) + _number(1) + b"tR"
    dtype += b"(" + _number(3) + _text(b"|") + b"NNN" + _number(-1) * 2 + _number(0) + b"tb"
    empty = constructor + b"(cnumpy\nndarray\n(" + _number(0) + b"t" + _text(b"b") + b"tR"
    column_major = b"\x88" if rows.flags.f_contiguous and not rows.flags.c_contiguous else b"\x89"
    content = _text(rows.tobytes("A"))
    state = b"(" + _number(1) + b"(" + shape + b"t" + dtype + column_major + content + b"t"
    return empty + state + b"b"


def rows_and_labels(count: int, num_classes: int) -> tuple[NDArray[np.uint8], list[int]]:
    """Images of noise; all classes as often, not in their order."""
    generator = np.random.RandomState(count + num_classes)
    rows = generator.randint(0, 256, (count, 3072)).astype(np.uint8)
    return rows, generator.permutation(np.arange(count) % num_classes).tolist()


def inject(monkeypatch: pytest.MonkeyPatch, cifar: Cifar, files: Sequence[Path]) -> None:
    """Makes `files` the right ones for `cifar`."""
    for file in files:
        checksum = hashlib.md5(file.read_bytes()).hexdigest()
        monkeypatch.setitem(cifar.checksums, file.name, checksum)


def write_cifar10(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[NDArray[np.uint8], list[int]]:
    """Five batches of eight images in torchvision's layout; all their rows and labels."""
    rows, labels = rows_and_labels(40, 10)
    folder = root / "cifar-10-batches-py"
    folder.mkdir(parents=True)
    files = [folder / f"data_batch_{n}" for n in range(1, 6)]
    for n, file in enumerate(files):
        part = slice(8 * n, 8 * n + 8)
        file.write_bytes(batch(rows[part], labels[part], b"labels"))
    inject(monkeypatch, cifar10.CIFAR, files)
    return rows, labels


def write_cifar100(
    root: Path, monkeypatch: pytest.MonkeyPatch, count: int = 400
) -> tuple[NDArray[np.uint8], list[int]]:
    """One file of `count` images in torchvision's layout; its rows and labels."""
    rows, labels = rows_and_labels(count, 100)
    file = root / "cifar-100-python" / "train"
    file.parent.mkdir(parents=True)
    file.write_bytes(batch(rows, labels, b"fine_labels"))
    inject(monkeypatch, cifar100.CIFAR, [file])
    return rows, labels
