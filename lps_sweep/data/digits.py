"""The 1,797 handwritten digits of 8 x 8 pixels that come with scikit-learn."""

from __future__ import annotations

import gzip
import importlib.util
import zlib
from pathlib import Path

import numpy as np

from lps_sweep.data.config import DataConfig
from lps_sweep.data.sets import DataSet, ImageSet, Recipe
from lps_sweep.errors import BadInputError, MissingInputError

NUM_IMAGES = 1797
SIDE = 8
CONTENT = "aea4a8bc9673cb21d3256151a5879669e47e5c6510b40145da21d22fd6afe6a1"
"""SHA-256 (hex) of pixels and labels."""


def find(data: DataConfig) -> tuple[Path, ...]:
    """The table of digits in the installed scikit-learn, which is not imported.

    `data_root` has no say: this data set lies where the package is installed.

    Raises:
        MissingInputError: scikit-learn or its table is not installed.
    """
    del data
    spec = importlib.util.find_spec("sklearn")
    folders = list(spec.submodule_search_locations or []) if spec is not None else []
    files = [Path(folder) / "datasets" / "data" / "digits.csv.gz" for folder in folders]
    for file in files:
        if file.is_file():
            return (file,)
    looked = f" (looked for {', '.join(map(str, files))})" if files else ""
    raise MissingInputError(
        f"digits comes with scikit-learn, which is not installed here{looked}; "
        "install it with: pip install scikit-learn",
        where="dataset",
    )


def read(files: tuple[Path, ...]) -> ImageSet:
    """The images of the table, (1797, 1, 8, 8), in the order of its rows.

    A row has 64 grey values from 0 to 16, row by row of the image, and the digit.

    Raises:
        BadInputError: The file is damaged.
    """
    (file,) = files
    try:
        text = gzip.decompress(file.read_bytes()).replace(b"\n", b",").rstrip(b",")
        table = np.array(text.split(b",")).astype(np.int64).reshape(NUM_IMAGES, SIDE * SIDE + 1)
        pixels = np.rint(table[:, :-1] * 255 / 16).astype(np.uint8).reshape(-1, 1, SIDE, SIDE)
        images = ImageSet(pixels, table[:, -1].copy(), 10, tuple("0123456789"))
    except (OSError, EOFError, zlib.error, ValueError) as error:
        raise BadInputError(f"damaged table of digits: {error}", where=str(file)) from error
    if images.fingerprint() != CONTENT:
        raise BadInputError("damaged table of digits: a value is another", where=str(file))
    return images


RECIPE = Recipe(mean=(0.3053,), std=(0.3759,), views="affine")
"""8 x 8 grey, or two beside each other; the constants are those of all digits."""

DATA_SET = DataSet(
    title="digits",
    num_classes=10,
    recipe=RECIPE,
    find=find,
    read=read,
    preset={
        "network": "small_cnn",
        "epochs": 20,
        "batch_size": 128,
        "pretrain_epochs": 100,
        "pretrain_batch_size": 256,
        "pretrain_lr": 0.2,
        "pretrain_temperature": 0.5,
        "fixmatch": {"ema_decay": 0.9},
        "owmatch": {"ema_decay": 0.9},
        "openncd": {"nearest": 3, "graph_mix": 1.0, "warm_up_share": 0.2},
    },
)
"""Small and quick. Some hundred steps are too few for the published averages of weights, which
remember a thousand, and for OpenNCD's published warm-up, a 30th of 15,000 steps; its graph is that
of ten classes."""
