"""Colours, markers and the two Plotly templates, shared by all figures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lps_sweep.report.model import Dash, Key
from lps_sweep.report.numbers import value_text

PALETTE: dict[str, tuple[str, str]] = {
    "ink": ("#000000", "#E9E6DF"),
    "blue": ("#0072B2", "#56B4E9"),
    "vermillion": ("#D55E00", "#D55E01"),
    "green": ("#009E73", "#009E74"),
    "purple": ("#CC79A7", "#CC79A8"),
    "orange": ("#BB8A39", "#E69F00"),
    "sky": ("#1C9CD7", "#0072B3"),
    "grey": ("#767676", "#B4B4B4"),
}
"""The colours of Okabe and Ito, on light and on dark ground.

All have a contrast of 3:1 or more with their ground, and any two differ with each kind of colour
blindness. For that, orange (#E69F00) and sky (#56B4E9), 2.2:1 and 2.3:1 on light ground, are
darker there, with their hue in OKLCH: the nearest colours that reach 3.05:1 and fall together with
no other. On dark ground black is nearly white, and blue and sky change places. Grey is ours.

In figures a colour is written in its light form and exchanged in the browser; last digits
differ so that each light and dark form occurs once.
"""

SEQUENTIAL: tuple[str, ...] = (
    "#00224e",
    "#123570",
    "#3b496c",
    "#575d6d",
    "#707173",
    "#8a8678",
    "#a59c74",
    "#c3b369",
    "#e1cc55",
    "#fee838",
)
"""Cividis, from low to high, in even steps: written out, so that text on it can be chosen."""
DIVERGING: tuple[str, ...] = ("#0a4f86", "#f7f5f0", "#b35400")
"""Blue below the middle, orange above it."""

_CYCLE = ("blue", "vermillion", "green", "purple", "orange", "sky")
_DASHES: tuple[Dash, ...] = ("dash", "dot", "dashdot", "solid")
_SYMBOLS = ("circle", "square", "diamond", "triangle-up", "triangle-down", "cross", "x", "star")


def light(colour: str) -> str:
    """The colour as written in figures."""
    return PALETTE[colour][0]


def colour_scale(colours: Sequence[str]) -> list[list[Any]]:
    """`colours` in even steps, as Plotly's scale of a heatmap or of markers."""
    return [[i / (len(colours) - 1), colour] for i, colour in enumerate(colours)]


def text_on(colours: Sequence[str], fraction: float) -> str:
    """Black or white, whichever stands out more from the colour of a scale at 0 <= `fraction` <= 1.

    The contrast is 4.5:1 or more, as one of the two has it with any colour. The page does not
    exchange them for those of a dark theme, since the colour below stays as well.
    """
    place = min(max(fraction, 0.0), 1.0) * (len(colours) - 1)
    i = min(int(place), len(colours) - 2)
    low, high = (_channels(colour) for colour in colours[i : i + 2])
    mixed = [a + (b - a) * (place - i) for a, b in zip(low, high, strict=True)]
    shares = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in mixed]
    luminance = 0.2126 * shares[0] + 0.7152 * shares[1] + 0.0722 * shares[2]
    return "#000001" if (luminance + 0.05) ** 2 > 0.05 * 1.05 else "#ffffff"


def _channels(colour: str) -> list[float]:
    return [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]


def seed_keys(seeds: Sequence[int]) -> dict[int, Key]:
    """Colour, dash and marker of each seed; repeats after 24 of them."""
    return {
        seed: Key(
            f"seed {seed}", _CYCLE[i % 6], _DASHES[i % 4], _SYMBOLS[i % len(_SYMBOLS)], width=1
        )
        for i, seed in enumerate(seeds)
    }


def level_keys(levels: Sequence[object], default: int | None) -> tuple[Key, ...]:
    """Colour and dash of each level; the default is in ink and solid."""
    keys = []
    others = 0
    for i, level in enumerate(levels):
        if i == default:
            keys.append(Key(f"{value_text(level)} (default)", "ink", "solid", width=2.2))
        else:
            dash = _DASHES[(others + others // len(_CYCLE)) % 4]
            keys.append(Key(value_text(level), _CYCLE[others % len(_CYCLE)], dash, width=2.2))
            others += 1
    return tuple(keys)


def cycled_keys(labels: Sequence[str], *, dashed: bool = False, width: float = 2.2) -> list[Key]:
    """Colour and marker, and a dash on request, of each of `labels`, none of them the default."""
    keys, size = level_keys(labels, None), len(_CYCLE)
    symbols = [_SYMBOLS[(i + i // size) % size] for i in range(len(keys))]
    return [
        Key(key.label, key.colour, key.dash if dashed else "solid", symbol, width)
        for key, symbol in zip(keys, symbols, strict=True)
    ]


LINKED = {"linked": True}
"""`meta` of the layout of panels with the same axes: a zoom in one is one in all of its figure."""


def thin(number: float | None) -> float | None:
    """`number` to four decimals: more than can be drawn, at half the length."""
    return None if number is None else round(number, 4)


def scale_buttons(axis: str = "y", *, logarithmic: bool = False) -> dict[str, Any]:
    """A pair of buttons that make an axis linear or logarithmic; the second is on at first or not.

    The axis itself must have the type that is on.
    """
    choices = [("linear", "linear"), ("logarithmic", "log")]
    buttons = [
        {"label": label, "method": "relayout", "args": [{f"{axis}axis.type": kind}]}
        for label, kind in choices
    ]
    return switch(buttons, active=int(logarithmic))


def switch(buttons: Sequence[dict[str, Any]], *, active: int = 0) -> dict[str, Any]:
    """Buttons above the left end of a panel, of which one is on."""
    return {
        "type": "buttons",
        "direction": "right",
        "showactive": True,
        "x": 0,
        "xanchor": "left",
        "y": 1.02,
        "yanchor": "bottom",
        "pad": {"t": 0, "b": 2, "l": 0, "r": 0},
        "font": {"size": 10},
        "active": active,
        "buttons": list(buttons),
    }


def template(*, dark: bool) -> dict[str, Any]:
    """The Plotly template for light or dark ground."""
    ink, grid, axis, ground = (
        ("#e9e6df", "#34373b", "#8b8d90", "#17191c")
        if dark
        else ("#1d1d1b", "#e6e3dc", "#6d6b66", "#fffefb")
    )
    side = {
        "gridcolor": grid,
        "linecolor": axis,
        "tickcolor": axis,
        "showline": True,
        "ticks": "outside",
        "ticklen": 4,
        "zeroline": False,
        "automargin": True,
        "title": {"standoff": 8, "font": {"size": 12}},
    }
    font = {"family": "system-ui, 'Segoe UI', 'Helvetica Neue', Arial, sans-serif", "size": 12}
    return {
        "layout": {
            "font": {**font, "color": ink},
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "margin": {"l": 44, "r": 8, "t": 26, "b": 40},
            "xaxis": {**side, "showgrid": False},
            "yaxis": side,
            "hoverlabel": {
                "bgcolor": ground,
                "bordercolor": axis,
                "font": {**font, "color": ink},
            },
            "modebar": {"bgcolor": "rgba(0,0,0,0)", "color": axis, "activecolor": ink},
            "dragmode": "zoom",
            "updatemenudefaults": {"bgcolor": ground, "bordercolor": axis, "font": {"color": ink}},
            "sliderdefaults": {
                "bgcolor": ground,
                "bordercolor": axis,
                "tickcolor": axis,
                "font": {"color": ink},
            },
        }
    }
