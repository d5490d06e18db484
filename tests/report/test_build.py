"""The files of a report: tables, the manifest, what is replaced and what is not; the scripts."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lps_sweep.errors import BadInputError
from lps_sweep.report import build_report, write_tables
from lps_sweep.results import Json
from tests.report.report_cases import C_TAU, make_ledger, record

HOSTILE = "=Boom: </script><img src=x onerror=alert(1)> \x1b[31m $x_1$ %\nsecond line"


def rows(folder: Path, table: str) -> list[dict[str, str]]:
    with (folder / "c_tau" / "tables" / f"{table}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Path:
    fates = {(1, 0.2, 1): "failed", (20, 0.6, 0): "diverged", (5, 0.5, 2): "not_run"}
    folder = make_ledger(
        tmp_path_factory.mktemp("results"), record(C_TAU), fates, epochs=3, error=HOSTILE
    )
    write_tables(folder, "c_tau")
    return folder


def test_trials_csv_has_a_row_per_planned_trial(full: Path) -> None:
    found = rows(full, "trials")
    assert len(found) == 75
    assert list(found[0])[:12] == [
        *("trial_id", "status", "seed", "C", "tau"),
        *("acc_seen", "acc_novel", "acc_all", "acc_novel_strict", "nmi_novel"),
        *("attempts", "seconds"),
    ]
    assert (found[1]["status"], found[1]["acc_all"], found[1]["attempts"]) == ("failed", "", "1")
    assert found[1]["error"].startswith("'=Boom: </script>")
    assert "second line" not in found[1]["error"]
    assert float(found[0]["acc_novel"]) > 50
    assert sum(row["status"] == "not_run" for row in found) == 1


def test_every_table_has_its_three_forms(full: Path) -> None:
    names = {path.name for path in (full / "c_tau" / "tables").iterdir()}
    stems = {name.rpartition(".")[0] for name in names}
    assert stems >= {"trials", "default_cell", "sensitivity_C", "differences_tau", "grid_C_tau"}
    assert names == {f"{stem}.{kind}" for stem in stems for kind in ("csv", "md", "tex")}
    failures = (full / "c_tau" / "tables" / "error_kinds.tex").read_text(encoding="utf-8")
    assert r"\textless{}/script\textgreater{}" in failures
    assert r"\$x\_1\$ \%" in failures


def test_the_same_ledger_gives_the_same_bytes(tmp_path: Path) -> None:
    pages = []
    for name in ("a", "b"):
        sweep = record({"C": [1, 10], "tau": [0.2, 0.4]}, [0, 1])
        folder = make_ledger(tmp_path / name, sweep, epochs=3)
        pages.append(build_report(folder, "c_tau").read_bytes())
    assert pages[0] == pages[1]
    assert str(tmp_path).encode() not in pages[0]


def test_nothing_is_written_when_nothing_changed(tmp_path: Path) -> None:
    folder = make_ledger(tmp_path, record({"C": [1, 10]}), epochs=2)
    report = build_report(folder, "c_tau")
    before = {path: path.stat().st_mtime_ns for path in report.parent.rglob("*") if path.is_file()}
    build_report(folder, "c_tau")
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_a_new_row_gives_a_new_report_and_drops_old_tables(tmp_path: Path) -> None:
    folder = make_ledger(tmp_path, record({"C": [1, 10], "tau": [0.2, 0.4]}), epochs=2)
    report = build_report(folder, "c_tau")
    before = report.read_bytes()
    kept = report.parent / "tables" / "mine.csv"
    kept.write_text("a reader's own file", encoding="utf-8")
    make_ledger(folder, record({"C": [1, 10]}), otherwise="not_run")
    build_report(folder, "c_tau")
    assert report.read_bytes() != before
    assert not (report.parent / "tables" / "grid_C_tau.csv").exists()
    assert kept.exists()


@pytest.mark.parametrize("damage", ["", "[]", '{"digest": 1, "files": []}'])
def test_a_damaged_manifest_is_no_manifest(tmp_path: Path, damage: str) -> None:
    folder = make_ledger(tmp_path, record({"C": [1, 10]}), epochs=2)
    report = build_report(folder, "c_tau")
    (report.parent / "report.json").write_text(damage, encoding="utf-8")
    report.unlink()
    build_report(folder, "c_tau")
    assert report.exists()
    assert json.loads((report.parent / "report.json").read_text(encoding="utf-8"))["files"]


def snapshot(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize(
    "name", ["report.html", "report.json", "tables/trials.csv", "tables/trials.md"]
)
def test_somebody_else_s_file_is_not_replaced(tmp_path: Path, name: str) -> None:
    folder = make_ledger(tmp_path, record({"C": [1]}, [0]), epochs=1)
    path = folder / "c_tau" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text('{"mine": 1}\n')
    before = snapshot(folder / "c_tau")
    build = build_report if name.startswith("report") else write_tables
    with pytest.raises(BadInputError, match=name):
        build(folder, "c_tau")
    assert snapshot(folder / "c_tau") == before


@pytest.mark.slow
def test_an_older_report_without_a_manifest_is_replaced(tmp_path: Path) -> None:
    """As one that a kill left before its manifest was written; the sweep has gone on since."""
    axes: dict[str, list[Json]] = {"C": [1, 10]}
    folder = make_ledger(tmp_path, record(axes), {(10, 0): "not_run"}, epochs=2)
    build_report(folder, "c_tau")
    (folder / "c_tau" / "report.json").unlink()
    new = make_ledger(tmp_path / "new", record(axes), epochs=2)
    shutil.copytree(folder / "c_tau", new / "c_tau")
    build_report(new, "c_tau")
    assert "10" in (new / "c_tau" / "tables" / "trials.csv").read_text()


def test_one_seed_gives_no_interval_and_no_word(tmp_path: Path) -> None:
    make_ledger(tmp_path, record({"C": [1, 10]}, [0]), epochs=2)
    write_tables(tmp_path, "c_tau")
    assert {row["interval95_low"] for row in rows(tmp_path, "default_cell")} == {""}
    assert {row["sd"] for row in rows(tmp_path, "default_cell")} == {""}
    assert {row["verdict"] for row in rows(tmp_path, "differences_C")} == {"too few seeds"}


def test_unfinished_values_never_enter_a_table(tmp_path: Path) -> None:
    make_ledger(tmp_path, record({"C": [1, 10]}), {(10, 0): "running", (10, 1): "failed"})
    write_tables(tmp_path, "c_tau")
    row = rows(tmp_path, "sensitivity_C")[1]
    assert (row["n"], row["planned"], row["acc_all_sd"]) == ("1", "3", "")
    assert row["missing"] == "1 failed, 1 not run"
    assert {r["n"] for r in rows(tmp_path, "default_cell")} == {"1"}


def test_an_unknown_sweep_is_bad_input(tmp_path: Path) -> None:
    make_ledger(tmp_path, record({"C": [1]}))
    with pytest.raises(BadInputError, match="c_tau"):
        build_report(tmp_path, "c_tua")
    with pytest.raises(BadInputError):
        write_tables(tmp_path / "nowhere", "c_tau")


@pytest.mark.parametrize(
    ("work", "heavy"),
    [
        ("", ["pandas", "plotly", "jinja2", "scipy", "torch", "ray"]),
        ("build_report(Path(sys.argv[1]), 'c_tau')", ["torch", "ray", "sklearn", "optuna"]),
    ],
)
def test_nothing_is_loaded_that_is_not_needed(tmp_path: Path, work: str, heavy: list[str]) -> None:
    make_ledger(tmp_path, record({"C": [1, 10]}), epochs=2)
    code = (
        f"import sys; from pathlib import Path; from lps_sweep.report import *\n{work}\n"
        f"print([m for m in {heavy} if m in sys.modules])"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("script", "axes", "first"),
    [
        ("ablation", {"arm": ["full", "without_pc"]}, "ablation.csv"),
        ("freezing", {"frozen_through": ["stage3", "none"]}, "freezing.csv"),
        ("search", {"C": [1, 10]}, "search.csv"),
        ("sensitivity", {"C": [1, 10]}, "sensitivity_C.csv"),
    ],
)
@pytest.mark.slow
def test_the_scripts_of_one_question_print_its_tables(
    tmp_path: Path, script: str, axes: dict[str, list[Json]], first: str
) -> None:
    defaults = {name: v[0] for name, v in axes.items()}
    search: dict[str, Json] = {"objectives": ["oracle.acc_all"], "sampler": "tpe"}
    searched = search if script == "search" else None
    make_ledger(tmp_path, record(axes, defaults=defaults, search=searched), epochs=2)
    path = Path(__file__).parents[2] / "analysis" / f"{script}.py"
    command = [sys.executable, str(path), str(tmp_path / "c_tau")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    tables = tmp_path / "c_tau" / "tables"
    paths = [Path(line) for line in done.stdout.splitlines()]
    assert tables / first in paths
    assert all(path.is_file() for path in paths)
    assert (tables / "trials.csv").is_file()
    assert not (tmp_path / "c_tau" / "report.html").exists()
    wrong = subprocess.run([*command[:2], str(tmp_path / "x")], capture_output=True, text=True)
    assert wrong.returncode == 4
    assert "no sweep is named 'x'" in wrong.stderr


@pytest.mark.slow
def test_a_script_says_where_there_is_no_table_of_its_kind(tmp_path: Path) -> None:
    make_ledger(tmp_path, record({"C": [1, 10]}), otherwise="not_run")
    path = Path(__file__).parents[2] / "analysis" / "ablation.py"
    command = [sys.executable, str(path), str(tmp_path / "c_tau")]
    wrong = subprocess.run(command, capture_output=True, text=True)
    assert wrong.returncode == 4
    assert "no table on ablation" in wrong.stderr
