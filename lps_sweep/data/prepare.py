"""Decoding of photographs, once, into a file of pixels that training maps into memory."""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from lps_sweep.data.class_folders import list_class_folders
from lps_sweep.data.imagenet100 import NUM_CLASSES, check_size, prepared_folder
from lps_sweep.data.stored_images import MANIFEST_NAME, Manifest, check_length, read_manifest
from lps_sweep.data.unfinished import Report, Unfinished, num_done_as_listed
from lps_sweep.errors import BadInputError, StorageError

LOCK_NAME = "lock"
READ_BYTES = 1 << 24


def prepare(
    root: Path,
    image_size: int,
    *,
    skip_corrupt: bool = False,
    num_workers: int | None = None,
    report: Report | None = None,
) -> Manifest:
    """Decodes the images below ``root/train``, or what an earlier call has left to do.

    Where all is done, the pixels are compared with their checksums. Where the image files are
    others by name than those of the last preparation, all of them are prepared anew; the older
    pixels serve until that is done.

    Args:
        root: The folder that has ``train`` and perhaps ``classes.txt``.
        image_size: Side of the stored images; see `decode.decode`.
        skip_corrupt: Leave images out that cannot be decoded.
        num_workers: Threads; by default as many as there are cores.
        report: Told the number of images done, and of all, time and again.

    Raises:
        BadInputError: The layout is another, images cannot be decoded (all of the first class
            that has any are named), or stored pixels are not those of the manifest.
        StorageError: The disk is full or not writable, or another process prepares this folder.
    """
    report = report or _silent
    check_size(image_size)
    listing = list_class_folders(root, NUM_CLASSES)
    folder = prepared_folder(root, image_size)
    try:
        folder.mkdir(exist_ok=True)
        with _alone(folder):
            file = folder / MANIFEST_NAME
            if file.is_file():
                manifest = read_manifest(file)
                if num_done_as_listed(listing, manifest.classes, skip_corrupt) == len(listing):
                    _verify(folder, manifest, report)
                    return manifest
            work = Unfinished(folder, image_size, listing, skip_corrupt)
            pool = ThreadPoolExecutor(num_workers or os.cpu_count())
            try:
                return work.finish(pool, report)
            finally:
                pool.shutdown(cancel_futures=True)
    except OSError as error:
        raise StorageError(f"cannot write {folder}: {error.strerror}") from error


def _silent(_done: int, _total: int) -> None:
    """Tells nobody."""


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
    with (folder / LOCK_NAME).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StorageError(f"another process is preparing {folder}") from None
        yield
