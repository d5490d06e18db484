"""The transactions of the ledger's writer."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lps_sweep.failpoints import failpoint
from lps_sweep.results.database import storage_errors
from lps_sweep.results.reader import LedgerReader


class LedgerWriter(LedgerReader):
    """An open ledger whose changes are made in durable transactions."""

    def __init__(self, connection: sqlite3.Connection, path: Path, writable: bool) -> None:
        super().__init__(connection, path)
        self._writable = writable

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All writes of the block in one durable commit, or none of them.

        Blocks may be nested: an inner one that fails takes back its own writes.

        Raises:
            ValueError: The ledger was opened for reading.
        """
        if not self._writable:
            raise ValueError(f"{self.path} was opened for reading")
        nested = self._connection.in_transaction
        self._execute("SAVEPOINT inner_block" if nested else "BEGIN IMMEDIATE")
        try:
            yield
            if nested:
                self._execute("RELEASE inner_block")
            else:
                self._commit()
        except BaseException:
            if self._connection.in_transaction:
                self._execute("ROLLBACK TO inner_block" if nested else "ROLLBACK")
                if nested:
                    self._execute("RELEASE inner_block")
            raise

    def _commit(self) -> None:
        self._pass("ledger.commit")
        self._execute("COMMIT")
        self._pass("ledger.committed")

    def _pass(self, name: str) -> None:
        with storage_errors(self.path):
            failpoint(name)
