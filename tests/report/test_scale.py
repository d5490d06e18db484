"""Ten thousand trials, and sixty figures: size, work, and what a browser makes of it."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from lps_sweep.report import build_report
from lps_sweep.report.drawings import draw_all
from lps_sweep.report.model import Figure, Key, Panel, Section
from lps_sweep.report.page import render_page
from lps_sweep.report.pages.overview import summarise
from lps_sweep.report.plot import Plot
from lps_sweep.results import Json, load_view
from tests.counted import counted_calls
from tests.report.browser_cases import CHROMIUM, open_browser, opened
from tests.report.report_cases import C_TAU, make_ledger, record

pytestmark = pytest.mark.slow

MB = 1_000_000
LEVELS: dict[str, list[Json]] = {
    "C": list(range(1, 21)),
    "tau": [round(0.02 * i, 2) for i in range(1, 51)],
}


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """20 x 50 points of 10 seeds with two epochs each, through the ledger's own front door."""
    folder = make_ledger(tmp_path_factory.mktemp("large"), record(LEVELS, range(10)), epochs=2)
    with sqlite3.connect(folder / "ledger.sqlite") as ledger:
        assert ledger.execute("SELECT count(*) FROM trials").fetchone() == (10_000,)
    return folder


@pytest.fixture(scope="module")
def report(results: Path) -> Path:
    return build_report(results, "c_tau")


@pytest.mark.timeout(900)
def test_ten_thousand_trials_are_reported_in_twelve_megabytes(report: Path) -> None:
    assert report.stat().st_size < 12 * MB
    assert len((report.parent / "tables" / "trials.csv").read_text().splitlines()) == 10_001


def test_the_calls_of_a_report_grow_less_than_its_trials(tmp_path: Path) -> None:
    numbers = []
    for seeds in (1, 3, 12):
        folder = make_ledger(tmp_path / f"{seeds}", record(C_TAU, range(seeds)))
        with counted_calls() as calls:
            build_report(folder, "c_tau")
        numbers.append(calls.number)
    _loading_included, few, many = numbers
    assert many < 3 * few, "four times as many trials"


@pytest.mark.browser
@pytest.mark.timeout(900)
def test_of_ten_thousand_trials_two_hundred_are_painted(report: Path) -> None:
    pytest.importorskip("playwright", reason="the package playwright is not installed")
    if not CHROMIUM:
        pytest.skip("no Chromium on the path")
    with open_browser() as browser, opened(browser, report) as page:
        assert page.page.locator("#table-trials tbody tr").count() == 200
        page.page.locator("[data-table=trials] input").fill("seed=7 C=3")
        assert page.page.locator("#table-trials tbody tr").count() == 50
        assert page.complaints == []


def test_sixty_figures_are_below_six_megabytes(tmp_path: Path) -> None:
    def draw() -> tuple[Panel, ...]:
        figure = Plot()
        for seed in range(5):
            figure.add_scatter(x=list(range(200)), y=[(i * 7919 + seed) % 97 for i in range(200)])
        return (Panel("Panel", figure),)

    key = Key("a seed", "blue")
    figures = tuple(
        Figure(f"figure_{i}", f"Finding {i}", "Caption.", (key,), draw) for i in range(60)
    )
    section = Section("many", "Many", figures)
    make_ledger(tmp_path, record({"C": [1, 10]}), epochs=2)
    view = load_view(tmp_path, "c_tau")
    drawings = draw_all([section])
    assert len(drawings) == 60
    page = render_page(summarise(view, [section]), [section], drawings, {})
    assert len(page.encode()) < 6 * MB
