"""ImageNet-100: 100 of ImageNet's classes, about 128,500 photographs, read as prepared images.

Decoding the photographs anew for each view would take far longer than training on them. They are
decoded once, by ``lps-sweep prepare imagenet100``, and stored at one size.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from lps_sweep.config import DataConfig
from lps_sweep.data.image_set import ImageSet
from lps_sweep.data.stored_images import MANIFEST_NAME, read_manifest, read_stored
from lps_sweep.errors import BadInputError

NUM_CLASSES = 100
SIZES = True
ROUNDED_DOWN = "unlabeled"
"""The reference's rule for a batch of ImageNet; `batch_rows` has the other one."""

SIZE_STEP = 32
"""Stored sizes are multiples of it, so that all proportions of the views come out even."""

REFERENCE_CLASSES = "fe8959b5f87ec66368fda940dcf709500cbf530debef6b263ed7befa161e91b2"
"""SHA-256 of the 100 ascending synsets, a line each, that the reference and its kin take."""


def find(data: DataConfig) -> tuple[Path, ...]:
    """Manifest and pixels of the images prepared at `image_size`, in the first folder with them.

    With a `data_root`: that folder itself, then ``imagenet100`` in it. Without:
    ``data/imagenet100`` in the working directory.

    Raises:
        BadInputError: No folder has them, or the size is none; says how to prepare them.
    """
    check_size(data.image_size)
    root = Path(data.data_root).expanduser()
    roots = (root, root / "imagenet100") if data.data_root else (Path("data") / "imagenet100",)
    for folder in roots:
        file = prepared_folder(folder, data.image_size) / MANIFEST_NAME
        if file.is_file():
            return file, file.parent / read_manifest(file).images_name
    raise BadInputError(
        f"ImageNet-100 is not prepared at image_size {data.image_size}; looked in\n"
        + "".join(f"  {_looked(folder.absolute())}\n" for folder in roots)
        + "Prepare it once, from the photographs in DIR/train/<synset>, with: lps-sweep prepare "
        f"imagenet100 --root DIR --size {data.image_size}; then name it with --set data_root=DIR",
        where="data_root",
    )


def read(files: tuple[Path, ...]) -> ImageSet:
    """The training images, (N, 3, S, S), by class and file name; mapped, not read into memory.

    Raises:
        BadInputError: A file is damaged.
    """
    return read_stored(files[0])


def prepared_folder(root: Path, image_size: int) -> Path:
    """Where the images of this size lie, in the folder that has ``train``."""
    return root / f"imagenet100-{image_size}"


def check_size(image_size: int) -> None:
    """Refuses what is no stored size.

    Raises:
        BadInputError: With the sizes that there are.
    """
    low, high = 32, 1024
    if image_size % SIZE_STEP or not low <= image_size <= high:
        raise BadInputError(
            f"must be a multiple of {SIZE_STEP} from {low} to {high}, not {image_size}",
            where="image_size",
        )


def are_reference_classes(names: Iterable[str]) -> bool:
    """Whether these are the 100 classes of the reference."""
    text = "\n".join(sorted(names))
    return hashlib.sha256(text.encode()).hexdigest() == REFERENCE_CLASSES


def _looked(folder: Path) -> str:
    if not folder.is_dir():
        return f"{folder} (no such folder)"
    sizes = sorted(f.parent.name for f in folder.glob(f"imagenet100-*/{MANIFEST_NAME}"))
    if sizes:
        return f"{folder} (with {', '.join(sizes)} only)"
    return f"{folder} ({'with' if (folder / 'train').is_dir() else 'without'} train, not prepared)"
