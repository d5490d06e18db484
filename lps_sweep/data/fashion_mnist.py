"""Fashion-MNIST: 60,000 grey training images of clothing, 28 x 28, in IDX files."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lps_sweep.config import DataConfig
from lps_sweep.data.idx import read_idx
from lps_sweep.data.image_set import ImageSet
from lps_sweep.errors import BadInputError

CLASS_NAMES = (
    "t-shirt/top",
    "trouser",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "sneaker",
    "bag",
    "ankle boot",
)
SIDE = 28
IMAGES_NAME = "train-images-idx3-ubyte"
LABELS_NAME = "train-labels-idx1-ubyte"
DEBIAN_FOLDER = Path("/usr/share/datasets/fashion-mnist")
TORCHVISION_FOLDER = Path("FashionMNIST") / "raw"


def find(data: DataConfig) -> tuple[Path, ...]:
    """The files of training images and labels, in the first folder that has both.

    With `data_root`: that folder itself, then torchvision's layout ``FashionMNIST/raw`` in it.
    Without: ``data/FashionMNIST/raw`` in the working directory, then the folder of Debian's
    package. A plain file is taken before its ``.gz``.

    Raises:
        BadInputError: No folder has both; lists every place that was looked at.
    """
    folders = _folders(data.data_root)
    for folder in folders:
        images, labels = _first(folder, IMAGES_NAME), _first(folder, LABELS_NAME)
        if images is not None and labels is not None:
            return images, labels
    raise BadInputError(
        f"Fashion-MNIST is not there: {IMAGES_NAME} and {LABELS_NAME}, plain or .gz, were looked "
        "for in\n" + "".join(f"  {_looked(folder)}\n" for folder in folders) + "Get it with Debian"
        "'s package (apt-get install dataset-fashion-mnist), or let torchvision download it "
        "(its layout is FashionMNIST/raw), and name the folder with --set data_root=DIR",
        where="data_root",
    )


def read(files: tuple[Path, ...]) -> ImageSet:
    """The training images, (N, 1, 28, 28), in the order of the files.

    Raises:
        BadInputError: A file is damaged, or the two do not belong together.
    """
    images_file, labels_file = files
    images = read_idx(images_file, (SIDE, SIDE))
    labels = read_idx(labels_file, ())
    if len(images) != len(labels):
        raise BadInputError(
            f"{len(labels)} labels, but {images_file} has {len(images)} images",
            where=str(labels_file),
        )
    if len(labels) and labels.max() >= len(CLASS_NAMES):
        raise BadInputError(
            f"label {labels.max()}, but labels are 0..{len(CLASS_NAMES) - 1}",
            where=str(labels_file),
        )
    return ImageSet(
        images=images[:, None],
        labels=labels.astype(np.int64),
        num_classes=len(CLASS_NAMES),
        class_names=CLASS_NAMES,
    )


def _folders(data_root: str) -> tuple[Path, ...]:
    if data_root:
        root = Path(data_root).expanduser()
        return root, root / TORCHVISION_FOLDER
    return Path("data") / TORCHVISION_FOLDER, DEBIAN_FOLDER


def _first(folder: Path, name: str) -> Path | None:
    for file in (folder / name, folder / f"{name}.gz"):
        if file.is_file():
            return file
    return None


def _looked(folder: Path) -> str:
    path = folder.absolute()
    if not path.is_dir():
        return f"{path} (no such folder)"
    missing = [name for name in (IMAGES_NAME, LABELS_NAME) if _first(path, name) is None]
    return f"{path} (without {' and '.join(missing)})"
