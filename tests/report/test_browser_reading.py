"""Reading the report in a real browser: theme, contents, trials, width, keyboard, print, axe."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.report.browser_cases import NARROW, needs_browser, opened, serious_findings

needs_browser()

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [pytest.mark.browser, pytest.mark.slow]


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
        assert not report.page.locator("#table-cost").is_visible()
        report.page.locator("nav a[href='#health']").click()
        assert report.page.locator("#table-cost").is_visible()
        report.page.go_back()
        assert not report.page.locator("#table-main_effect_C").is_visible()
        report.page.locator("#main_effect_C_figure .tools a").click()
        assert report.page.locator("#table-main_effect_C").is_visible(), "its fold is opened"
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
        report.page.locator("#effects summary").first.click()
        report.page.emulate_media(media="print", color_scheme="dark")
        report.has("() => dispatchEvent(new Event('beforeprint'))")
        assert report.page.locator("details:not([open])").count() == 0
        ground = report.has("() => getComputedStyle(document.body).backgroundColor")
        assert ground == "rgb(255, 254, 251)"
        assert report.page.locator(".plot text[style*='rgb(233, 230, 223)']").count() == 0
        assert not report.page.locator("nav").is_visible()
        report.has("() => dispatchEvent(new Event('afterprint'))")
        assert report.page.locator(".plot text[style*='rgb(233, 230, 223)']").count() > 50
        assert report.page.locator("#effects > details:not([open])").count() == 1
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
    with opened(browser, path, width=width, color_scheme=scheme) as report:
        report.all_drawn()
        report.open_folds()
        assert serious_findings(report) == []
