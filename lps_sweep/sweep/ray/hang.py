"""Workers that end themselves when their epochs do not end."""

from __future__ import annotations

import contextlib
import faulthandler
import os
from collections.abc import Iterator
from pathlib import Path

from lps_sweep.errors import StorageError
from lps_sweep.files import FILE_MODE, make_folder


class Hang:
    """The time limit of a job's epochs, kept inside the worker process.

    When it is over, a thread of `faulthandler`, which needs neither the interpreter's lock nor its
    help, writes down where each thread stands and ends the process: that ends compiled code too.

    Args:
        note: File that takes where it hung; it stays empty otherwise.
        limit_s: Seconds that an epoch may take, or None for any time.

    Raises:
        StorageError: The note cannot be written.
    """

    def __init__(self, note: Path, limit_s: float | None) -> None:
        self._note = note
        self._limit_s = limit_s
        self._descriptor = -1

    def __enter__(self) -> Hang:
        if self._limit_s is not None:
            make_folder(self._note.parent)
            try:
                self._descriptor = os.open(self._note, os.O_WRONLY | os.O_CREAT, FILE_MODE)
            except OSError as error:
                raise StorageError(f"cannot write {self._note}: {error.strerror}") from error
            self._start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._limit_s is not None:
            faulthandler.cancel_dump_traceback_later()
            os.close(self._descriptor)
            self._note.unlink(missing_ok=True)

    @contextlib.contextmanager
    def suspended(self) -> Iterator[None]:
        """The epoch is over, and the time until the block ends is not the worker's."""
        if self._limit_s is not None:
            faulthandler.cancel_dump_traceback_later()
        yield
        if self._limit_s is not None:
            self._start()

    def _start(self) -> None:
        assert self._limit_s is not None
        faulthandler.dump_traceback_later(self._limit_s, exit=True, file=self._descriptor)


def told(note: Path, limit_s: float | None) -> str:
    """What a worker that hung left in `note`; empty if it did not."""
    if limit_s is None:
        return ""
    try:
        where = note.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return f"no epoch ended within {limit_s:g} s; the process stood here:\n{where}" if where else ""
