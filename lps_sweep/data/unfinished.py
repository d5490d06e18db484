"""A preparation under way, which goes on after a kill.

Classes are appended one after the other to an unfinished file; after each, its pixels are on the
disk before a journal says so. The next call goes on behind the last class in the journal. When all
is there, the file gets the name of its content and then the manifest is written, which nothing
else writes.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import asdict
from functools import partial
from pathlib import Path

from lps_sweep.data.class_folders import ClassFolder
from lps_sweep.data.decode import CorruptImageError, decode
from lps_sweep.data.stored_images import (
    MANIFEST_NAME,
    Manifest,
    StoredClass,
    check_length,
    stored_class,
)
from lps_sweep.errors import BadInputError, StorageError
from lps_sweep.files import sync_folder

JOURNAL_NAME = "unfinished.jsonl"
PIXELS_NAME = "unfinished.uint8"

SHOWN = 8
"""Damaged images that a message lists; the rest is counted."""

Report = Callable[[int, int], None]
"""Told the number of images done, and of all."""


class Unfinished:
    """What is done of a preparation, and the rest. Opening it forgets what is done otherwise.

    Args:
        folder: Where journal and pixels are.
        image_size: Side of the stored images.
        listing: What is to be prepared.
        skip_corrupt: Leave images out that cannot be decoded.
    """

    def __init__(
        self, folder: Path, image_size: int, listing: Sequence[ClassFolder], skip_corrupt: bool
    ) -> None:
        self._folder = folder
        self._size = image_size
        self._listing = listing
        self._skip_corrupt = skip_corrupt
        self._pixels = folder / PIXELS_NAME
        self._journal = folder / JOURNAL_NAME
        self._done = self._resumed()

    def finish(self, executor: Executor, report: Report) -> Manifest:
        """Decodes the rest with `executor`, and writes the manifest.

        Raises:
            BadInputError: Images cannot be decoded.
            StorageError: The disk is too small.
        """
        counts = [len(one.files) for one in self._listing]
        total, begun = sum(counts), len(self._done)
        self._refuse_full_disk(sum(counts[begun:]))
        for number, one in enumerate(self._listing[begun:], start=begun):
            report(sum(counts[:number]), total)
            stored = self._append_pixels(one, executor, partial(_tell, report, counts, number))
            self._append_to_journal(stored)
        manifest = self._manifest(self._done)
        if self._pixels.exists():
            self._pixels.replace(self._folder / manifest.images_name)
            sync_folder(self._folder)
        check_length(self._folder / manifest.images_name, manifest)
        self._publish(manifest)
        return manifest

    def _append_pixels(
        self, one: ClassFolder, executor: Executor, tell: Callable[[int], None]
    ) -> StoredClass:
        """Appends the pixels of one class, which are on the disk when this returns."""
        digest = hashlib.sha256()
        taken: list[str] = []
        corrupt: dict[str, CorruptImageError] = {}
        decoded = executor.map(self._decoded, (one.folder / name for name in one.files))
        with self._pixels.open("ab") as file:
            for number, (name, pixels) in enumerate(zip(one.files, decoded, strict=True), start=1):
                if isinstance(pixels, CorruptImageError):
                    corrupt[name] = pixels
                else:
                    taken.append(name)
                    digest.update(pixels)
                    file.write(pixels)
                tell(number)
            file.flush()
            os.fsync(file.fileno())
        if corrupt and not self._skip_corrupt:
            raise BadInputError(_corrupt_text(list(corrupt.values())))
        if not taken:
            raise BadInputError("no image of this class can be decoded", where=str(one.folder))
        return StoredClass(one.name, tuple(taken), tuple(corrupt), digest.hexdigest())

    def _decoded(self, file: Path) -> bytes | CorruptImageError:
        try:
            return decode(file, self._size).tobytes()
        except CorruptImageError as error:
            return error

    def _append_to_journal(self, stored: StoredClass) -> None:
        self._done.append(stored)
        with self._journal.open("a", encoding="utf-8") as journal:
            journal.write(_line(stored))
            journal.flush()
            os.fsync(journal.fileno())

    def _resumed(self) -> list[StoredClass]:
        """The classes that are done; journal and pixels are cut to them."""
        done = list(_journal_entries(self._journal))
        del done[num_done_as_listed(self._listing, done, self._skip_corrupt) :]
        finished = self._folder / self._manifest(done).images_name
        if len(done) == len(self._listing) and not self._pixels.exists() and finished.exists():
            return done  # killed between the pixels' new name and the manifest
        length = self._pixels.stat().st_size if self._pixels.exists() else 0
        while self._num_bytes(done) > length:
            done.pop()
        with self._pixels.open("ab") as pixels:
            pixels.truncate(self._num_bytes(done))
        _write(self._journal, "".join(map(_line, done)))
        return done

    def _manifest(self, done: Sequence[StoredClass]) -> Manifest:
        return Manifest(self._size, tuple(done))

    def _num_bytes(self, done: Sequence[StoredClass]) -> int:
        manifest = self._manifest(done)
        return manifest.num_images * manifest.bytes_per_image

    def _refuse_full_disk(self, num_images: int) -> None:
        wanted = num_images * self._manifest(()).bytes_per_image
        free = shutil.disk_usage(self._folder).free
        if wanted > free:
            raise StorageError(
                f"{num_images} images of {self._size} x {self._size} take {wanted / 1e9:.1f} GB; "
                f"{free / 1e9:.1f} GB are free in {self._folder}"
            )

    def _publish(self, manifest: Manifest) -> None:
        """Writes the manifest; journal and older pixels are of no use any more."""
        _write(self._folder / MANIFEST_NAME, manifest.to_json())
        self._journal.unlink(missing_ok=True)
        for older in self._folder.glob("images-*.uint8"):
            if older.name != manifest.images_name:
                older.unlink()


def num_done_as_listed(
    listing: Sequence[ClassFolder], done: Sequence[StoredClass], skip_corrupt: bool
) -> int:
    """How many classes at the start of `listing` are done, of the same files.

    A class with skipped images is done only if they are to be skipped.
    """
    number = 0
    for one, stored in zip(listing, done, strict=False):
        names = sorted(stored.files + stored.skipped)
        if one.name != stored.name or list(one.files) != names:
            break
        if stored.skipped and not skip_corrupt:
            break
        number += 1
    return number


def _tell(report: Report, counts: Sequence[int], number: int, num_done: int) -> None:
    """Reports `num_done` images of class `number`."""
    report(sum(counts[:number]) + num_done, sum(counts))


def _line(stored: StoredClass) -> str:
    return json.dumps(asdict(stored)) + "\n"


def _journal_entries(journal: Path) -> Iterator[StoredClass]:
    """Up to the first line that a kill has cut."""
    if not journal.exists():
        return
    for line in journal.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            yield stored_class(json.loads(line))
        except (ValueError, KeyError, TypeError):
            return


def _corrupt_text(corrupt: Sequence[CorruptImageError]) -> str:
    lines = [f"  {error}" for error in corrupt[:SHOWN]]
    if len(corrupt) > SHOWN:
        lines.append(f"  and {len(corrupt) - SHOWN} more of this class")
    return (
        "cannot be decoded:\n" + "\n".join(lines) + "\nGet them again, or leave such images out "
        "with --skip-corrupt; classes that are done are kept"
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
