"""Reading while a writer writes, and where nothing can be written."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import lps_sweep.results
from lps_sweep.errors import BadInputError
from lps_sweep.results import Ledger
from tests.results.sweep_cases import METRICS, epochs_of, planned, run_python, start

NOBODY = 65534


def test_a_reader_sees_the_last_commit_while_a_writer_writes(tmp_path: Path) -> None:
    with planned(tmp_path, "a") as ledger, Ledger.open(tmp_path) as reader:
        start(ledger, "a")
        with ledger.transaction():
            ledger.add_epoch("a", 1, 1, METRICS, 1.0)
            assert epochs_of(reader) == []
            with Ledger.open(tmp_path) as late:
                assert epochs_of(late) == []
        assert epochs_of(reader) == [("a", 1)]


def test_a_snapshot_does_not_move(tmp_path: Path) -> None:
    with planned(tmp_path, "a") as ledger, Ledger.open(tmp_path) as reader:
        start(ledger, "a")
        with reader.snapshot():
            before = reader.digest("c_tau")
            assert ledger.add_epoch("a", 1, 1, METRICS, 1.0)
            assert reader.digest("c_tau") == before
            assert epochs_of(reader) == []
        assert reader.digest("c_tau") != before
        assert epochs_of(reader) == [("a", 1)]


WRITER = """
import sys
from pathlib import Path
from tests.results.sweep_cases import METRICS, planned, start
with planned(Path(sys.argv[1]), "a") as ledger:
    start(ledger, "a")
    for epoch in range(1, 301):
        ledger.add_epoch("a", 1, epoch, METRICS, 1.0)
    ledger.finish("a", 1, "done", epoch=300, metrics=METRICS)
"""


def test_readers_and_a_writing_process_do_not_disturb_each_other(tmp_path: Path) -> None:
    path = str(Path(__file__).parents[2])
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path)], env={**os.environ, "PYTHONPATH": path}
    )
    seen: list[int] = []
    try:
        while writer.poll() is None:
            try:
                with Ledger.open(tmp_path) as ledger:
                    seen.append(len(ledger.epoch_rows("c_tau")) if ledger.sweeps() else 0)
            except BadInputError:
                assert not seen or max(seen) == 0, "the ledger went missing"
    finally:
        writer.kill()
        writer.wait()
    assert writer.returncode == 0
    assert seen == sorted(seen)
    with Ledger.open(tmp_path) as ledger:
        assert ledger.outcomes("c_tau") == {"a": "done"}
        assert len(ledger.epoch_rows("c_tau")) == 300


@pytest.fixture
def foreign_folder() -> Iterator[Path]:
    """A results folder below which an unprivileged user may read, but not write."""
    top = Path(tempfile.mkdtemp(prefix="results-"))
    top.chmod(0o755)
    try:
        yield top
    finally:
        top.chmod(0o755)
        shutil.rmtree(top)


def unprivileged(code: str, folder: Path) -> str:
    """Output of `code`, run by a user without the right to write; packages are loaded before."""
    prelude = (
        "import os, sys, encodings.idna; from pathlib import Path\n"
        "from lps_sweep.errors import StorageError, BadInputError\n"
        "from lps_sweep.results import Ledger, driver_alive, driver_lock\n"
        "folder = Path(sys.argv[1])\n"
        f"if os.getuid() == 0: os.setgid({NOBODY}); os.setuid({NOBODY})\n"
    )
    ran = run_python(prelude + code, str(folder))
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_a_read_only_folder_can_be_read_and_refuses_writers_by_name(foreign_folder: Path) -> None:
    with planned(foreign_folder, "a") as ledger:
        start(ledger, "a")
        ledger.add_epoch("a", 1, 1, METRICS, 1.0)
    (foreign_folder / "ledger.sqlite").chmod(0o444)
    foreign_folder.chmod(0o555)
    code = """
with Ledger.open(folder) as ledger:
    print(len(ledger.epoch_rows("c_tau")))
print(driver_alive(folder))
for use in (lambda: Ledger.open(folder, write=True), lambda: driver_lock(folder).__enter__(),
            lambda: Ledger.open(folder / "new", write=True)):
    try:
        use()
    except StorageError as error:
        print(error)
"""
    lines = unprivileged(code, foreign_folder).splitlines()
    assert lines == [
        "1",
        "False",
        f"cannot write {foreign_folder}/ledger.sqlite: Permission denied",
        f"cannot write {foreign_folder}/driver.lock: Permission denied",
        f"cannot make the folder {foreign_folder}/new: Permission denied",
    ]


def test_a_folder_without_a_ledger_is_bad_input_and_stays_empty(tmp_path: Path) -> None:
    assert not Ledger.exists(tmp_path)
    for folder in (tmp_path, tmp_path / "missing"):
        with pytest.raises(BadInputError, match="no ledger"):
            Ledger.open(folder)
    assert list(tmp_path.iterdir()) == []


def test_the_front_door_has_all_its_names_and_loads_nothing_heavy() -> None:
    for name in lps_sweep.results.__all__:
        assert getattr(lps_sweep.results, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = lps_sweep.results.nonsense
    code = "from lps_sweep.results import Ledger, driver_alive\nimport sys; print(*sys.modules)"
    loaded = {name.partition(".")[0] for name in run_python(code).stdout.split()}
    assert "sqlite3" in loaded
    assert loaded.isdisjoint({"torch", "ray", "pandas", "scipy"})
