"""What the whole page is narrowed to, in a real browser: metric, data set, ratio, and bars."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lps_sweep.report import build_report
from lps_sweep.report.escape import MINUS
from lps_sweep.results import Json
from tests.report.browser_cases import NARROW, needs_browser, opened, serious_findings
from tests.report.report_cases import make_ledger, record

needs_browser()

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.report.browser_cases import Opened

pytestmark = [pytest.mark.browser, pytest.mark.slow]

ARMS: dict[str, dict[str, Json]] = {"lps": {"method": "lps"}, "orca": {"method": "orca"}}
BARS = (
    "() => { const t = document.getElementById('sensitivity_C_figure-1').data"
    ".find(one => one.error_y?.array); return t.error_y.visible === false ? null : t.error_y; }"
)


@pytest.fixture(scope="module")
def crossed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two methods on two data sets with two labeled ratios."""
    axes: dict[str, list[Json]] = {
        "arm": list(ARMS),
        "dataset": ["cifar10", "digits"],
        "labeled_ratio": [0.1, 0.5],
    }
    sweep = record(axes, defaults={"arm": "lps"}, name="crossed")
    folder = make_ledger(tmp_path_factory.mktemp("crossed"), sweep, epochs=2, arms=ARMS)
    return build_report(folder, "crossed")


def pick(report: Opened, name: str, value: str) -> None:
    report.page.locator(f".choices select[name={name}]").select_option(value)


def visible(report: Opened, selector: str) -> list[str]:
    found = report.page.locator(selector).filter(visible=True)
    return [text.strip() for text in found.all_inner_texts()]


def test_a_metric_is_chosen_for_panels_columns_and_rows(browser: Browser, path: Path) -> None:
    with opened(browser, path) as report:
        report.open_folds()
        names = report.has("() => selects.map(one => one.name)")
        assert names == ["metric", "interval"], "one data set and one ratio offer no choice"
        assert visible(report, "#sensitivity_C_figure h4") == ["Seen", "Novel", "All"]
        pick(report, "metric", "novel")
        assert visible(report, "#sensitivity_C_figure h4") == ["Novel"]
        assert visible(report, "#pace_C_figure h4")[1:] == [
            f"Seen {MINUS} novel",
            "KL(prior ‖ estimate)",
        ]
        heads = visible(report, "#table-sensitivity_C thead th")
        assert heads == ["C", "Novel ± sd", "n", "Novel, paper"]
        cells = visible(report, "#table-sensitivity_C tbody tr:first-child > *")
        assert len(cells) == 4
        rows = visible(report, "#table-differences_C tbody th")
        assert len(rows) == 4
        assert set(rows) == {"Novel"}
        pager = report.page.locator("[data-table=differences_C] .pager").inner_text()
        assert pager == "4 rows of 12, filtered"
        assert visible(report, "#forest_figure h4, #forest_figure .plot") == []
        assert report.page.locator("#forest_figure figcaption").is_visible()
        assert report.page.url.endswith("#metric=novel")
        report.page.locator("#chosen button").click()
        assert visible(report, "#sensitivity_C_figure h4") == ["Seen", "Novel", "All"]
        assert len(visible(report, "#table-sensitivity_C thead th")) > 4
        assert report.page.url.endswith("#")
        assert report.complaints == []


def test_a_panel_is_drawn_when_it_is_shown_and_fits(browser: Browser, path: Path) -> None:
    with opened(browser, path, "#sensitivity_C_figure&metric=all") as report:
        place = "document.getElementById('sensitivity_C_figure-{}')"
        report.page.wait_for_function(f"() => {place.format(2)}.dataset.drawn")
        wide = report.has(f"() => {place.format(2)}._fullLayout.width")
        assert report.has(f"() => {place.format(1)}.dataset.drawn") is None
        zoom = f"() => Plotly.relayout({place.format(2)}, {{'yaxis.range': [90, 95]}})"
        report.has(zoom)
        pick(report, "metric", "")
        report.page.wait_for_function(f"() => {place.format(1)}.dataset.drawn")
        fits = f"() => {place.format(2)}._fullLayout.width < {wide} - 100"
        report.page.wait_for_function(fits)
        assert report.has(f"() => {place.format(1)}._fullLayout.yaxis.range") == [90, 95]
        report.has(f"() => Plotly.relayout({place.format(1)}, {{'yaxis.range': [80, 85]}})")
        alike = f"() => {place.format(2)}._fullLayout.yaxis.range[0] === 80"
        report.page.wait_for_function(alike)


