"""What is exported replaces only what an earlier export of the same sweep made."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from lps_sweep import failpoints
from lps_sweep.cli import main
from lps_sweep.errors import BadInputError, ExitCode, StorageError
from lps_sweep.results import Ledger
from lps_sweep.results.outputs import RECORD_NAME, Output
from lps_sweep.tracking import open_tracker
from tests.report.report_cases import record
from tests.tracking.ledgers import ledger, train_on

FORMATS = ("tables", "optuna", "tensorboard")


def mine(path: Path) -> None:
    path.write_text("mine")


def study(path: Path) -> None:
    """Somebody's own study."""
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE studies (study_id INTEGER)")
        database.commit()


def content(folder: Path) -> dict[str, bytes]:
    left = (path for path in folder.rglob("*") if not path.name.endswith(("-shm", "-wal")))
    return {
        str(path.relative_to(folder)): str(path.readlink()).encode()
        if path.is_symlink()
        else path.read_bytes()
        if path.is_file()
        else b""
        for path in left
    }


def export(results: Path, to: Path, format_: str = "tables", sweep: str = "c") -> int:
    if format_ == "tensorboard":
        pytest.importorskip("tensorboardX")
    if format_ == "optuna":
        pytest.importorskip("optuna")
    return main(["export", str(results), sweep, "--format", format_, "--to", str(to)])


@pytest.fixture
def results(tmp_path: Path) -> Path:
    return ledger(tmp_path / "r")


SLOW = (pytest.param("optuna", marks=pytest.mark.slow),)


@pytest.mark.parametrize("format_", ["tables", "tensorboard", *SLOW])
def test_an_export_is_replaced_by_the_next(format_: str, results: Path, tmp_path: Path) -> None:
    to = tmp_path / "out"
    assert export(results, to, format_) == 0
    before = content(tmp_path)
    train_on(results)
    assert export(results, to, format_) == 0
    after = content(tmp_path)
    assert {n: c for n, c in before.items() if n.startswith("out")} != {
        n: c for n, c in after.items() if n.startswith("out")
    }


def test_formats_whose_files_do_not_meet_share_a_folder(results: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    for _ in range(2):
        assert export(results, out) == export(results, out, "tensorboard") == 0
        assert export(results, out / "c.db", "optuna") == 0
    assert export(ledger(tmp_path / "other"), out / "other") == 0


@pytest.mark.parametrize(
    ("format_", "name", "make"),
    [
        ("tables", "out/trials.csv", mine),
        ("tables", "out/attempts.csv", mine),
        ("tables", "out/epochs.csv", Path.mkdir),
        ("tables", "out/trials.csv", lambda path: path.symlink_to("../kept")),
        ("tables", "out/trials.csv", lambda path: path.symlink_to("nowhere")),
        ("tables", f"out/{RECORD_NAME}", mine),
        ("tables", "out", mine),
        ("optuna", "out", mine),
        ("optuna", "out", study),
        ("optuna", "out", Path.mkdir),
        ("optuna", "out", lambda path: path.symlink_to("kept")),
        ("tensorboard", "out", mine),
        ("tensorboard", "out/t00000", mine),
        ("tensorboard", "out/t00004/events.out.tfevents.1.here", mine),
        ("tensorboard", "out/t00000", lambda path: path.symlink_to("..")),
    ],
)
def test_what_somebody_else_made_is_refused_and_left(
    format_: str,
    name: str,
    make: Callable[[Path], object],
    results: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "kept").write_text("mine")
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    make(tmp_path / name)
    before = content(tmp_path)
    assert export(results, tmp_path / "out", format_) == ExitCode.BAD_INPUT
    named = "out/t00004" if "events" in name else name
    assert str(tmp_path / named) in capsys.readouterr().err
    assert content(tmp_path) == before


@pytest.mark.parametrize("format_", FORMATS)
def test_of_another_sweep_or_results_folder_is_refused(
    format_: str, results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    to = tmp_path / "out"
    assert export(results, to, format_) == 0
    other = ledger(tmp_path / "other")
    train_on(other)
    before = content(tmp_path)
    assert export(other, to, format_) == ExitCode.BAD_INPUT
    assert f"sweep 'c' in {results}" in capsys.readouterr().err
    assert content(tmp_path) == before
    for another in FORMATS:
        if (another == "optuna") != (format_ == "optuna"):
            assert export(results, to, another) == ExitCode.BAD_INPUT
    assert content(tmp_path) == before


@pytest.mark.parametrize("format_", ["tables", *SLOW])
def test_what_was_changed_since_is_refused(format_: str, results: Path, tmp_path: Path) -> None:
    to = tmp_path / "out"
    assert export(results, to, format_) == 0
    with (to if to.is_file() else to / "epochs.csv").open("ab") as file:
        file.write(b"mine")
    train_on(results)
    before = content(tmp_path)
    assert export(results, to, format_) == ExitCode.BAD_INPUT
    assert content(tmp_path) == before
    shutil.rmtree(to) if to.is_dir() else to.unlink()
    assert export(results, to, format_) == 0


OWN = (
    *("ledger.sqlite", "ledger.db", "driver.lock", "checkpoints", "artefacts/x", "ray/x"),
    *(".", "c", "c/tables", "c/report.html", "d", "d/tables/trials.csv"),
)


@pytest.mark.parametrize(
    ("format_", "names"),
    [("tables", OWN), ("tensorboard", OWN), ("optuna", ("ledger.sqlite", "d/tables/trials.csv"))],
)
def test_the_results_folder_s_own_files_are_no_place(
    format_: str, names: tuple[str, ...], results: Path, tmp_path: Path
) -> None:
    with Ledger.open(results, write=True) as opened:
        opened.record_plan(record({"C": [1]}, [7], name="d"), [])
    (results / "c").mkdir(exist_ok=True)
    (tmp_path / "link").symlink_to(results)
    before = content(tmp_path)
    for name in names:
        assert export(results, results / name, format_) == ExitCode.BAD_INPUT
    assert export(results, tmp_path / "link" / names[-1], format_) == ExitCode.BAD_INPUT
    assert content(tmp_path) == before


@pytest.mark.parametrize("point", ["file.write:1", "file.write:2", "file.rename:3", "file.write:5"])
def test_an_export_that_broke_off_is_gone_on_with(
    point: str, results: Path, tmp_path: Path
) -> None:
    to = tmp_path / "out"
    assert export(results, to) == 0
    train_on(results)
    output = Output(to, "tables", results, "c")
    new = {"trials.csv": b"1", "epochs.csv": b"2", "more.csv": b"3"}
    failpoints.arm(f"{point}:enospc")
    try:
        with pytest.raises(StorageError):
            output.write(new)
    finally:
        failpoints.arm("")
    output.write({name: text + b"!" for name, text in new.items()})
    assert (to / "more.csv").read_bytes() == b"3!"


@pytest.mark.slow
@pytest.mark.parametrize("place", ["s3://b/x", "", "a/b/c", "a b", "~/x", "https://wandb.ai/a/b"])
def test_wandb_takes_a_project_and_no_path(place: str) -> None:
    pytest.importorskip("wandb")
    open_tracker("wandb", "team/project-1").close()
    with pytest.raises(BadInputError):
        open_tracker("wandb", place)
