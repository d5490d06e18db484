"""Decoding of photographs, once, into a file of pixels that training maps into memory.

Classes are appended one after the other to an unfinished file; after each, its pixels are on the
disk before a journal says so. A preparation that was killed goes on behind the last class in the
journal. The manifest is written when everything is there, and by nothing else.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from lps_sweep.data.class_folders import ClassFolder, list_class_folders
from lps_sweep.data.decode import CorruptImageError, decode
from lps_sweep.data.imagenet100 import NUM_CLASSES, check_size, prepared_folder
from lps_sweep.data.stored_images import (
    MANIFEST_NAME,
    Manifest,
    StoredClass,
    check_length,
    read_manifest,
    stored_class,
)
from lps_sweep.errors import BadInputError, StorageError
from lps_sweep.files import sync_folder

JOURNAL_NAME = "unfinished.jsonl"
PART_NAME = "unfinished.uint8"
LOCK_NAME = "lock"

SHOWN = 8
"""Damaged images that a message lists; the rest is counted."""

READ_BYTES = 1 << 24

Report = Callable[[int, int], None]
"""Told the number of images done, and of all."""


def prepare(
    root: Path,
    image_size: int,
    *,
    skip_corrupt: bool = False,
    num_workers: int | None = None,
    report: Report = lambda done, total: None,
) -> Manifest:
    """Decodes the images below ``root/train``, or what an earlier call has left to do.

    Where all is done, the pixels are compared with their checksums. A folder whose images are
    others than those of the last preparation is prepared anew beside it.

    Args:
        root: The folder that has ``train`` and perhaps ``classes.txt``.
        image_size: Side of the stored images; see `decode.decode`.
        skip_corrupt: Leave images out that cannot be decoded.
        num_workers: Threads; by default as many as there are cores.
        report: Called after each image.

    Raises:
        BadInputError: The layout is another, images cannot be decoded (all of the first class
            that has any are named), or stored pixels are not those of the manifest.
        StorageError: The disk is full or not writable, or another process prepares this folder.
    """
    check_size(image_size)
    listing = list_class_folders(root, NUM_CLASSES)
    folder = prepared_folder(root, image_size)
    try:
        folder.mkdir(exist_ok=True)
        with _alone(folder):
            file = folder / MANIFEST_NAME
            if file.is_file():
                manifest = read_manifest(file)
                if _begins_with(listing, manifest.classes, skip_corrupt) == len(listing):
                    _verify(folder, manifest, report)
                    return manifest
            work = _Work(folder, image_size, listing, skip_corrupt)
            with ThreadPoolExecutor(num_workers or os.cpu_count()) as pool:
                return work.finish(pool, report)
    except OSError as error:
        raise StorageError(f"cannot write {folder}: {error.strerror}") from error


class _Work:
    """An unfinished preparation: what is done of it, and the rest."""

    def __init__(
        self,
        folder: Path,
        image_size: int,
        listing: Sequence[ClassFolder],
        skip_corrupt: bool,
    ) -> None:
        self._folder = folder
        self._size = image_size
        self._listing = listing
        self._skip_corrupt = skip_corrupt
        self._part = folder / PART_NAME
        self._journal = folder / JOURNAL_NAME
        self._done = self._resume()

    def finish(self, pool: ThreadPoolExecutor, report: Report) -> Manifest:
        """Decodes the rest and writes the manifest."""
        counts = [len(one.files) for one in self._listing]
        num_done = sum(counts[: len(self._done)])
        manifest = Manifest(self._size, tuple(self._done))
        self._refuse_full_disk(sum(counts) - num_done)
        for number, one in enumerate(self._listing[len(self._done) :], start=len(self._done)):
            before = sum(counts[:number])
            self._append(self._class(one, pool, lambda n, b=before: report(b + n, sum(counts))))  # type: ignore[misc]
        manifest = Manifest(self._size, tuple(self._done))
        if self._part.exists():
            self._part.replace(self._folder / manifest.images_name)
            sync_folder(self._folder)
        check_length(self._folder / manifest.images_name, manifest)
        self._publish(manifest)
        return manifest

    def _class(
        self, one: ClassFolder, pool: ThreadPoolExecutor, report: Callable[[int], None]
    ) -> StoredClass:
        """Appends the pixels of one class, on the disk when this returns."""
        digest = hashlib.sha256()
        files: list[str] = []
        corrupt: list[CorruptImageError] = []
        decoded = pool.map(self._decoded, (one.folder / name for name in one.files))
        with self._part.open("ab") as part:
            for number, (name, pixels) in enumerate(zip(one.files, decoded, strict=True), start=1):
                if isinstance(pixels, CorruptImageError):
                    corrupt.append(pixels)
                else:
                    files.append(name)
                    digest.update(pixels)
                    part.write(pixels)
                report(number)
            part.flush()
            os.fsync(part.fileno())
        if corrupt and not self._skip_corrupt:
            raise BadInputError(_corrupt_text(corrupt))
        if not files:
            raise BadInputError("no image of this class can be decoded", where=str(one.folder))
        skipped = tuple(name for name in one.files if name not in set(files))
        return StoredClass(one.name, tuple(files), skipped, digest.hexdigest())

    def _decoded(self, file: Path) -> bytes | CorruptImageError:
        try:
            return decode(file, self._size).tobytes()
        except CorruptImageError as error:
            return error

    def _append(self, one: StoredClass) -> None:
        """Notes that the pixels of `one` are there."""
        self._done.append(one)
        with self._journal.open("a", encoding="utf-8") as journal:
            journal.write(json.dumps(asdict(one)) + "\n")
            journal.flush()
            os.fsync(journal.fileno())

    def _resume(self) -> list[StoredClass]:
        """The classes that are done; journal and part are cut to them."""
        found = list(_journal_entries(self._journal))
        num_valid = _begins_with(self._listing, found, self._skip_corrupt)
        done = found[:num_valid]
        manifest = Manifest(self._size, tuple(done))
        if len(done) == len(self._listing) and not self._part.exists():
            return done if (self._folder / manifest.images_name).exists() else []
        length = self._part.stat().st_size if self._part.exists() else 0
        while Manifest(self._size, tuple(done)).num_images * manifest.bytes_per_image > length:
            done.pop()
        kept = Manifest(self._size, tuple(done)).num_images * manifest.bytes_per_image
        with self._part.open("ab") as part:
            part.truncate(kept)
        _write(self._journal, "".join(json.dumps(asdict(one)) + "\n" for one in done))
        return done

    def _refuse_full_disk(self, num_images: int) -> None:
        wanted = num_images * Manifest(self._size, ()).bytes_per_image
        free = shutil.disk_usage(self._folder).free
        if wanted > free:
            raise StorageError(
                f"{num_images} images of {self._size} x {self._size} take {wanted / 1e9:.1f} GB; "
                f"{free / 1e9:.1f} GB are free in {self._folder}"
            )

    def _publish(self, manifest: Manifest) -> None:
        _write(self._folder / MANIFEST_NAME, manifest.to_json())
        self._journal.unlink(missing_ok=True)
        for older in self._folder.glob("images-*.uint8"):
            if older.name != manifest.images_name:
                older.unlink()


def _begins_with(
    listing: Sequence[ClassFolder], done: Sequence[StoredClass], skip_corrupt: bool
) -> int:
    """How many classes at the start of `listing` are done as it has them."""
    for number, (one, stored) in enumerate(zip(listing, done, strict=False)):
        names = sorted(stored.files + stored.skipped)
        same = one.name == stored.name and list(one.files) == names
        if not same or (stored.skipped and not skip_corrupt):
            return number
    return min(len(listing), len(done)) if len(done) <= len(listing) else 0


def _journal_entries(journal: Path) -> Iterator[StoredClass]:
    """Up to the first line that a kill has cut."""
    if not journal.exists():
        return
    for line in journal.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            yield stored_class(json.loads(line))
        except (ValueError, KeyError, TypeError):
            return


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
                if not content:
                    break
                digest.update(content)
                left -= len(content)
            if digest.hexdigest() != one.sha256:
                raise BadInputError(
                    f"damaged: the images of {one.name} are not those of the manifest; remove "
                    f"{folder} and prepare them again",
                    where=str(path),
                )
            num_done += len(one.files)
            report(num_done, manifest.num_images)


def _corrupt_text(corrupt: Sequence[CorruptImageError]) -> str:
    lines = [f"  {error}" for error in corrupt[:SHOWN]]
    if len(corrupt) > SHOWN:
        lines.append(f"  and {len(corrupt) - SHOWN} more of this class")
    return (
        "cannot be decoded:\n" + "\n".join(lines) + "\nGet them again, or leave such images out "
        "with --skip-corrupt. What is done is kept"
    )


def _write(path: Path, text: str) -> None:
    """Replaces `path` as a whole."""
    part = path.with_suffix(".part")
    with part.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    sync_folder(path.parent)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keeps other processes from preparing `folder`."""
    with (folder / LOCK_NAME).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StorageError(f"another process is preparing {folder}") from None
        yield
