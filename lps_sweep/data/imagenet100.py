"""ImageNet-100: 100 of ImageNet's classes, about 128,500 photographs, read as prepared images.

Decoding the photographs anew for each view would take far longer than training on them. They are
decoded once, by ``lps-sweep prepare imagenet100``, and stored at one size: in a file of pixels,
uint8 (N, 3, S, S) without any header, to be mapped into memory. It is named by its content, and the
manifest, which is written last, names it: a preparation that was killed leaves the older pair as it
was.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lps_sweep.data.config import DataConfig
from lps_sweep.data.sets import DataSet, ImageSet, Recipe, find_files
from lps_sweep.errors import BadInputError
from lps_sweep.files import open_regular

MANIFEST_NAME = "manifest.json"
VERSION = 1
CHANNELS = 3


NUM_CLASSES = 100

REFERENCE_CLASSES = "fe8959b5f87ec66368fda940dcf709500cbf530debef6b263ed7befa161e91b2"
"""SHA-256 of the 100 ascending synsets, a line each, that the reference and its kin take."""


@dataclass(frozen=True)
class StoredClass:
    """The images of one class, which lie one after the other.

    Attributes:
        name: The synset.
        files: Names of the image files, in the order of the pixels.
        skipped: Names of the files that could not be decoded.
        sha256: Of the pixels, in hexadecimal digits.
    """

    name: str
    files: tuple[str, ...]
    skipped: tuple[str, ...]
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """What is in a file of pixels.

    Attributes:
        image_size: Side S of the images.
        classes: By ascending name; a class's place is its label.
    """

    image_size: int
    classes: tuple[StoredClass, ...]

    @property
    def num_images(self) -> int:
        """Images in the file of pixels."""
        return sum(len(one.files) for one in self.classes)

    @property
    def num_skipped(self) -> int:
        """Images that could not be decoded."""
        return sum(len(one.skipped) for one in self.classes)

    @property
    def bytes_per_image(self) -> int:
        """Of the file of pixels."""
        return CHANNELS * self.image_size**2

    @property
    def num_bytes(self) -> int:
        """Of all images."""
        return self.num_images * self.bytes_per_image

    @functools.cached_property
    def content(self) -> str:
        """SHA-256 (hex) of size, classes, file names and pixels: the data set's fingerprint."""
        classes = [[one.name, one.files, one.sha256] for one in self.classes]
        text = json.dumps([VERSION, self.image_size, classes], separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def images_name(self) -> str:
        """Name of the file of pixels."""
        return f"images-{self.content[:16]}.uint8"

    def to_json(self) -> str:
        """The manifest as it is written."""
        counts = {"num_images": self.num_images, "num_skipped": self.num_skipped}
        facts = {"version": VERSION, "images": self.images_name, **counts, **asdict(self)}
        return json.dumps(facts, indent=1) + "\n"


def read_manifest(file: Path) -> Manifest:
    """The manifest in `file`.

    Raises:
        BadInputError: The file cannot be read, or is no manifest of this version.
    """
    try:
        with open_regular(file) as stream:
            facts = json.load(stream)
        if facts["version"] != VERSION:
            raise ValueError(f"version {facts['version']}, but this program writes {VERSION}")
        size = int(facts["image_size"])
        manifest = Manifest(size, tuple(map(_stored_class, facts["classes"])))
        if facts["images"] != manifest.images_name:
            raise ValueError("it was changed since it was written")
    except (OSError, ValueError, KeyError, TypeError) as error:
        message = f"no manifest of prepared images: {type(error).__name__}: {error}"
        raise BadInputError(f"{message}; prepare them again", where=str(file)) from error
    return manifest


def _stored_class(entry: Any) -> StoredClass:
    files, skipped = (tuple(map(str, entry[key])) for key in ("files", "skipped"))
    return StoredClass(str(entry["name"]), files, skipped, str(entry["sha256"]))


def read_stored(manifest_file: Path) -> ImageSet:
    """The images of a manifest, mapped into memory and read-only; the pixels are not read.

    Raises:
        BadInputError: The manifest or the file of pixels is missing or damaged.
    """
    manifest = read_manifest(manifest_file)
    file = manifest_file.parent / manifest.images_name
    shape = (manifest.num_images, CHANNELS, manifest.image_size, manifest.image_size)
    check_length(file, manifest)
    return ImageSet(
        images=np.memmap(file, dtype=np.uint8, mode="r", shape=shape),
        labels=np.repeat(
            np.arange(len(manifest.classes), dtype=np.int64),
            [len(one.files) for one in manifest.classes],
        ),
        num_classes=len(manifest.classes),
        class_names=tuple(one.name for one in manifest.classes),
        content=manifest.content,
    )


def check_length(file: Path, manifest: Manifest) -> None:
    """Refuses a file of pixels that is missing or has another length than its manifest says.

    Raises:
        BadInputError: That names it.
    """
    wanted = manifest.num_bytes
    try:
        found = file.stat().st_size
    except OSError as error:
        raise BadInputError(f"cannot be read: {error.strerror}", where=str(file)) from error
    if found != wanted:
        raise BadInputError(
            f"damaged: {found} bytes, but its manifest says {wanted}; remove it and prepare the "
            "images again",
            where=str(file),
        )


def find(data: DataConfig) -> tuple[Path, ...]:
    """Manifest and pixels of the images prepared at `image_size`, in the first folder with them.

    With a `data_root`: that folder itself, then ``imagenet100`` in it. Without:
    ``data/imagenet100`` in the working directory.

    Raises:
        MissingInputError: No folder has them; says how to prepare them.
    """
    size = data.image_size
    (manifest,) = find_files(
        data.data_root,
        Path("imagenet100"),
        (f"imagenet100-{size}/{MANIFEST_NAME}",),
        title=f"ImageNet-100, prepared at image_size {size},",
        advice="Prepare it once, from the photographs in DIR/train/<synset>, with: lps-sweep "
        f"prepare imagenet100 --root DIR --size {size}; then",
    )
    return manifest, manifest.parent / read_manifest(manifest).images_name


def read(files: tuple[Path, ...]) -> ImageSet:
    """The training images, (N, 3, S, S), by class and file name; mapped, not read into memory.

    Raises:
        BadInputError: A file is damaged.
    """
    return read_stored(files[0])


def prepared_folder(root: Path, image_size: int) -> Path:
    """Where the images of this size lie, in the folder that has ``train``."""
    return root / f"imagenet100-{image_size}"


def are_reference_classes(names: Iterable[str]) -> bool:
    """Whether these are the 100 classes of the reference."""
    text = "\n".join(sorted(names))
    return hashlib.sha256(text.encode()).hexdigest() == REFERENCE_CLASSES


DATA_SET = DataSet(
    title="ImageNet-100",
    num_classes=NUM_CLASSES,
    recipe=Recipe(mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225), views="imagenet"),
    find=find,
    read=read,
    preset={"network": "resnet50", "epochs": 90, "weight_decay": 1e-4},
    image_sizes=range(32, 1025, 32),
    rounded_down="unlabeled",
)
"""The reference's settings for its 100 classes; its views are 224 x 224 of images of 256 x 256. The
constants are those of all of ImageNet. The views' proportions come out even at all these sizes."""
