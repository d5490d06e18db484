from __future__ import annotations

import base64
import csv
import gzip
import hashlib
import json
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from lps_sweep.errors import BadInputError
from lps_sweep.report import build_report, write_tables
from lps_sweep.results import Json, Ledger
from tests.report.report_cases import C_TAU, PAPER, make_ledger, record

HOSTILE = "=Boom: </script><img src=x onerror=alert(1)> \x1b[31m $x_1$ %\nsecond line"


def _page(folder: Path, sweep: str = "c_tau") -> str:
    return build_report(folder, sweep).read_text(encoding="utf-8")


def _rows(folder: Path, table: str) -> list[dict[str, str]]:
    with (folder / "c_tau" / "tables" / f"{table}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _packed(page: str, name: str) -> dict[str, Any]:
    """What a script element of the page holds, compressed."""
    found = re.search(rf'id="{name}">([^<]*)<', page)
    assert found is not None
    content: dict[str, Any] = json.loads(gzip.decompress(base64.b64decode(found[1])))
    return content


def _text(page: str) -> str:
    """What a reader sees before any script runs."""
    return re.sub(r"<script.*?</script>|<style.*?</style>", "", page, flags=re.DOTALL)


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Path:
    fates = {(1, 0.2, 1): "failed", (20, 0.6, 0): "diverged", (5, 0.5, 2): "not_run"}
    folder = tmp_path_factory.mktemp("results")
    make_ledger(folder, record(C_TAU, question="C < 10?"), fates, error=HOSTILE)
    build_report(folder, "c_tau")
    return folder


def test_trials_csv_has_a_row_per_planned_trial(full: Path) -> None:
    rows = _rows(full, "trials")
    assert len(rows) == 75
    assert list(rows[0])[:12] == [
        "trial_id",
        "status",
        "seed",
        "C",
        "tau",
        "acc_seen",
        "acc_novel",
        "acc_all",
        "acc_novel_strict",
        "nmi_novel",
        "attempts",
        "seconds",
    ]
    assert (rows[1]["status"], rows[1]["acc_all"], rows[1]["attempts"]) == ("failed", "", "1")
    assert rows[1]["error"].startswith("'=Boom: </script>")
    assert "second line" not in rows[1]["error"]
    assert float(rows[0]["acc_novel"]) > 50
    assert sum(row["status"] == "not_run" for row in rows) == 1


def test_every_table_has_its_three_forms(full: Path) -> None:
    names = {path.name for path in (full / "c_tau" / "tables").iterdir()}
    stems = {name.rpartition(".")[0] for name in names}
    assert stems >= {"trials", "default_cell", "sensitivity_C", "differences_tau", "grid_C_tau"}
    assert names == {f"{stem}.{kind}" for stem in stems for kind in ("csv", "md", "tex")}


def test_the_first_screen(full: Path) -> None:
    text = _text(_page(full))
    first = text[text.index("<main") : text.index('<section id="sensitivity_C')]
    assert "C &lt; 10?" in first
    assert "72 of 75 planned trials are done." in first
    assert "1 failed" in first
    assert "1 diverged" in first
    assert "Not the paper\u2019s setting: digits with small_cnn for 20 epochs" in first
    assert first.count("oracle") == 1
    assert 'id="table-default_cell"' in first
    assert len(re.findall(r'class="(?:done|failed|diverged|not_run)" x=', first)) == 4


def test_the_paper_s_setting_has_no_banner(tmp_path: Path) -> None:
    text = _text(_page(make_ledger(tmp_path, record({"C": [1, 10]}, settings=PAPER))))
    assert "Not the paper" not in text
    assert "Difference to paper" in text


def test_the_page_is_one_offline_file(full: Path) -> None:
    page = _page(full)
    assert len(page.encode()) < 6_000_000
    assert "default-src 'none'" in page
    assert "'unsafe-eval'" not in page
    config = _packed(page, "figures")["config"]
    assert (config["showSendToCloud"], config["displaylogo"]) == (False, False)
    text = _text(page)
    assert re.findall(r'(?:src|href)="(?!#|data:)[^"]*"', text) == []
    assert re.findall(r"https?://|@import|url\(", text) == []
    assert re.findall(r"<(?:link|img|iframe|object|embed)\b[^>]*", text) == [
        '<link rel="icon" href="data:,"'
    ]
    assert page.count('id="plotly"') == 1


def test_only_the_page_s_own_scripts_may_run(full: Path) -> None:
    page = _page(full)
    policy = re.search(r"script-src ([^;]*);", page)
    assert policy is not None
    own = re.findall(r"<script>(.*?)</script>", page, flags=re.DOTALL)
    plotly = gzip.decompress(base64.b64decode(page.split('id="plotly">')[1].split("<")[0]))
    codes = [code.encode() for code in own] + [plotly]
    hashes = [base64.b64encode(hashlib.sha256(code).digest()).decode() for code in codes]
    assert policy[1].split() == [f"'sha256-{known}'" for known in hashes]


def test_tables_of_the_page_are_those_of_the_files(full: Path) -> None:
    texts = _packed(_page(full), "tables")
    folder = full / "c_tau" / "tables"
    assert len(texts) > 8
    for name, kinds in texts.items():
        for kind, suffix in {"csv": "csv", "markdown": "md", "latex": "tex"}.items():
            assert kinds[kind] == (folder / f"{name}.{suffix}").read_text(encoding="utf-8")


def test_hostile_text_is_shown_and_does_nothing(full: Path) -> None:
    page = _page(full)
    assert "<img" not in page
    assert "Boom: &lt;/script&gt;&lt;img src=x onerror=alert(1)&gt;" in page
    assert "\x1b" not in page
    assert len(re.findall("</script>", page)) == 5
    failures = (full / "c_tau" / "tables" / "failures.tex").read_text(encoding="utf-8")
    assert r"\textless{}/script\textgreater{}" in failures
    assert r"\$x\_1\$ \%" in failures


def test_ids_are_unique(full: Path) -> None:
    ids = re.findall(r'\sid="([^"]+)"', _page(full))
    assert len(ids) > 30
    assert len(set(ids)) == len(ids)


def test_the_same_ledger_gives_the_same_bytes(tmp_path: Path) -> None:
    pages = []
    for name in ("a", "b"):
        folder = make_ledger(tmp_path / name, record(C_TAU, [0, 1]), epochs=3)
        pages.append(build_report(folder, "c_tau").read_bytes())
    assert pages[0] == pages[1]
    assert str(tmp_path).encode() not in pages[0]


def test_nothing_is_written_when_nothing_changed(tmp_path: Path) -> None:
    folder = make_ledger(tmp_path, record({"C": [1, 10]}), epochs=2)
    report = build_report(folder, "c_tau")
    before = {path: path.stat().st_mtime_ns for path in report.parent.rglob("*") if path.is_file()}
    build_report(folder, "c_tau")
    assert {path: path.stat().st_mtime_ns for path in before} == before
    table = report.parent / "tables" / "trials.csv"
    table.write_text("spoilt", encoding="utf-8")
    build_report(folder, "c_tau")
    assert len(_rows(folder, "trials")) == 6


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


PARTIAL: dict[str, tuple[dict[str, list[Json]], list[int], str]] = {
    "nothing run": (C_TAU, [0, 1, 2], "not_run"),
    "all failed": (C_TAU, [0, 1, 2], "failed"),
    "all diverged": ({"C": [1, 10]}, [0], "diverged"),
    "none finished": ({"C": [1, 10]}, [0, 1], "running"),
    "one seed": (C_TAU, [0], "done"),
    "one configuration": ({}, [0, 1, 2], "done"),
    "one trial": ({}, [0], "done"),
    "one level": ({"C": [10]}, [0, 1], "done"),
    "default not planned": ({"C": [1, 5], "tau": [0.2, 0.3]}, [0, 1, 2], "done"),
    "twelve seeds": ({"C": [1, 10]}, list(range(12)), "done"),
    "words": ({"frozen_bn": ["train", "eval"]}, [0, 1, 2], "done"),
    "lists": ({"seen_classes": [[0, 1], [2, 3]]}, [0, 1, 2], "done"),
    "switches": ({"concat_views": [False, True]}, [0, 1, 2], "done"),
}


@pytest.mark.parametrize("name", list(PARTIAL))
def test_any_sweep_builds(tmp_path: Path, name: str) -> None:
    axes, seeds, fate = PARTIAL[name]
    page = _page(make_ledger(tmp_path, record(axes, seeds), epochs=3, otherwise=fate))
    num_trials = len(_rows(tmp_path, "trials"))
    done = num_trials if fate == "done" else 0
    assert f"{done} of {num_trials} planned trials are done." in page
    assert "All trials" in page
    assert not re.search(r">\s*(nan|None|inf)\s*<", page)


def test_one_seed_gives_no_interval_and_no_word(tmp_path: Path) -> None:
    make_ledger(tmp_path, record({"C": [1, 10]}, [0]), epochs=2)
    write_tables(tmp_path, "c_tau")
    assert {row["interval95_low"] for row in _rows(tmp_path, "default_cell")} == {""}
    assert {row["sd"] for row in _rows(tmp_path, "default_cell")} == {""}
    assert {row["verdict"] for row in _rows(tmp_path, "differences_C")} == {"too few seeds"}


def test_unfinished_values_never_enter_a_table(tmp_path: Path) -> None:
    make_ledger(tmp_path, record({"C": [1, 10]}), {(10, 0): "running", (10, 1): "failed"})
    write_tables(tmp_path, "c_tau")
    row = _rows(tmp_path, "sensitivity_C")[1]
    assert (row["n"], row["planned"], row["acc_all_sd"]) == ("1", "3", "")
    assert row["missing"] == "1 failed, 1 not run"
    assert {r["n"] for r in _rows(tmp_path, "default_cell")} == {"1"}


def test_an_unknown_sweep_is_bad_input(tmp_path: Path) -> None:
    make_ledger(tmp_path, record({"C": [1]}))
    with pytest.raises(BadInputError, match="c_tau"):
        build_report(tmp_path, "c_tua")
    with pytest.raises(BadInputError):
        write_tables(tmp_path / "nowhere", "c_tau")


def test_mixed_code_is_flagged_on_the_first_screen(tmp_path: Path) -> None:
    make_ledger(tmp_path, record({"C": [1, 10]}), {(1, 0): "not_run"}, epochs=2)
    with Ledger.open(tmp_path, write=True) as ledger:
        trial = ledger.outstanding("c_tau")[0]
        attempts = ledger.start_attempts([trial], "p", {"code": "other"})
        ledger.begin_attempt(trial, attempts[trial], {"device": "cpu"})
    page = _page(tmp_path)
    assert "not all run with the same code" in page[: page.index("</header>") + 6000]


def test_seventy_five_trials_take_less_than_three_seconds(tmp_path: Path) -> None:
    make_ledger(tmp_path, record(C_TAU))
    start = time.process_time()
    build_report(tmp_path, "c_tau")
    assert time.process_time() - start < 3.0


def test_the_front_door_is_cheap() -> None:
    heavy = ["pandas", "plotly", "jinja2", "numpy", "scipy", "torch", "ray"]
    code = f"import sys, lps_sweep.report; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_building_loads_neither_torch_nor_ray(tmp_path: Path) -> None:
    make_ledger(tmp_path, record({"C": [1, 10]}), epochs=2)
    code = (
        "import sys; from pathlib import Path; from lps_sweep.report import *\n"
        "build_report(Path(sys.argv[1]), 'c_tau')\n"
        "print([m for m in ('torch', 'ray', 'sklearn') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
