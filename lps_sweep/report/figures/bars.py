"""The bars of means over seeds: their t interval as drawn, their standard deviation beside it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lps_sweep.report.figures.style import light, thin

if TYPE_CHECKING:
    from lps_sweep.results.statistics import Description

INTERVAL = "95 % t interval"
"""What bars of means show at first; the page exchanges the words with the bars."""
WORDS = {"": INTERVAL, "sd": "standard deviation", "none": "no interval"}
"""What they can show, by the word in the URL."""


def mean_bars(
    stats: Sequence[Description], colour: str, *, thickness: float = 1.6, width: float = 5
) -> dict[str, Any]:
    """Arguments of a trace of the means of `stats`, in percent: vertical bars, none below 3 seeds.

    ``error_y`` ends at the 95 % t interval of each mean; ``meta["sd"]`` has what the page puts in
    its place for one standard deviation to both sides. All are cut at 0 and 100.

    Args:
        stats: One for each mean, in the order of the trace.
        colour: A name in `figures.style.PALETTE`.
        thickness: Of the lines, in pixels.
        width: Half the length of the ends, in pixels.
    """
    intervals = [s.interval or (s.mean, s.mean) for s in stats]
    spreads = [(s.mean - (s.sd or 0.0), s.mean + (s.sd or 0.0)) for s in stats]
    look = {"type": "data", "symmetric": False, "thickness": thickness, "width": width}
    bars = {**look, "color": light(colour), **_arms(stats, intervals)}
    return {"error_y": bars, "meta": {"sd": _arms(stats, spreads)}}


def _arms(
    stats: Sequence[Description], ends: Sequence[tuple[float, float]]
) -> dict[str, list[float | None]]:
    pairs = list(zip(stats, ends, strict=True))
    return {
        "array": [thin(max(0.0, min(high, 100.0) - s.mean)) for s, (_, high) in pairs],
        "arrayminus": [thin(max(0.0, s.mean - max(low, 0.0))) for s, (low, _) in pairs],
    }
