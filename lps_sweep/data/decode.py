"""A photograph as square pixels of a given size."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lps_sweep.errors import BadInputError


class CorruptImageError(Exception):
    """An image file that cannot be decoded; the message names it."""


def decode(file: Path, side: int) -> NDArray[np.uint8]:
    """The image as uint8 (3, side, side): the first steps of the reference's test transform.

    Red, green and blue as Pillow decodes them, without heed to the orientation that a camera may
    have noted. The shorter side is resized to `side`, bilinearly with antialiasing, and the middle
    is cut out: what torchvision's ``Resize`` and ``CenterCrop`` do.

    Raises:
        CorruptImageError: The content is no whole image.
        BadInputError: The file cannot be read.
    """
    from PIL import Image

    try:
        with Image.open(file) as opened:
            image = opened.convert("RGB")
    except Exception as error:  # decoders of damaged files fail in ways without number
        if isinstance(error, OSError) and error.errno is not None:
            raise BadInputError(f"cannot be read: {error.strerror}", where=str(file)) from error
        raise CorruptImageError(f"{file}: {error}") from error
    width, height = image.size
    short = min(width, height)
    width, height = (int(side * length / short) for length in (width, height))
    # Columns first, in two calls: from version 13 on Pillow chooses the order by the shape.
    image = image.resize((width, image.height), Image.Resampling.BILINEAR)
    image = image.resize((width, height), Image.Resampling.BILINEAR)
    left, top = round((width - side) / 2), round((height - side) / 2)
    pixels = np.asarray(image.crop((left, top, left + side, top + side)))
    return np.ascontiguousarray(pixels.transpose(2, 0, 1))
