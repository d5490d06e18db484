"""How a pack learns which of its members were ended: a small file of the results folder.

The driver replaces it after the ends were committed; a pack reads it when a report of its own was
taken, which is when the ends that follow from it are decided. A file and no actor of Ray's, since
it serves packs in one process and on a cluster alike, and every worker must see the results
folder anyway. A pack that misses an order trains on in vain: its rows are refused, since the
attempt is over. The file lies there, empty, before packs start, so that no network file system
remembers that there is none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from lps_sweep.errors import StorageError
from lps_sweep.files import atomic_write, read_file

ORDERS_NAME = "driver.lock.stops"
"""Lies beside the driver's lock while packs of a sweep with a rule are trained."""


class Orders:
    """The driver's side.

    Args:
        results: The results folder.
    """

    def __init__(self, results: Path) -> None:
        self._results = results
        self._attempts: dict[str, int] = {}
        self._write()

    def tell(self, attempts: Mapping[str, int]) -> None:
        """Says that these attempts, by trial id, are over.

        Raises:
            StorageError: The file cannot be written.
        """
        self._attempts |= attempts
        self._write()

    def forget(self, trial_ids: Iterable[str]) -> None:
        """No pack has these trials any more; the file grows shorter when it is next written."""
        for trial_id in trial_ids:
            self._attempts.pop(trial_id, None)

    def _write(self) -> None:
        lines = [_line(trial_id, attempt) for trial_id, attempt in self._attempts.items()]
        atomic_write(self._results / ORDERS_NAME, b"\n".join(lines))


def _line(trial_id: str, attempt: int) -> bytes:
    return f"{trial_id} {attempt}".encode()


def stopped_members(results: Path, attempts: Mapping[str, int]) -> set[str]:
    """Those of the trials with these `attempts` that are to end.

    Raises:
        StorageError: There is a file, and it cannot be read.
    """
    path = results / ORDERS_NAME
    over = set(read_file(path).splitlines()) if path.exists() else set()
    return {trial for trial, attempt in attempts.items() if _line(trial, attempt) in over}


def remove_orders(results: Path) -> None:
    """Removes what an earlier run left.

    Raises:
        StorageError: The file cannot be removed.
    """
    try:
        (results / ORDERS_NAME).unlink(missing_ok=True)
    except OSError as error:
        raise StorageError(f"cannot remove {results / ORDERS_NAME}: {error.strerror}") from error
