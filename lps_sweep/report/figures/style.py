"""Colours, markers and the two Plotly templates, shared by all figures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lps_sweep.report.section import Dash, Key
from lps_sweep.report.tables import value_text

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

PALETTE: dict[str, tuple[str, str]] = {
    "ink": ("#000000", "#E9E6DF"),
    "blue": ("#0072B2", "#56B4E9"),
    "vermillion": ("#D55E00", "#D55E01"),
    "green": ("#009E73", "#009E74"),
    "purple": ("#CC79A7", "#CC79A8"),
    "orange": ("#E69F00", "#E69F01"),
    "sky": ("#56B4E8", "#0072B3"),
    "grey": ("#767676", "#B4B4B4"),
}
"""The colours of Okabe and Ito, on light and on dark ground.

In figures a colour is written in its light form and exchanged in the browser; last digits
differ so that each light and dark form occurs once.
"""

_CYCLE = ("blue", "vermillion", "green", "purple", "orange", "sky")
_DASHES: tuple[Dash, ...] = ("dash", "dot", "dashdot", "solid")
_SYMBOLS = ("circle", "square", "diamond", "triangle-up", "triangle-down", "x", "cross", "star")


def light(colour: str) -> str:
    """The colour as written in figures."""
    return PALETTE[colour][0]


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


def new_figure() -> Figure:
    """An empty figure without a template: the page adds the one of the reader's theme."""
    import plotly.graph_objects as go

    return go.Figure(layout={"template": "none", "showlegend": False})


def thin(number: float | None) -> float | None:
    """`number` to four decimals: more than can be drawn, at half the length."""
    return None if number is None else round(number, 4)


def scale_buttons() -> dict[str, Any]:
    """A pair of buttons that make the y axis linear or logarithmic."""
    choices = [("linear", "linear"), ("logarithmic", "log")]
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
        "buttons": [
            {"label": label, "method": "relayout", "args": [{"yaxis.type": kind}]}
            for label, kind in choices
        ],
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
