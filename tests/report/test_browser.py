"""The report in a real browser: figures, tables, links to rows, copying and saving."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lps_sweep.report import build_report
from lps_sweep.report.escape import MINUS
from tests.report.browser_cases import needs_browser, opened
from tests.report.report_cases import ablation_record, make_ledger

needs_browser()

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Download, Locator, Page

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_figure_is_drawn_without_an_error_or_a_request(
    browser: Browser, path: Path, scheme: str
) -> None:
    with opened(browser, path, color_scheme=scheme) as report:
        assert report.all_drawn() >= 18
        assert report.page.locator(".wait").count() == 0
        assert report.page.title() == "c_tau: sweep report"
        text = "rgb(233, 230, 223)" if scheme == "dark" else "rgb(29, 29, 27)"
        assert report.page.locator(f".plot text[style*='{text}']").count() > 50
        assert report.complaints == []


def test_an_ablation_is_drawn_as_well(browser: Browser, tmp_path: Path) -> None:
    make_ledger(tmp_path, ablation_record(margin=1.0), epochs=5)
    with opened(browser, build_report(tmp_path, "ablation")) as report:
        assert report.all_drawn() >= 6
        assert report.complaints == []


def test_a_foreign_script_does_not_run_and_nothing_is_fetched(
    browser: Browser, path: Path, tmp_path: Path
) -> None:
    page = path.read_text(encoding="utf-8")
    hostile = "<script>document.title='hit'</script><img src='http://127.0.0.1:9/x'>"
    changed = tmp_path / "changed.html"
    changed.write_text(page.replace("</main>", f"{hostile}</main>"), encoding="utf-8")
    with opened(browser, changed) as report:
        report.page.wait_for_timeout(300)
        assert report.page.title() == "c_tau: sweep report"
        assert len([c for c in report.complaints if "Content Security Policy" in c]) == 2


def test_figures_wait_until_they_are_near(browser: Browser, path: Path) -> None:
    with opened(browser, path) as report:
        report.page.wait_for_timeout(1500)
        assert report.page.locator(".plot:not([data-drawn])").count() > 5
        report.open_folds()
        last = report.page.locator(".plot").last
        height = last.bounding_box()
        last.scroll_into_view_if_needed()
        report.page.wait_for_function("() => places.at(-1).dataset.drawn")
        after = last.bounding_box()
        assert height is not None
        assert after is not None
        assert after["height"] == height["height"]


def column(report_page: object, table: str, number: int) -> list[str]:
    locator = report_page.locator(f"#table-{table} tbody tr > :nth-child({number})")  # type: ignore[attr-defined]
    return [str(text) for text in locator.all_inner_texts()]


def test_columns_sort_by_their_raw_values(browser: Browser, path: Path) -> None:
    with opened(browser, path) as report:
        button = report.page.locator("#table-trials th[data-key=acc_novel] button")
        button.click()
        head = report.page.locator("#table-trials th[data-key=acc_novel]")
        assert head.get_attribute("aria-sort") == "ascending"
        place = report.has("() => views.get('trials').heads.findIndex(h => h.ariaSort !== 'none')")
        shown = column(report.page, "trials", place + 1)
        numbers = [float(text) for text in shown if text != "—"]
        assert numbers == sorted(numbers)
        assert shown[-1] == "—"
        button.click()
        assert head.get_attribute("aria-sort") == "descending"
        shown = column(report.page, "trials", place + 1)
        assert float(shown[0]) == max(numbers)
        assert shown[-1] == "—"
        button.click()
        assert head.get_attribute("aria-sort") == "none"
        assert column(report.page, "trials", 1) == [f"t{i:05d}" for i in range(75)]


def test_rows_are_filtered_by_words_and_by_columns(browser: Browser, path: Path) -> None:
    with opened(browser, path) as report:
        search = report.page.locator("[data-table=trials] input")
        search.fill("failed")
        assert column(report.page, "trials", 1) == ["t00000"]
        search.fill("C=5 tau=0.4")
        assert len(column(report.page, "trials", 1)) == 3
        search.fill("nothing has this")
        assert column(report.page, "trials", 1) == []
        search.fill("")
        assert len(column(report.page, "trials", 1)) == 75


def test_long_tables_are_paged_and_their_state_is_in_the_address(
    browser: Browser, long: Path
) -> None:
    with opened(browser, long) as report:
        assert report.page.locator("#table-trials tbody tr").count() == 200
        pager = report.page.locator("[data-table=trials] .pager")
        assert "Rows 1 to 200 of 500" in pager.inner_text()
        report.page.locator("#table-trials th[data-key=seed] button").click()
        pager.get_by_text("Next").click()
        pager.get_by_text("Next").click()
        assert "Rows 401 to 500 of 500" in pager.inner_text()
        assert set(column(report.page, "trials", 3)) == {"16", "17", "18", "19"}
        assert report.page.locator(":focus").inner_text() == "Previous"
        address = report.page.url
        shown = column(report.page, "trials", 1)
    with opened(browser, long, address[address.index("#") :]) as report:
        assert column(report.page, "trials", 1) == shown
        search = report.page.locator("[data-table=trials] input")
        search.fill("seed=3")
        assert report.page.locator("#table-trials tbody tr").count() == 25
        assert "trials.page" not in report.page.url
        assert report.complaints == []


def test_a_link_leads_to_a_row_on_another_page(browser: Browser, long: Path) -> None:
    with opened(browser, long, "#trial-t00450") as report:
        row = report.page.locator("#trial-t00450")
        assert "target" in (row.get_attribute("class") or "")
        assert report.page.locator(":focus").inner_text() == "t00450"
        box = row.bounding_box()
        assert box is not None
        assert 0 < box["y"] < 900


def test_copying(browser: Browser, path: Path) -> None:
    tables = path.parent / "tables"
    suffixes = {"LaTeX": "tex", "CSV": "csv", "Markdown": "md"}
    with opened(browser, path, permissions=["clipboard-read", "clipboard-write"]) as report:
        report.open_folds()
        for word, suffix in suffixes.items():
            button = report.page.get_by_label(f"Copy table sensitivity_C as {word}", exact=True)
            button.click()
            report.page.wait_for_function("() => said.textContent.startsWith('Copied as')")
            copied = report.has("() => navigator.clipboard.readText()")
            assert copied == (tables / f"sensitivity_C.{suffix}").read_text(encoding="utf-8")
            report.has("() => { said.textContent = ''; }")
        report.page.locator("#health > .anchor").click()
        report.page.wait_for_function("() => said.textContent")
        assert report.has("() => navigator.clipboard.readText()") == f"{path.as_uri()}#health"


def test_copying_without_a_clipboard_selects_the_text(browser: Browser, path: Path) -> None:
    with opened(browser, path) as report:
        report.open_folds()
        closed = "() => { navigator.clipboard.writeText = () => Promise.reject(); "
        report.has(closed + "document.execCommand = () => false; }")
        report.page.get_by_label("Copy table sensitivity_C as CSV", exact=True).click()
        area = report.page.locator(".by-hand")
        area.wait_for()
        text = (path.parent / "tables" / "sensitivity_C.csv").read_text(encoding="utf-8")
        assert area.input_value() == text
        selected = "a => a.value.slice(a.selectionStart, a.selectionEnd)"
        assert area.evaluate(selected) == text
        assert "Ctrl+C" in report.page.locator("#said").inner_text()
        report.page.keyboard.press("Escape")
        assert area.count() == 0


def test_saving_a_table_and_a_figure(browser: Browser, path: Path) -> None:
    with opened(browser, path, accept_downloads=True) as report:
        with report.page.expect_download() as download:
            report.page.get_by_label("Save table trials as CSV", exact=True).click()
        assert download.value.suggested_filename == "trials.csv"
        saved = Path(download.value.path()).read_bytes()
        assert saved == (path.parent / "tables" / "trials.csv").read_bytes()
        report.open_folds()
        tools = report.page.locator("#pace_default_figure .tools")
        svg, *_ = saved_by(report.page, tools.get_by_text("Save SVG"), 2)
        assert svg.startswith(b"<svg")
        legend = re.findall(r'class="legendtext"[^>]*>([^<]+)<', svg.decode())
        assert legend == ["seen", "novel", "all", f"seen {MINUS} novel"]
        for png in saved_by(report.page, tools.get_by_text("Save PNG"), 2):
            assert png.startswith(b"\x89PNG\r\n")
        drawn = [json.loads(f) for f in saved_by(report.page, tools.get_by_text("Save JSON"), 2)]
        files = sorted((path.parent / "figures").glob("pace_default_figure-*.json"))
        for here, file in zip(drawn, files, strict=True):
            kept = [t["x"] for t in json.loads(file.read_text())["data"] if t["x"] != [None]]
            assert [t["x"] for t in here["data"]] == kept, "but for the legend's own traces"


def saved_by(page: Page, button: Locator, count: int) -> list[bytes]:
    """The files that a click saves, by their names."""
    found: list[Download] = []

    def keep(download: Download) -> None:
        found.append(download)

    page.on("download", keep)
    button.click()
    while len(found) < count:
        page.wait_for_timeout(50)
    page.remove_listener("download", keep)
    return [Path(f.path()).read_bytes() for f in sorted(found, key=lambda f: f.suggested_filename)]