def test_bars_of_means_are_exchanged_with_their_words(browser: Browser, path: Path) -> None:
    with opened(browser, path, accept_downloads=True) as report:
        report.open_folds()
        report.all_drawn()
        key = report.page.locator("#sensitivity_C_figure .keys li").first
        interval = report.has(BARS)
        differences = "() => places.filter(p => p.id.startsWith('forest')).map(p => p.data)"
        before = report.has(differences)
        pick(report, "interval", "sd")
        assert key.inner_text() == "mean and standard deviation"
        sd = report.has(BARS)
        stored = report.has(
            "() => drawn.page.panels['sensitivity_C_figure-1'].data.find(t => t.meta?.sd).meta.sd"
        )
        assert (sd["array"], sd["arrayminus"]) == (stored["array"], stored["arrayminus"])
        assert sd["array"][1] != interval["array"][1]
        assert report.has(differences) == before, "simultaneous intervals stay"
        tools = report.page.locator("#sensitivity_C_figure .tools")
        with report.page.expect_download() as download:
            tools.get_by_text("Save SVG").click()
        svg = Path(download.value.path()).read_text(encoding="utf-8")
        assert "mean and standard deviation" in svg
        pick(report, "interval", "none")
        assert key.inner_text() == "mean and no interval"
        assert report.has(BARS) is None
        assert "interval=none" in report.page.url
        report.page.go_back()
        assert report.has(BARS) == sd
        report.page.go_back()
        assert report.has(BARS) == interval
        assert key.inner_text() == "mean and 95 % t interval"
        assert report.page.locator("#chosen").is_hidden()
        report.page.go_forward()
        assert key.inner_text() == "mean and standard deviation"
        assert report.complaints == []


def test_data_set_and_ratio_are_chosen_under_their_headings(
    browser: Browser, crossed: Path
) -> None:
    with opened(browser, crossed) as report:
        heads = visible(report, "#table-main thead tr:first-child th")
        assert len(heads) == 4
        width = len(visible(report, "#table-main thead tr:last-child th"))
        pick(report, "dataset", "digits")
        pick(report, "ratio", "0.1")
        assert visible(report, "#table-main thead tr:first-child th") == [
            "digits, 10\u00a0% labeled"
        ]
        shown = visible(report, "#table-main thead tr:last-child th")
        assert len(shown) == 1 + (width - 1) // 4
        pick(report, "metric", "seen")
        shown = visible(report, "#table-main thead tr:last-child th")
        assert shown == ["Method", "Seen ± sd", "Gap ± sd", "n"]
        span = report.page.locator("#table-main thead tr:first-child th").filter(visible=True)
        assert span.get_attribute("colspan") == "3"
        assert span.bounding_box()["width"] > 150  # type: ignore[index]
        assert len(visible(report, "#table-trials tbody tr")) == 6
        note = report.page.locator("#chosen").inner_text()
        assert "metric Seen, data set digits, labeled ratio 0.1" in note
        report.page.locator("#chosen button").click()
        assert len(visible(report, "#table-main thead tr:last-child th")) == width
        assert report.complaints == []


def test_unknown_values_are_left_out(browser: Browser, path: Path) -> None:
    fragment = "#sensitivity_C_figure&metric=%3Cb%3E&interval=wide&dataset=digits"
    with opened(browser, path, fragment) as report:
        assert report.page.locator("#chosen").is_hidden()
        assert visible(report, "#sensitivity_C_figure h4") == ["Seen", "Novel", "All"]
        pick(report, "interval", "none")
        assert report.page.url.endswith("#sensitivity_C_figure&dataset=digits&interval=none")
        assert report.complaints == []


def test_a_link_to_a_hidden_row_shows_it(browser: Browser, crossed: Path) -> None:
    with opened(browser, crossed, "#trial-t00000&dataset=digits") as report:
        assert report.page.locator("#trial-t00000").is_visible()
        assert report.page.locator("#chosen").is_hidden()


def test_print_says_what_is_chosen(browser: Browser, path: Path) -> None:
    with opened(browser, path, "#metric=novel&interval=sd") as report:
        report.page.emulate_media(media="print")
        report.has("() => dispatchEvent(new Event('beforeprint'))")
        assert visible(report, "nav *") == ["Shown: metric Novel, bars of means standard deviation"]
        assert visible(report, "#sensitivity_C_figure h4") == ["Novel"]


def test_choosing_with_the_keyboard_on_a_narrow_screen(browser: Browser, path: Path) -> None:
    with opened(browser, path, width=NARROW) as report:
        press = report.page.keyboard.press
        assert not report.page.locator("select[name=metric]").is_visible()
        report.page.locator("#menu").focus()
        for key in ("Enter", "Tab", "Tab", "ArrowDown"):
            press(key)
        assert report.has("() => document.activeElement.name") == "metric"
        assert report.page.url.endswith("#metric=seen")
        press("Escape")
        assert report.page.locator("#chosen").is_visible(), "also with the menu closed"
        report.all_drawn()
        assert report.has("() => document.documentElement.scrollWidth") == NARROW
        press("Tab")
        press("Tab")
        assert report.has("() => document.activeElement.textContent") == "Reset"
        press("Enter")
        assert report.has("() => document.activeElement.id") == "menu"
        report.open_folds()
        assert visible(report, "#sensitivity_C_figure h4") == ["Seen", "Novel", "All"]


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", NARROW)])
def test_axe_finds_nothing_serious_in_a_narrowed_page(
    browser: Browser, crossed: Path, scheme: str, width: int
) -> None:
    fragment = "#metric=seen&ratio=0.1&dataset=digits&interval=sd"
    with opened(browser, crossed, fragment, width=width, color_scheme=scheme) as report:
        report.all_drawn()
        report.open_folds()
        if width == NARROW:
            report.page.locator("#menu").click()
        assert serious_findings(report) == []
