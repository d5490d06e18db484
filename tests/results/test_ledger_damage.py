"""A damaged or foreign database is refused by name, never read wrongly."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable
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


def check_refused(path: Path) -> str:
    """Neither a writer nor a reader goes on; the message."""
    with pytest.raises(StorageError) as caught:
        Ledger.open(path.parent, write=True).close()
    assert str(path) in str(caught.value)
    with pytest.raises(StorageError) as caught:
        read_all(path)
    assert str(path) in str(caught.value)
    return str(caught.value)


def cut_off(share: float) -> Callable[[bytes], bytes]:
    return lambda content: content[: int(len(content) * share)]


@pytest.mark.parametrize(
    "spoil",
    [
        *map(cut_off, (0.3, 0.5, 0.9)),
        lambda _: b"not a database at all, but text" * 200,
        lambda _: b"\xff" * 8192,
        lambda content: content[: 4096 * 4] + b"\xa5" * (4096 * 8) + content[4096 * 12 :],
    ],
)
def test_a_damaged_file(database: Path, spoil: Callable[[bytes], bytes]) -> None:
    database.write_bytes(spoil(database.read_bytes()))
    check_refused(database)


def change(path: Path, statement: str) -> None:
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as raw:
        raw.execute(statement)


def test_text_that_is_no_json(database: Path) -> None:
    change(database, "UPDATE epochs SET metrics = '{\"m0\": 1' WHERE epoch = 7")
    with Ledger.open(database.parent) as ledger:
        with pytest.raises(StorageError, match=str(database)):
            ledger.epoch_rows("c_tau")
        with pytest.raises(StorageError, match="rows of epochs"):
            ledger.verify()


@pytest.mark.parametrize("version", [0, 4, 99])
def test_another_schema_version(database: Path, version: int) -> None:
    change(database, f"PRAGMA user_version = {version}")
    assert f"schema version {version}" in check_refused(database)


def test_a_database_of_something_else(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    change(path, "CREATE TABLE trials (a)")
    before = path.read_bytes()
    check_refused(path)
    assert path.read_bytes() == before


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
    with pytest.raises(StorageError, match="'a'"):
        parse_metrics(f'{{"a": {value}}}', PATH)
    assert parse_metrics('{"a": 1, "b": 2.5, "c": null}', PATH) == {"a": 1, "b": 2.5, "c": None}
