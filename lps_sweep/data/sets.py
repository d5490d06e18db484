"""What a data set is: described without its images, and once it is read. No torch."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lps_sweep.data.config import DataConfig
from lps_sweep.errors import MissingInputError
from lps_sweep.files import is_taken


@dataclass(frozen=True)
class Recipe:
    """How images become the input of a network.

    Attributes:
        mean: Per input channel, as a share of full white. Grey images are repeated to as many
            channels as there are values.
        std: Standard deviation per input channel, as a share of full white.
        border: Black pixels added on each side before anything else.
        views: Name of the views in `views.VIEWS`.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    border: int = 0
    views: str = "paper"

    @property
    def channels(self) -> int:
        """Channels of a view."""
        return len(self.mean)


@dataclass(frozen=True)
class ImageSet:
    """The training images of a data set with their class labels.

    Attributes:
        images: Pixels (N, C, H, W), uint8, 0..255.
        labels: Class ids (N,), int64, 0..num_classes-1, in the data set's own numbering.
        num_classes: Number of classes.
        class_names: One name per class, by class id.
        content: The fingerprint where it is known, so that it need not be computed of the pixels.

    Raises:
        ValueError: A shape, type or label does not fit.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    num_classes: int
    class_names: tuple[str, ...]
    content: str = ""

    def __post_init__(self) -> None:
        if self.images.dtype != np.uint8 or self.images.ndim != 4:
            raise ValueError(f"images must be uint8 (N, C, H, W), not {_text(self.images)}")
        if self.labels.dtype != np.int64 or self.labels.shape != (len(self.images),):
            raise ValueError(
                f"labels must be int64 ({len(self.images)},), not {_text(self.labels)}"
            )
        if len(self.class_names) != self.num_classes:
            raise ValueError(f"{len(self.class_names)} names for {self.num_classes} classes")
        if len(self.labels) and not 0 <= self.labels.min() <= self.labels.max() < self.num_classes:
            raise ValueError(f"labels must lie in 0..{self.num_classes - 1}")

    def fingerprint(self) -> str:
        """SHA-256 (hex) of pixels, labels, shape and number of classes, or `content`."""
        if self.content:
            return self.content
        digest = hashlib.sha256(f"{self.images.shape} {self.num_classes}\n".encode())
        digest.update(np.ascontiguousarray(self.images).data)
        digest.update(np.ascontiguousarray(self.labels, dtype="<i8").data)
        return digest.hexdigest()


def _text(array: NDArray[np.generic]) -> str:
    return f"{array.dtype} {array.shape}"


@dataclass(frozen=True)
class DataSet:
    """All that is known of a data set without its images.

    Attributes:
        title: Its name for people.
        num_classes: Number of its classes.
        recipe: How its images become views.
        find: The files of the training images; MissingInputError where they are missing.
        read: The training images in these files; BadInputError where one is damaged.
        preset: The settings by flat name that training on it begins with, where they are not the
            defaults; what stands below the name of a method is of that method alone.
        image_sizes: The sides of its images in pixels, where there is a choice.
        rounded_down: The part of a batch that the reference rounds down, for `batch_rows`.
    """

    title: str
    num_classes: int
    recipe: Recipe
    find: Callable[[DataConfig], tuple[Path, ...]]
    read: Callable[[tuple[Path, ...]], ImageSet]
    preset: Mapping[str, Any] = field(default_factory=dict)
    image_sizes: Sequence[int] = (DataConfig.image_size,)
    rounded_down: str = "labeled"


def find_files(
    data_root: str,
    folder: Path,
    names: Sequence[str],
    *,
    title: str,
    advice: str,
    elsewhere: Sequence[Path] = (),
    packed: bool = False,
) -> tuple[Path, ...]:
    """The files `names`, in this order, in the first folder that has them all.

    Args:
        data_root: The only place to look, and `folder` in it; empty for `folder` below ``data`` in
            the working directory, and then `elsewhere`.
        folder: The data set's own folder, relative.
        names: What is looked for.
        title: What is missing, for the message.
        advice: How to get it.
        elsewhere: Folders that may have it besides.
        packed: Whether NAME.gz, too, serves where NAME is missing.

    Raises:
        MissingInputError: No folder has them all; lists every place that was looked at.
    """
    root = Path(data_root).expanduser()
    folders = (root, root / folder) if data_root else (Path("data") / folder, *elsewhere)
    looked = []
    for place in folders:
        found = {name: _first(place, name, packed) for name in names}
        files = tuple(file for file in found.values() if file)
        if len(files) == len(names):
            return files
        missing = ", ".join(name for name, file in found.items() if not file)
        reason = f"without {missing}" if place.is_dir() else "no such folder"
        looked.append(f"{place.absolute()} ({reason})")
    places = "".join(f"  {place}\n" for place in looked)
    message = f"{title} is not there; looked in\n{places}{advice}"
    raise MissingInputError(
        f"{message}; name the folder with --set data_root=DIR", "data_root", looked
    )


def _first(folder: Path, name: str, packed: bool) -> Path | None:
    """A plain file goes before a packed one, and either before what is no regular file."""
    files = [folder / name, *([folder / f"{name}.gz"] if packed else [])]
    taken = [file for file in files if is_taken(file)]
    return next((file for file in taken if file.is_file()), taken[0] if taken else None)
