"""What was acknowledged is on the disk, and nothing else is, however the process dies."""

from __future__ import annotations

import signal
import sqlite3
from pathlib import Path

import pytest

from lps_sweep.errors import StorageError
from lps_sweep.results import Ledger, database
from tests.results.sweep_cases import METRICS, epochs_of, planned, run_python, start

WRITER = """
import os, signal, sys
from pathlib import Path
from tests.results.sweep_cases import METRICS, planned, start
where, count = sys.argv[2], int(sys.argv[3])
ledger = planned(Path(sys.argv[1]), "a", "b")
start(ledger, "a", "b")
def die():
    os.kill(os.getpid(), signal.SIGKILL)
for epoch in range(1, count + 1):
    with ledger.transaction():
        ledger.add_epoch("a", 1, epoch, METRICS, 1.0)
        if where == "inside" and epoch == count:
            die()
        ledger.add_epoch("b", 1, epoch, METRICS, 1.0)
    print(epoch, flush=True)
if where == "outcome":
    with ledger.transaction():
        ledger.finish("a", 1, "done", epoch=count, metrics=METRICS)
        die()
die()
"""


@pytest.mark.fault
@pytest.mark.parametrize("where", ["between", "inside", "outcome"])
def test_a_killed_writer_leaves_exactly_the_committed_rows(tmp_path: Path, where: str) -> None:
    count = 7
    died = run_python(WRITER, str(tmp_path), where, str(count))
    assert died.returncode == -signal.SIGKILL, died.stderr
    acknowledged = [int(line) for line in died.stdout.split()]
    assert len(acknowledged) == count - (where == "inside")
    for write in (False, True):
        with Ledger.open(tmp_path, write=write) as ledger:
            expected = [(trial, epoch) for trial in "ab" for epoch in acknowledged]
            assert epochs_of(ledger) == expected
            assert ledger.outcomes("c_tau") == {}
            assert [a.ended for a in ledger.attempts("a")] == [""]
    with Ledger.open(tmp_path, write=True) as ledger:
        assert start(ledger, "a", "b") == 2


def test_commits_wait_for_the_disk(tmp_path: Path) -> None:
    with planned(tmp_path, "a") as ledger:
        connection = ledger._connection
        assert connection.execute("PRAGMA synchronous").fetchone() == (2,)
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("PRAGMA foreign_keys").fetchone() == (1,)


def test_a_rollback_journal_serves_where_there_is_no_wal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect = database._connect
    monkeypatch.setattr(
        database, "_connect", lambda path, options: connect(path, f"{options}&vfs=unix-dotfile")
    )
    with planned(tmp_path, "a") as ledger:
        mode = ledger._connection.execute("PRAGMA journal_mode").fetchone()
        assert mode == ("delete",)
        start(ledger, "a")
        assert ledger.add_epoch("a", 1, 1, METRICS, 1.0)
        with Ledger.open(tmp_path) as reader:
            assert epochs_of(reader) == [("a", 1)]
        assert ledger.finish("a", 1, "done", epoch=1, metrics=METRICS)
    assert not list(tmp_path.glob("*-wal"))


FULL_DISK = """
import resource, sys
from pathlib import Path
from lps_sweep.errors import StorageError
from tests.results.sweep_cases import METRICS, planned, start
ledger = planned(Path(sys.argv[1]), "a")
start(ledger, "a")
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
try:
    for epoch in range(1, 10_000):
        assert ledger.add_epoch("a", 1, epoch, {f"m{i}": i / 7 for i in range(100)}, 1.0)
except StorageError as error:
    print(epoch, error)
"""


def test_a_full_disk_is_a_storage_error_and_costs_no_committed_row(tmp_path: Path) -> None:
    ended = run_python(FULL_DISK, str(tmp_path))
    assert ended.returncode == 0, ended.stderr
    refused, message = ended.stdout.split(" ", 1)
    assert str(tmp_path / "ledger.sqlite") in message
    assert int(refused) > 10
    with Ledger.open(tmp_path, write=True) as ledger:
        assert epochs_of(ledger) == [("a", epoch) for epoch in range(1, int(refused))]
        assert ledger.add_epoch("a", 1, int(refused), METRICS, 1.0)


def test_a_database_that_another_program_locks_is_a_storage_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_TIMEOUT_S", 0.05)
    planned(tmp_path, "a").close()
    other = sqlite3.connect(tmp_path / "ledger.sqlite", isolation_level=None)
    with Ledger.open(tmp_path, write=True) as ledger:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StorageError, match=r"ledger\.sqlite: database is locked"):
            start(ledger, "a")
        other.execute("ROLLBACK")
        assert start(ledger, "a") == 1
    other.close()
