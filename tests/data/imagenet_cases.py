"""Small class folders in ImageNet's format: JPEG files of different sizes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

NUM_CLASSES = 100
NAMES = tuple(f"n{10_000_000 + 137 * i:08d}" for i in range(NUM_CLASSES))


def picture(seed: int, width: int, height: int) -> Image.Image:
    """A smooth colour gradient under noise."""
    generator = np.random.default_rng(seed)
    corners = generator.integers(0, 256, (2, 2, 3)).astype(np.uint8)
    smooth = Image.fromarray(corners).resize((width, height), Image.Resampling.BILINEAR)
    noise = generator.integers(-20, 21, (height, width, 3))
    return Image.fromarray(np.clip(np.asarray(smooth) + noise, 0, 255).astype(np.uint8))


def write_class_folders(root: Path, per_class: int = 2) -> Path:
    """``root/train`` with all classes; image i of class c is of 33 to 63 by 33 to 63 pixels."""
    for label, name in enumerate(NAMES):
        folder = root / "train" / name
        folder.mkdir(parents=True)
        for i in range(per_class):
            number = label * per_class + i
            image = picture(number, 33 + number * 7 % 31, 33 + number * 13 % 31)
            image.save(folder / f"{name}_{i}.JPEG")
    return root


def truncate(file: Path) -> None:
    """Cuts the end off, as a broken download does."""
    content = file.read_bytes()
    file.write_bytes(content[:-100])
