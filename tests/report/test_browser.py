"""The report in a real browser: figures, tables, links, theme, keyboard, print."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lps_sweep.report import build_report
from tests.report.browser_cases import NARROW, needs_browser, open_browser, opened
from tests.report.report_cases import C_TAU, ablation_record, make_ledger, record

needs_browser()

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with open_browser() as found:
        yield found


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """75 trials, one of them failed with a hostile error."""
    error = "</script><img src=http://localhost/x onerror=document.title='hit'>"
    folder = make_ledger(
        tmp_path_factory.mktemp("results"), record(C_TAU), {(1, 0.2, 0): "failed"}, error=error
    )
    return build_report(folder, "c_tau")


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """500 trials: more than a table shows at a time."""
    folder = tmp_path_factory.mktemp("long")
    sweep = record(C_TAU, range(20))
    return build_report(make_ledger(folder, sweep, epochs=1), "c_tau")


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
    changed.write_text(page.replace("<footer>", f"{hostile}<footer>"), encoding="utf-8")
    with opened(browser, changed) as report:
        report.page.wait_for_timeout(300)
        assert report.page.title() == "c_tau: sweep report"
        assert len([c for c in report.complaints if "Content Security Policy" in c]) == 2


def test_figures_wait_until_they_are_near(browser: Browser, path: Path) -> None:
    with opened(browser, path) as report:
        report.page.wait_for_timeout(1500)
        assert report.page.locator(".plot:not([data-drawn])").count() > 5
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
        closed = "() => { navigator.clipboard.writeText = () => Promise.reject(); "
        report.has(closed + "document.execCommand = () => false; }")
        report.page.get_by_label("Copy table sensitivity_C as CSV", exact=True).click()
        area = report.page.locator(".by-hand")
        area.wait_for()
        text = (path.parent / "tables" / "sensitivity_C.csv").read_text(encoding="utf-8")
        assert area.input_value() == text
        selected = "() => getSelection().toString() || document.activeElement.selectionEnd"
        assert report.has(selected) in (text, len(text))
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
        tools = report.page.locator("#pace_default_figure .tools")
        with report.page.expect_download() as download:
            tools.get_by_text("Save SVG").click()
        svg = Path(download.value.path()).read_text(encoding="utf-8")
        assert svg.startswith("<svg")
        assert "seen" in svg


def test_the_theme_is_remembered_and_in_the_address(browser: Browser, path: Path) -> None:
    ground = "() => getComputedStyle(document.body).backgroundColor"
    with opened(browser, path, color_scheme="light") as report:
        assert report.has(ground) == "rgb(255, 254, 251)"
        button = report.page.locator("#theme")
        button.click()
        assert report.has(ground) == "rgb(23, 25, 28)"
        assert button.get_attribute("aria-pressed") == "true"
        assert report.page.url.endswith("#theme=dark")
        report.page.goto("about:blank")
        report.page.goto(path.as_uri())
        assert report.has(ground) == "rgb(23, 25, 28)"
        report.all_drawn()
        assert report.page.locator(".plot text[style*='rgb(233, 230, 223)']").count() > 50
        report.page.locator("#theme").click()
        assert report.page.locator(".plot text[style*='rgb(233, 230, 223)']").count() == 0
    with opened(browser, path, "#trials&theme=dark", color_scheme="light") as report:
        assert report.has(ground) == "rgb(23, 25, 28)"


def test_contents_follow_the_reader_and_fold(browser: Browser, path: Path) -> None:
    with opened(browser, path) as report:
        report.page.locator("nav a[href='#health']").click()
        report.page.wait_for_selector("nav a[href='#health'][aria-current]")
        assert report.page.url.endswith("#health")
        box = report.page.locator("#health").bounding_box()
        assert box is not None
        assert abs(box["y"]) < 200
        assert report.page.locator("nav").bounding_box()["y"] >= 0  # type: ignore[index]
        report.page.locator("#health summary").first.click()
        assert not report.page.locator("#table-health").is_visible()
        report.page.locator("nav a[href='#health']").click()
        assert report.page.locator("#table-health").is_visible()
        report.page.go_back()
        assert report.complaints == []


def test_a_point_opens_its_trial_and_a_trial_its_points(browser: Browser, path: Path) -> None:
    with opened(browser, path) as report:
        report.all_drawn()
        point = (
            "() => { const place = document.getElementById('sensitivity_C_figure-1');"
            "const trace = place.data[1];"
            "place.emit('plotly_click', {points: [{data: trace, pointNumber: 2}]});"
            "return trace.ids[2]; }"
        )
        trial = report.has(point)
        assert re.fullmatch(r"t\d{5}", trial)
        row = report.page.locator(f"#trial-{trial}")
        assert "target" in (row.get_attribute("class") or "")
        assert report.page.url.endswith(f"#trial-{trial}")
        bar = report.page.locator("#trial")
        bar.wait_for()
        assert trial in bar.inner_text()
        bar.get_by_text("Sensitivity to C: Novel").click()
        hover = report.page.locator("#sensitivity_C_figure-1 .hovertext")
        hover.first.wait_for()
        assert bar.count() == 0
        assert report.complaints == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_360_pixels_are_wide_enough(browser: Browser, path: Path, scheme: str) -> None:
    with opened(browser, path, width=NARROW, color_scheme=scheme) as report:
        report.all_drawn()
        report.open_folds()
        assert report.has("() => document.documentElement.scrollWidth") == NARROW
        too_wide = (
            "() => [...document.querySelectorAll('.plot .main-svg')]"
            ".filter(s => s.getBoundingClientRect().right > innerWidth + 1).length"
        )
        assert report.has(too_wide) == 0
        menu = report.page.locator("#menu")
        menu.click()
        assert report.page.locator("nav a[href='#trials']").is_visible()
        report.page.keyboard.press("Escape")
        assert not report.page.locator("nav a[href='#trials']").is_visible()
        assert report.page.locator(":focus").get_attribute("id") == "menu"


def test_a_walk_with_the_keyboard_alone(browser: Browser, path: Path) -> None:
    described = (
        "() => { const e = document.activeElement, s = getComputedStyle(e);"
        "return [e === document.body, e.id, e.textContent.slice(0, 40),"
        " s.outlineStyle !== 'none' && s.outlineWidth !== '0px']; }"
    )
    with opened(browser, path) as report:
        total = report.has(
            "() => [...document.querySelectorAll('a[href], button, input, summary, [tabindex]')]"
            ".filter(e => e.tabIndex >= 0 && e.checkVisibility() && !e.disabled).length"
        )
        assert total > 150
        report.page.keyboard.press("Tab")
        assert report.has("() => document.activeElement.className") == "skip"
        report.page.keyboard.press("Enter")
        assert report.has("() => document.activeElement.id") == "main"
        stops = 0
        for _ in range(2 * total):
            report.page.keyboard.press("Tab")
            at_end, name, text, outlined = report.has(described)
            if at_end:
                break
            stops += 1
            assert outlined, f"no visible focus on {name or text}"
        else:
            raise AssertionError("the walk never came to the end of the page")
        assert stops > 0.8 * total
        sort = report.page.locator("#table-trials th[data-key=seed] button")
        sort.focus()
        report.page.keyboard.press("Enter")
        head = report.page.locator("#table-trials th[data-key=seed]")
        assert head.get_attribute("aria-sort") == "ascending"


def test_print_is_light_and_unfolded(browser: Browser, path: Path) -> None:
    with opened(browser, path, color_scheme="dark") as report:
        report.all_drawn()
        report.page.locator("#health summary").first.click()
        report.page.emulate_media(media="print", color_scheme="dark")
        report.has("() => dispatchEvent(new Event('beforeprint'))")
        assert report.page.locator("details:not([open])").count() == 0
        ground = report.has("() => getComputedStyle(document.body).backgroundColor")
        assert ground == "rgb(255, 254, 251)"
        assert report.page.locator(".plot text[style*='rgb(233, 230, 223)']").count() == 0
        assert not report.page.locator("nav").is_visible()
        report.has("() => dispatchEvent(new Event('afterprint'))")
        assert report.page.locator(".plot text[style*='rgb(233, 230, 223)']").count() > 50
        assert report.page.locator("#health > details:not([open])").count() == 1
        assert len(report.page.pdf()) > 100_000


def test_everything_is_there_without_javascript(browser: Browser, long: Path) -> None:
    with opened(browser, long, java_script_enabled=False) as report:
        assert report.page.locator("#trial-t00499").is_visible()
        assert report.page.locator("nav a[href='#trials']").is_visible()
        assert not report.page.locator("#theme").is_visible()
        assert report.page.locator(".tools button").count() == 0


def test_nothing_moves_where_the_reader_asks_for_it(browser: Browser, path: Path) -> None:
    for wish, behaviour in (("reduce", "auto"), ("no-preference", "smooth")):
        with opened(browser, path, reduced_motion=wish) as report:
            found = "() => getComputedStyle(document.documentElement).scrollBehavior"
            assert report.has(found) == behaviour


@pytest.mark.parametrize(
    ("scheme", "width"), [("light", 1280), ("dark", 1280), ("light", NARROW), ("dark", NARROW)]
)
def test_axe_finds_nothing_serious(browser: Browser, path: Path, scheme: str, width: int) -> None:
    package = pytest.importorskip(
        "axe_playwright_python", reason="the package axe-playwright-python is not installed"
    )
    code = (Path(package.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
    with opened(browser, path, width=width, color_scheme=scheme) as report:
        report.all_drawn()
        report.open_folds()
        report.has(f"() => {{ {code} }}")
        found = report.has("() => axe.run()")
        assert len(found["passes"]) > 20
        serious = [
            f"{rule['id']}: {node['target']} {node['failureSummary'][:200]}"
            for rule in found["violations"]
            if rule["impact"] in ("serious", "critical")
            for node in rule["nodes"][:3]
        ]
        assert serious == []
