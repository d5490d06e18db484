"""What can befall a results folder, and the verb that looks at it."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from lps_sweep import cli
from tests.faults.harness import Case


def flip(path: Path, where: float = 0.5) -> None:
    content = bytearray(path.read_bytes())
    content[int(len(content) * where)] ^= 4
    path.write_bytes(content)


def sql(results: Path, *statements: str) -> None:
    connection = sqlite3.connect(results / "ledger.sqlite")
    with connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()


def ledger(case: Case) -> Path:
    return case.results / "ledger.sqlite"


def lose_ledger(case: Case) -> None:
    for path in case.results.glob("ledger.sqlite*"):
        path.unlink()


def lose_half_of_it(case: Case) -> None:
    (case.results / "ledger.sqlite-wal").unlink()
    ledger(case).write_bytes(b"SQLite format 3\0" + b"\xa5" * 9000)


def cut(path: Path, share: float) -> None:
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])


def verdict(case: Case, capsys: pytest.CaptureFixture[str], *options: str) -> tuple[int, str]:
    code = cli.main(["check", str(case.results), *options])
    return code, capsys.readouterr().out
