"""The palette, as it is seen with each kind of colour blindness and on both grounds."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray

from lps_sweep.report.figures.style import PALETTE, template

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
def test_lines_stand_out_from_the_ground(dark: bool) -> None:
    """All but the two lightest of Okabe and Ito: darker, they fall together with others."""
    pale = set() if dark else {"orange", "sky"}
    found = {name: contrast(forms[dark], GROUNDS[dark]) for name, forms in PALETTE.items()}
    assert {name for name, ratio in found.items() if ratio < 3} == pale
    assert min(found.values()) > 2.2
