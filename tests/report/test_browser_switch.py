"""The buttons within a figure, in a real browser."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.report.browser_cases import needs_browser, opened

needs_browser()

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PLACE = "#grid_C_tau_figure-1"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_button_shows_the_sd_of_the_cells_and_can_be_read_when_on(
    browser: Browser, path: Path, theme: str
) -> None:
    with opened(browser, path, f"#theme={theme}", color_scheme="light") as report:
        report.all_drawn()
        texts = report.page.locator(f"{PLACE} .annotation-text")
        means = texts.all_text_contents()
        report.page.locator(f"{PLACE} .updatemenu-button").nth(1).click()
        sds = texts.all_text_contents()
        assert len(means) == len(sds) == 25
        assert float(sds[7].split("n")[0]) < 20 < float(means[7].split("n")[0])
        colours = report.has(
            "() => [...document.querySelectorAll("
            f"'{PLACE} .updatemenu-button:nth-of-type(n+1)')].map(b => ["
            "getComputedStyle(b.querySelector('rect')).fill,"
            "getComputedStyle(b.querySelector('text')).fill])"
        )
        assert len(colours) == 3
        assert colours[1][0] != colours[0][0], "the button that is on is told apart"
        for ground, ink in colours:
            assert _contrast(ground, ink) >= 4.5, (ground, ink)
        assert report.complaints == []


def test_a_zoom_in_one_panel_is_one_in_all_of_its_figure(browser: Browser, path: Path) -> None:
    span = "n => [...document.getElementById(`${n}`)._fullLayout.yaxis.range]"
    with opened(browser, path) as report:
        report.all_drawn()
        names = [f"sensitivity_C_figure-{i}" for i in range(3)]
        other = "sensitivity_tau_figure-0"
        before = report.page.evaluate(span, other)
        first = report.page.evaluate(span, names[0])
        zoom = "n => Plotly.relayout(n, {'yaxis.range[0]': 90, 'yaxis.range[1]': 95})"
        report.page.evaluate(zoom, names[1])
        for name in names:
            report.page.wait_for_function(
                "n => document.getElementById(n)._fullLayout.yaxis.range[0] === 90", arg=name
            )
        assert report.page.evaluate(span, other) == before != [90, 95]
        report.page.evaluate("n => Plotly.relayout(n, {'yaxis.range': [10, 99]})", names[0])
        report.page.wait_for_function(
            "n => document.getElementById(n)._fullLayout.yaxis.range[0] === 10", arg=names[2]
        )
        assert first != [10, 99]
        assert report.complaints == []


def _contrast(one: str, other: str) -> float:
    low, high = sorted(_luminance(colour) for colour in (one, other))
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: str) -> float:
    parts = [float(part) / 255 for part in colour[colour.index("(") + 1 : -1].split(",")[:3]]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
