"""The 1,797 handwritten digits of 8 x 8 pixels that come with scikit-learn."""

from __future__ import annotations

import gzip
import importlib.util
import zlib
from pathlib import Path

import numpy as np

from lps_sweep.config import DataConfig
from lps_sweep.data.image_set import ImageSet
from lps_sweep.errors import BadInputError

NUM_IMAGES = 1797
SIDE = 8
MAX_VALUE = 16
"""Grey values are 0..16 in the file; as uint8 they are round(value * 255 / 16)."""


def find(data: DataConfig) -> tuple[Path, ...]:
    """The table of digits in the installed scikit-learn, which is not imported.

    `data_root` has no say: this data set lies where the package is installed.

    Raises:
        BadInputError: scikit-learn or its table is not installed.
    """
    del data
    spec = importlib.util.find_spec("sklearn")
    folders = list(spec.submodule_search_locations or []) if spec is not None else []
    files = [Path(folder) / "datasets" / "data" / "digits.csv.gz" for folder in folders]
    for file in files:
        if file.is_file():
            return (file,)
    looked = f" (looked for {', '.join(map(str, files))})" if files else ""
    raise BadInputError(
        f"digits comes with scikit-learn, which is not installed here{looked}; "
        "install it with: pip install scikit-learn",
        where="dataset",
    )


def read(files: tuple[Path, ...]) -> ImageSet:
    """The images of the table, (1797, 1, 8, 8), in the order of its rows.

    A row has 64 grey values, row by row of the image, and the digit.

    Raises:
        BadInputError: The file is damaged.
    """
    (file,) = files
    try:
        text = gzip.decompress(file.read_bytes())
        table = np.array(text.replace(b"\n", b",").rstrip(b",").split(b","), dtype=np.float64)
    except (OSError, EOFError, zlib.error, ValueError) as error:
        raise BadInputError(f"damaged table of digits: {error}", where=str(file)) from error
    if table.size != NUM_IMAGES * (SIDE * SIDE + 1):
        raise BadInputError(
            f"damaged table of digits: {table.size} values instead of "
            f"{NUM_IMAGES} x {SIDE * SIDE + 1}",
            where=str(file),
        )
    table = table.reshape(NUM_IMAGES, SIDE * SIDE + 1)
    values, digits = table[:, :-1], table[:, -1]
    if not (_whole(values, MAX_VALUE) and _whole(digits, 9)):
        raise BadInputError("damaged table of digits: a value is out of range", where=str(file))
    return ImageSet(
        images=np.rint(values * 255 / MAX_VALUE).astype(np.uint8).reshape(-1, 1, SIDE, SIDE),
        labels=digits.astype(np.int64),
        num_classes=10,
        class_names=tuple("0123456789"),
    )


def _whole(values: np.ndarray[tuple[int, ...], np.dtype[np.float64]], high: int) -> bool:
    return bool(np.all((values >= 0) & (values <= high) & (values == np.rint(values))))
