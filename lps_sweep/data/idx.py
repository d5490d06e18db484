"""Reader of IDX files, the format of MNIST and its relatives, plain or with gzip.

An IDX file of bytes starts with 0, 0, 8 and the number of dimensions; then comes each dimension
as a big-endian 32-bit integer; then the values, last dimension fastest.
"""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from lps_sweep.errors import BadInputError

UINT8_CODE = 8
MAX_ITEMS = 10_000_000
"""More items than any such data set has: a header beyond it is damaged, and is not believed."""


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


def read_idx(file: Path, item_shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """The uint8 array (N, *item_shape) in `file`; gzip if the name ends in ``.gz``.

    Raises:
        BadInputError: The file cannot be read, is no IDX file of bytes, has items of another
            shape, or its content is shorter or longer than its header says.
    """
    try:
        if file.suffix == ".gz":
            with gzip.open(file, "rb") as unpacked:
                return _read(unpacked, file, item_shape)
        with file.open("rb") as stream:
            return _read(stream, file, item_shape)
    except (OSError, EOFError, zlib.error) as error:
        raise BadInputError(f"cannot be read: {error}", where=str(file)) from error


def _read(stream: _Readable, file: Path, item_shape: tuple[int, ...]) -> NDArray[np.uint8]:
    num_dims = 1 + len(item_shape)
    expected = bytes((0, 0, UINT8_CODE, num_dims))
    magic = stream.read(4)
    if magic != expected:
        raise BadInputError(
            f"wrong magic number: starts with {magic.hex() or 'nothing'}, an IDX file of bytes "
            f"with {num_dims} dimensions with {expected.hex()}",
            where=str(file),
        )
    header = stream.read(4 * num_dims)
    if len(header) < 4 * num_dims:
        raise BadInputError("truncated: it ends inside its header", where=str(file))
    num_items, *shape = struct.unpack(f">{num_dims}I", header)
    if tuple(shape) != item_shape:
        raise BadInputError(
            f"items have shape {tuple(shape)}, this data set has {item_shape}", where=str(file)
        )
    if num_items > MAX_ITEMS:
        raise BadInputError(f"damaged header: {num_items} items", where=str(file))
    num_bytes = num_items * math.prod(item_shape)
    content = stream.read(num_bytes)
    if len(content) < num_bytes:
        raise BadInputError(
            f"truncated: {len(content)} bytes of values, its header says {num_bytes}",
            where=str(file),
        )
    if stream.read(1):
        raise BadInputError(
            f"too long: its header says {num_bytes} bytes of values", where=str(file)
        )
    return np.frombuffer(bytearray(content), dtype=np.uint8).reshape(num_items, *item_shape)
