"""A damaged or foreign database is refused by name, never read wrongly."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from lps_sweep.errors import BadInputError, StorageError
from lps_sweep.results import Ledger
from lps_sweep.results.encoding import parse, parse_metrics
from tests.results.sweep_cases import planned, start


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """A settled ledger of about a hundred pages."""
    with planned(tmp_path, "a") as ledger:
        start(ledger, "a")
        with ledger.transaction():
            for epoch in range(1, 301):
                ledger.add_epoch("a", 1, epoch, {f"m{i}": i / 7 for i in range(40)}, 1.0)
    return tmp_path / "ledger.sqlite"


def read_all(path: Path) -> None:
    with Ledger.open(path.parent) as ledger:
        ledger.digest("c_tau")
        assert len(ledger.epoch_rows("c_tau")) == 300


def check_refused(path: Path) -> None:
    with pytest.raises(StorageError, match=r"ledger\.sqlite") as caught:
        Ledger.open(path.parent, write=True).close()
    assert str(path) in str(caught.value)
    with pytest.raises(StorageError, match=r"ledger\.sqlite") as caught:
        read_all(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("share", [0.3, 0.5, 0.9])
def test_a_truncated_database(database: Path, share: float) -> None:
    content = database.read_bytes()
    database.write_bytes(content[: int(len(content) * share)])
    check_refused(database)


@pytest.mark.parametrize("content", [b"not a database at all, but text" * 200, b"\xff" * 8192])
def test_other_content(database: Path, content: bytes) -> None:
    database.write_bytes(content)
    check_refused(database)


def test_overwritten_pages(database: Path) -> None:
    content = bytearray(database.read_bytes())
    content[4096 * 4 : 4096 * 12] = b"\xa5" * (4096 * 8)
    database.write_bytes(content)
    check_refused(database)


def test_text_that_is_no_json(database: Path) -> None:
    with sqlite3.connect(database) as raw:
        raw.execute("UPDATE epochs SET metrics = '{\"m0\": 1' WHERE epoch = 7")
    raw.close()
    with Ledger.open(database.parent) as ledger, pytest.raises(StorageError, match=str(database)):
        ledger.epoch_rows("c_tau")


@pytest.mark.parametrize("version", [0, 4, 99])
def test_another_schema_version(database: Path, version: int) -> None:
    with sqlite3.connect(database) as raw:
        raw.execute(f"PRAGMA user_version = {version}")
    raw.close()
    check_refused(database)
    with pytest.raises(StorageError, match=f"schema version {version}; this lps_sweep reads ver"):
        Ledger.open(database.parent)


def test_a_database_of_something_else(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "ledger.sqlite") as raw:
        raw.execute("CREATE TABLE trials (a)")
    raw.close()
    check_refused(tmp_path / "ledger.sqlite")
    with sqlite3.connect(tmp_path / "ledger.sqlite") as raw:
        assert raw.execute("SELECT count(*) FROM sqlite_schema").fetchone() == (1,)
    raw.close()


def test_a_folder_in_the_place_of_the_database(tmp_path: Path) -> None:
    (tmp_path / "ledger.sqlite").mkdir()
    for write in (True, False):
        with pytest.raises(StorageError, match=str(tmp_path / "ledger.sqlite")):
            Ledger.open(tmp_path, write=write)


def test_an_empty_file_is_no_ledger_yet(tmp_path: Path) -> None:
    (tmp_path / "ledger.sqlite").write_bytes(b"")
    with pytest.raises(BadInputError, match="no ledger"):
        Ledger.open(tmp_path)
    with planned(tmp_path, "a") as ledger:
        assert ledger.outstanding("c_tau") == ["a"]


PATH = Path("ledger.sqlite")


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "5", "null", '"x"', '{"a": NaN}', '{"a": 1e999}', "[" * 100_000]
)
def test_what_is_no_object_of_finite_numbers_is_damage(text: str) -> None:
    for read in (parse, parse_metrics):
        with pytest.raises(StorageError, match=r"ledger\.sqlite is damaged"):
            read(text, PATH)


@pytest.mark.parametrize("value", ['"50"', "true", "[1]", "{}", "-Infinity", "1" + "0" * 400])
def test_a_metric_that_is_no_number_is_damage(value: str) -> None:
    with pytest.raises(StorageError, match="the metric 'a' is no finite number"):
        parse_metrics(f'{{"a": {value}}}', PATH)


def test_rows_are_read() -> None:
    assert parse('{"a": [1, 2.5, null]}', PATH) == {"a": [1, 2.5, None]}
    assert parse("[1]", PATH, list) == [1]
    assert parse_metrics('{"a": 1, "b": 2.5, "c": null}', PATH) == {"a": 1, "b": 2.5, "c": None}
