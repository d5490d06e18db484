"""Images decoded once: a file of pixels, and the manifest that says what is in it.

The file of pixels is uint8 (N, 3, S, S) without any header, to be mapped into memory. It is named
by its content, and the manifest, which is written last, names it: a preparation that was killed
leaves the older pair as it was.
"""

from __future__ import annotations

import functools
import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lps_sweep.data.image_set import ImageSet
from lps_sweep.errors import BadInputError

MANIFEST_NAME = "manifest.json"
VERSION = 1
CHANNELS = 3


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


def stored_class(entry: Any) -> StoredClass:
    """A class as it was written.

    Raises:
        KeyError, TypeError: It is none.
    """
    return StoredClass(
        name=str(entry["name"]),
        files=tuple(map(str, entry["files"])),
        skipped=tuple(map(str, entry["skipped"])),
        sha256=str(entry["sha256"]),
    )


def read_manifest(file: Path) -> Manifest:
    """The manifest in `file`.

    Raises:
        BadInputError: The file cannot be read, or is no manifest of this version.
    """
    try:
        facts = json.loads(file.read_text(encoding="utf-8"))
        if facts["version"] != VERSION:
            raise ValueError(f"version {facts['version']}, but this program writes {VERSION}")
        size = int(facts["image_size"])
        manifest = Manifest(size, tuple(map(stored_class, facts["classes"])))
        if facts["images"] != manifest.images_name:
            raise ValueError("it was changed since it was written")
    except (OSError, ValueError, KeyError, TypeError) as error:
        message = f"no manifest of prepared images: {type(error).__name__}: {error}"
        raise BadInputError(f"{message}; prepare them again", where=str(file)) from error
    return manifest


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
    wanted = manifest.num_images * manifest.bytes_per_image
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
