"""The palette, as it is seen with each kind of colour blindness and on both grounds."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from lps_sweep.report.grid import numeric_pairs, read_grid
from lps_sweep.report.page import asset
from lps_sweep.report.pages.pair import draw_map, draw_residuals
from lps_sweep.report.style import (
    DIVERGING,
    PALETTE,
    SEQUENTIAL,
    colour_scale,
    level_keys,
    template,
    text_on,
)
from lps_sweep.results import load_view
from tests.report.report_cases import C_TAU, make_ledger, record

# Machado, Oliveira and Fernandes 2009, severity 1.0, on linear RGB.
SIMULATIONS = {
    "full sight": np.eye(3),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "tritanopia": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}
LEAST_DELTA_E = 10.0
"""CIE76 difference of two lines that a reader must tell apart by their colour."""
GROUNDS = ("#fffefb", "#17191c")
TEXTS = (("#1d1d1b", "#5c5a55", "#0b5a8a"), ("#e9e6df", "#a9a69f", "#8cc8ee"))


def linear(colour: str) -> NDArray[np.float64]:
    parts = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)


def lab(rgb: NDArray[np.float64]) -> NDArray[np.float64]:
    to_xyz = np.array(
        [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    )
    xyz = to_xyz @ rgb.clip(0, 1) / np.array([0.95047, 1.0, 1.08883])
    f = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def contrast(one: str, other: str) -> float:
    weights = np.array([0.2126, 0.7152, 0.0722])
    low, high = sorted(float(weights @ linear(colour)) for colour in (one, other))
    return (high + 0.05) / (low + 0.05)


def nearest_pair(colours: list[str], kind: str) -> tuple[float, str]:
    seen = {colour: lab(SIMULATIONS[kind] @ linear(colour)) for colour in colours}
    pairs = itertools.combinations(seen, 2)
    return min((float(np.linalg.norm(seen[a] - seen[b])), f"{a} {b}") for a, b in pairs)


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("kind", list(SIMULATIONS))
def test_colours_are_told_apart(kind: str, dark: bool) -> None:
    found, pair = nearest_pair([forms[dark] for forms in PALETTE.values()], kind)
    assert found > LEAST_DELTA_E, pair


def test_the_measure_sees_red_and_green_fall_together() -> None:
    pair = ["#c05030", "#808020"]
    assert nearest_pair(pair, "full sight")[0] > 40
    assert nearest_pair(pair, "deuteranopia")[0] < 20


@pytest.mark.parametrize("dark", [False, True])
def test_text_and_axes_stand_out_from_the_ground(dark: bool) -> None:
    ground = GROUNDS[dark]
    assert min(contrast(text, ground) for text in TEXTS[dark]) >= 4.5
    layout = template(dark=dark)["layout"]
    assert contrast(layout["font"]["color"], ground) >= 4.5
    assert contrast(layout["xaxis"]["linecolor"], ground) >= 3


@pytest.mark.parametrize("dark", [False, True])
def test_graphics_stand_out_from_the_ground(dark: bool) -> None:
    for name, forms in PALETTE.items():
        assert contrast(forms[dark], GROUNDS[dark]) >= 3, name


def test_each_colour_can_be_exchanged_both_ways() -> None:
    assert len({light for light, _ in PALETTE.values()}) == len(PALETTE)
    assert len({dark for _, dark in PALETTE.values()}) == len(PALETTE)
    assert all(re.fullmatch("#[0-9A-F]{6}", c) for forms in PALETTE.values() for c in forms)


def test_levels_are_told_apart_by_colour_and_dash() -> None:
    keys = level_keys(list(range(20)), 3)
    assert keys[3].label == "3 (default)"
    assert len({(key.colour, key.dash) for key in keys}) == 20


def test_what_departs_from_okabe_and_ito_is_said() -> None:
    """Up to the last digit, in which two forms of one colour differ."""
    theirs = ("#000000", "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
    known = {colour[:6] for colour in theirs}
    own = {
        (name, dark) for name, f in PALETTE.items() for dark in (0, 1) if f[dark][:6] not in known
    }
    assert own == {("orange", 0), ("sky", 0), ("ink", 1), ("grey", 0), ("grey", 1)}


@pytest.mark.parametrize("dark", [False, True])
def test_the_bar_of_states_stands_out_from_what_is_not_run(dark: bool) -> None:
    css = asset("report.css")
    fills = re.findall(r"rect\.(\w+) \{ fill: var\(--c-(\w+)\)", css)
    assert {state for state, _ in fills} == {"done", "stopped", "failed", "diverged", "running"}
    assert min(contrast(PALETTE[name][dark], GROUNDS[dark]) for _, name in fills) >= 3
    (bar,) = re.findall(r"^\.bar \{(.+)\}$", css, re.M)
    assert "background: var(--ground); border: 1px solid var(--soft)" in bar
    assert TEXTS[dark][1] in css.partition("--soft:")[2].partition(";")[0]


def mixed(colours: Sequence[str], fraction: float) -> str:
    """The colour that Plotly gives a cell: channels mixed as they are written."""
    ends = np.array([[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in colours])
    steps = np.linspace(0, 1, len(colours))
    return "#" + "".join(f"{round(np.interp(fraction, steps, ends[:, i])):02x}" for i in range(3))


@pytest.mark.parametrize("colours", [SEQUENTIAL, DIVERGING])
def test_numbers_in_cells_can_be_read(colours: Sequence[str]) -> None:
    places = np.linspace(0, 1, 401)
    found = [contrast(text_on(colours, x), mixed(colours, x)) for x in places]
    assert min(found) >= 4.5
    assert {text_on(colours, x) for x in places} == {"#000001", "#ffffff"}
    assert text_on(colours, -1.0) == text_on(colours, 0.0)


def test_scales_are_the_known_ones() -> None:
    from plotly.colors import sequential

    assert list(SEQUENTIAL) == sequential.Cividis
    rising = [float(np.array([0.2126, 0.7152, 0.0722]) @ linear(c)) for c in SEQUENTIAL]
    assert rising == sorted(rising)
    assert colour_scale(DIVERGING)[1] == [0.5, DIVERGING[1]]


def test_heatmaps_write_their_numbers_in_colours_that_can_be_read(tmp_path: Path) -> None:
    view = load_view(make_ledger(tmp_path, record(C_TAU), epochs=1), "c_tau")
    pairs = numeric_pairs(view)
    panels = [*draw_map(read_grid(view, *pairs[0]))]
    panels += draw_residuals(read_grid(view, *pairs[0]))
    checked = 0
    for panel in panels:
        (heat,) = (trace for trace in panel.figure.data if trace.type == "heatmap")
        colours = [colour for _, colour in heat.colorscale]
        z = {(x, y): heat.z[j][i] for i, x in enumerate(heat.x) for j, y in enumerate(heat.y)}
        for note in panel.figure.layout.annotations:
            place = (z[note.x, note.y] - heat.zmin) / (heat.zmax - heat.zmin)
            assert contrast(note.font.color, mixed(colours, place)) >= 4.5
            checked += 1
    assert checked == 6 * 25
