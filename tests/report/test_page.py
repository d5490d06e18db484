"""The page as a whole, and the scripts: links, bytes, hostile names, the paper beside us."""

from __future__ import annotations

import csv
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from lps_sweep.report import build_report, write_tables
from lps_sweep.report.summary import data_text
from lps_sweep.results import Json
from lps_sweep.results.statistics import (
    DIFFERENCE_COVERAGE_WITH_MERGES,
    MEAN_COVERAGE_WITH_MERGES,
)
from tests.report.report_cases import (
    C_TAU,
    PAPER,
    SETTINGS,
    ablation_record,
    make_ledger,
    record,
)


def _page(folder: Path, sweep: str = "c_tau") -> str:
    return build_report(folder, sweep).read_text(encoding="utf-8")


def _rows(folder: Path, table: str) -> list[dict[str, str]]:
    with (folder / "c_tau" / "tables" / f"{table}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _text(page: str) -> str:
    """What a reader sees before any script runs."""
    return re.sub(r"<script.*?</script>|<style.*?</style>", "", page, flags=re.DOTALL)


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_ledger(tmp_path_factory.mktemp("results"), record(C_TAU))


def test_every_link_has_its_target(full: Path, tmp_path: Path) -> None:
    pages = [_page(full)]
    sweep = ablation_record(range(3))
    pages.append(_page(make_ledger(tmp_path / "a", sweep, epochs=3), "ablation"))
    levels: dict[str, list[Json]] = {"frozen_through": ["stage3", "none"], "eta1": [0.6, 1.0]}
    settings: dict[str, Json] = {**PAPER, "eta1": 1.0}
    sweep = record(levels, settings=settings, margin=0.5)
    pages.append(_page(make_ledger(tmp_path / "b", sweep, epochs=3)))
    for page in pages:
        text = _text(page)
        ids = set(re.findall(r'\sid="([^"]+)"', text))
        links = re.findall(r'href="#([^"]*)"', text)
        assert len(links) > 12
        assert set(links) <= ids


def test_an_ablation_is_made_into_the_same_bytes_twice(tmp_path: Path) -> None:
    pages = []
    for name in ("a", "b"):
        folder = make_ledger(tmp_path / name, ablation_record([0, 1, 2], margin=1.0), epochs=3)
        pages.append(build_report(folder, "ablation").read_bytes())
    assert pages[0] == pages[1]


def test_hostile_names_of_arms(tmp_path: Path) -> None:
    hostile = "x</script><img src=x onerror=alert(1)> $a_b$ %"
    folder = make_ledger(
        tmp_path,
        ablation_record([0, 1, 2], arms=["full", hostile]),
        epochs=2,
        arms={"full": {}, hostile: {"dataset": hostile}},
    )
    page = _page(folder, "ablation")
    assert "<img" not in page
    assert len(re.findall("</script>", page)) == 5
    changes = (folder / "ablation" / "tables" / "ablation_changes.tex").read_text(encoding="utf-8")
    assert r"\$a\_b\$ \%" in changes


@pytest.mark.parametrize(
    ("script", "sweep", "axes", "first"),
    [
        ("ablation", "ablation", {"arm": ["full", "without_pc"]}, "ablation.csv"),
        ("freezing", "c_tau", {"frozen_through": ["stage3", "none"]}, "freezing.csv"),
        ("search", "c_tau", {"C": [1, 10]}, "search.csv"),
    ],
)
@pytest.mark.slow
def test_the_scripts_of_one_question_print_its_tables(
    tmp_path: Path, script: str, sweep: str, axes: dict[str, list[Json]], first: str
) -> None:
    defaults = {name: v[0] for name, v in axes.items()}
    search: dict[str, Json] = {"objectives": ["oracle.acc_all"], "sampler": "tpe"}
    searched = search if script == "search" else None
    make_ledger(tmp_path, record(axes, name=sweep, defaults=defaults, search=searched), epochs=2)
    path = Path(__file__).parents[2] / "analysis" / f"{script}.py"
    command = [sys.executable, str(path), str(tmp_path / sweep)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    paths = [Path(line) for line in done.stdout.splitlines()]
    assert paths[0] == tmp_path / sweep / "tables" / first
    assert all(p.is_file() and p.name.startswith(script) for p in paths)
    assert (tmp_path / sweep / "tables" / "trials.csv").is_file()
    make_ledger(tmp_path, record({"C": [1, 10]}, name="other"), otherwise="not_run")
    wrong = subprocess.run([*command[:2], str(tmp_path / "other")], capture_output=True, text=True)
    assert wrong.returncode == 4
    assert f"no table on {script}" in wrong.stderr


def test_the_notes_print_the_coverage_that_was_simulated(full: Path) -> None:
    text = _text(_page(full))
    for n in (3, 5):
        assert f"{MEAN_COVERAGE_WITH_MERGES[n]} % of cases with {n} seeds" in text
        assert f"{DIFFERENCE_COVERAGE_WITH_MERGES[n]} % of cases with {n} seeds" in text
    assert "No practical margin was declared" in text


def test_the_paper_s_setting_is_judged_by_what_it_leads_to_expect(tmp_path: Path) -> None:
    def finals(_: Sequence[Any], seed: int) -> dict[str, float]:
        return {"acc_seen": 90.0 + 0.1 * seed, "acc_novel": 80.0 + 0.1 * seed, "acc_all": 92.0}

    sweep = record({"C": [1, 10]}, settings=PAPER)
    make_ledger(tmp_path, sweep, epochs=2, finals=finals)
    write_tables(tmp_path, "c_tau")
    words = {row["metric"]: row["against_paper"] for row in _rows(tmp_path, "default_cell")}
    assert words["Seen"] == "consistent"
    assert words["Novel"] == "different"
    row = _rows(tmp_path, "sensitivity_C")[1]
    assert (row["acc_seen_against_paper"], row["acc_novel_against_paper"]) == (
        "consistent",
        "different",
    )
    half = 4.302653 * 0.1 * (2 / 3) ** 0.5 + 0.05
    assert float(row["acc_seen_expected_low"]) == pytest.approx(90.1 - half)
    caption = (tmp_path / "c_tau" / "tables" / "sensitivity_C.md").read_text(encoding="utf-8")
    assert "number of runs is not stated, three are assumed" in caption


def test_the_script_writes_the_tables_and_prints_their_paths(tmp_path: Path) -> None:
    make_ledger(tmp_path, record({"C": [1, 10]}), epochs=2)
    script = Path(__file__).parents[2] / "analysis" / "sensitivity.py"
    command = [sys.executable, str(script), str(tmp_path / "c_tau")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    paths = [Path(line) for line in done.stdout.splitlines()]
    assert tmp_path / "c_tau" / "tables" / "sensitivity_C.csv" in paths
    assert all(path.is_file() for path in paths)
    assert not (tmp_path / "c_tau" / "report.html").exists()
    wrong = subprocess.run([*command[:2], str(tmp_path / "x")], capture_output=True, text=True)
    assert wrong.returncode == 4
    assert "no sweep is named 'x'" in wrong.stderr


def test_stored_images_are_told_as_a_departure() -> None:
    stored = record({"C": [1]}, settings={**SETTINGS, "dataset": "imagenet100", "image_size": 128})
    assert "stored squares of 128 x 128 pixels" in data_text(stored)
    assert "stored" not in data_text(record({"C": [1]}))
