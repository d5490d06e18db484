"""Decoding of photographs, once, into a file of pixels that training maps into memory.

Classes are appended one after the other to an unfinished file, and what it holds is said by a
manifest of its own, which is replaced after each class: the next call goes on behind it. When all
is there, the file gets the name of its content, and then the manifest is written that is read.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.pool import ThreadPool
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lps_sweep.data.class_folders import ClassFolder, list_class_folders
from lps_sweep.data.imagenet100 import (
    MANIFEST_NAME,
    NUM_CLASSES,
    Manifest,
    StoredClass,
    check_length,
    prepared_folder,
    read_manifest,
)
from lps_sweep.data.sources import check_size
from lps_sweep.errors import BadInputError, StorageError
from lps_sweep.files import not_regular, open_regular, sync_folder

LOCK_NAME = "lock"

PIXELS_NAME = "unfinished.uint8"

UNFINISHED_NAME = "unfinished.json"

READ_BYTES = 1 << 24

SHOWN = 8
"""Damaged images that a message lists; the rest is counted."""

Report = Callable[[int, int], None]
"""Told the number of images done, and of all."""


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
        with open_regular(file) as content, Image.open(content) as opened:
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


def prepare(
    root: Path,
    image_size: int,
    *,
    skip_corrupt: bool = False,
    num_workers: int | None = None,
    report: Report = lambda *_: None,
) -> Manifest:
    """Decodes the images below ``root/train``, or what an earlier call has left to do.

    Where all is done, the pixels are compared with their checksums. Where the image files are
    others by name than those of the last preparation, all of them are prepared anew; the older
    pixels serve until that is done.

    Args:
        root: The folder that has ``train`` and perhaps ``classes.txt``.
        image_size: Side of the stored images; see `decode`.
        skip_corrupt: Leave images out that cannot be decoded.
        num_workers: Threads; by default as many as there are cores.
        report: Told the number of images done, and of all, time and again.

    Raises:
        BadInputError: The layout is another, images cannot be decoded (all of the first class
            that has any are named), or stored pixels are not those of the manifest.
        StorageError: The disk is full or not writable, or another process prepares this folder.
    """
    check_size("imagenet100", image_size)
    work = _Work(root, image_size, skip_corrupt, report)
    folder = work.folder
    if folder.exists() and not folder.is_dir():
        raise BadInputError("this is a file, and the folder of the images is due", str(folder))
    try:
        folder.mkdir(exist_ok=True)
        for path in sorted(folder.iterdir()):
            if reason := not_regular(path):
                raise BadInputError(f"no prepared images: {reason}; remove it", str(path))
        with _alone(folder):
            if (file := folder / MANIFEST_NAME).exists():
                manifest = read_manifest(file)
                if len(work.as_listed(manifest.classes)) == len(work.listing):
                    _verify(folder, manifest, report)
                    return manifest
            begun = work.begun()
            with ThreadPool(num_workers or os.cpu_count()) as pool:  # it waits for no thread
                return work.finish(begun, pool)
    except OSError as error:
        raise StorageError(f"cannot write {folder}: {error.strerror}") from error


class _Work:
    """A preparation; the arguments are those of `prepare`."""

    def __init__(self, root: Path, image_size: int, skip_corrupt: bool, report: Report) -> None:
        self.listing = list_class_folders(root, NUM_CLASSES)
        self.folder = prepared_folder(root, image_size)
        self._image_size = image_size
        self._skip_corrupt = skip_corrupt
        self._report = report
        self._pixels = self.folder / PIXELS_NAME
        self._unfinished = self.folder / UNFINISHED_NAME

    def as_listed(self, done: Sequence[StoredClass]) -> tuple[StoredClass, ...]:
        """Those at the start of `done` that the listing begins with, of the same files.

        A class with skipped images is done only if they are to be skipped.
        """
        for number, (one, stored) in enumerate(zip(self.listing, done, strict=False)):
            names = tuple(sorted(stored.files + stored.skipped))
            lacks = bool(stored.skipped) and not self._skip_corrupt
            if lacks or (one.name, one.files) != (stored.name, names):
                return tuple(done[:number])
        return tuple(done[: len(self.listing)])

    def begun(self) -> Manifest:
        """What an earlier call has done of this; the unfinished file is cut to it."""
        done: tuple[StoredClass, ...] = ()
        if self._unfinished.exists():
            done = self.as_listed(read_manifest(self._unfinished).classes)
        elif self._pixels.exists():
            raise BadInputError("no preparation made this; move it away", str(self._pixels))
        manifest = Manifest(self._image_size, done)
        if not self._pixels.exists() and (self.folder / manifest.images_name).exists():
            return manifest  # the unfinished file has its last name already
        length = self._pixels.stat().st_size if self._pixels.exists() else 0
        while manifest.num_bytes > length:
            manifest = Manifest(self._image_size, manifest.classes[:-1])
        _write(self._unfinished, manifest)
        with self._pixels.open("ab") as pixels:
            pixels.truncate(manifest.num_bytes)
        return manifest

    def finish(self, manifest: Manifest, pool: ThreadPool) -> Manifest:
        """Decodes what `manifest` lacks with `pool`, and writes the manifest of all.

        Raises:
            BadInputError: Images cannot be decoded.
            StorageError: The disk is too small.
        """
        left = self.listing[len(manifest.classes) :]
        self._refuse_full_disk(sum(len(one.files) for one in left))
        for one in left:
            stored = self._append(one, pool)
            manifest = Manifest(self._image_size, (*manifest.classes, stored))
            _write(self._unfinished, manifest)
        images = self.folder / manifest.images_name
        if self._pixels.exists():
            self._pixels.replace(images)
            sync_folder(self.folder)
        check_length(images, manifest)
        _write(self.folder / MANIFEST_NAME, manifest)
        self._unfinished.unlink(missing_ok=True)
        for older in self.folder.glob(f"images-{'[0-9a-f]' * 16}.uint8"):
            if older != images:
                older.unlink()
        return manifest

    def _append(self, one: ClassFolder, pool: ThreadPool) -> StoredClass:
        """Appends the pixels of one class, which are on the disk when this returns."""
        counts = [len(other.files) for other in self.listing]
        before = sum(counts[: self.listing.index(one)])
        self._report(before, sum(counts))
        digest = hashlib.sha256()
        taken: list[str] = []
        corrupt: dict[str, CorruptImageError] = {}
        decoded = pool.imap(self._decoded, (one.folder / name for name in one.files))
        with self._pixels.open("ab") as file:
            for number, (name, pixels) in enumerate(zip(one.files, decoded, strict=True), start=1):
                if isinstance(pixels, CorruptImageError):
                    corrupt[name] = pixels
                else:
                    taken.append(name)
                    digest.update(pixels)
                    file.write(pixels)
                self._report(before + number, sum(counts))
            file.flush()
            os.fsync(file.fileno())
        if corrupt and not self._skip_corrupt:
            raise BadInputError(_corrupt_text(list(corrupt.values())))
        if not taken:
            raise BadInputError("no image of this class can be decoded", where=str(one.folder))
        return StoredClass(one.name, tuple(taken), tuple(corrupt), digest.hexdigest())

    def _decoded(self, file: Path) -> bytes | CorruptImageError:
        try:
            return decode(file, self._image_size).tobytes()
        except CorruptImageError as error:
            return error

    def _refuse_full_disk(self, num_images: int) -> None:
        side = self._image_size
        wanted, free = num_images * 3 * side**2, shutil.disk_usage(self.folder).free
        if wanted > free:
            raise StorageError(
                f"{num_images} images of {side} x {side} take {wanted / 1e9:.1f} GB; "
                f"{free / 1e9:.1f} GB are free in {self.folder}"
            )


def _verify(folder: Path, manifest: Manifest, report: Report) -> None:
    """Compares stored pixels with their checksums."""
    path = folder / manifest.images_name
    check_length(path, manifest)
    num_done = 0
    with path.open("rb") as file:
        for one in manifest.classes:
            digest = hashlib.sha256()
            left = len(one.files) * manifest.bytes_per_image
            while left:
                content = file.read(min(left, READ_BYTES))
                digest.update(content)
                left -= len(content) or left
            if digest.hexdigest() != one.sha256:
                raise BadInputError(
                    f"damaged: the images of {one.name} are not those of the manifest; remove "
                    f"{folder} and prepare them again",
                    where=str(path),
                )
            num_done += len(one.files)
            report(num_done, manifest.num_images)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keeps other processes from preparing `folder`."""
    with (folder / LOCK_NAME).open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StorageError(f"another process is preparing {folder}") from None
        yield


def _corrupt_text(corrupt: Sequence[CorruptImageError]) -> str:
    lines = [f"  {error}" for error in corrupt[:SHOWN]]
    if len(corrupt) > SHOWN:
        lines.append(f"  and {len(corrupt) - SHOWN} more of this class")
    return (
        "cannot be decoded:\n" + "\n".join(lines) + "\nGet them again, or leave such images out "
        "with --skip-corrupt; classes that are done are kept"
    )


def _write(path: Path, manifest: Manifest) -> None:
    """Replaces `path` as a whole; others may read it, unlike what lies in a results folder."""
    part = path.with_suffix(".part")
    with part.open("w", encoding="utf-8") as file:
        file.write(manifest.to_json())
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    sync_folder(path.parent)
