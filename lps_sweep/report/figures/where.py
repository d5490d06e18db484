"""What a figure was run with, for its caption."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from lps_sweep.report.reference import NAMES
from lps_sweep.report.tables import value_text

if TYPE_CHECKING:
    from lps_sweep.report.cells import Cell
    from lps_sweep.results import Json


def where_text(settings: Mapping[str, Json], *left_out: str) -> str:
    """``Setting: digits, 50 % labeled, small_cnn frozen through stage3; ...``; no full stop.

    Names in `left_out` are those that the figure itself varies.
    """
    known = {name: value for name, value in settings.items() if name not in left_out}
    dataset, ratio = str(known.get("dataset", "")), known.get("labeled_ratio")
    frozen = known.get("frozen_through")
    parts = [NAMES.get(dataset, dataset)] if dataset else []
    parts += [f"{100 * ratio:g}\u00a0% labeled"] if isinstance(ratio, int | float) else []
    parts += [f"{value_text(known['network'])}{_frozen(frozen)}"] if "network" in known else []
    parts += [f"{value_text(known['epochs'])} epochs"] if "epochs" in known else []
    text = ", ".join(parts)
    rule = "values after the last epoch of done trials"
    return f"Setting: {text}; {rule}" if text else rule.capitalize()


def seeds_text(cells: Iterable[Cell]) -> str:
    """``n 3 each``, or ``n 0 to 3; 4 of 15 planned trials are not done and left out``."""
    shown = list(cells)
    counts = sorted({cell.num_done for cell in shown}) or [0]
    n = f"n {counts[0]} each" if len(counts) == 1 else f"n {counts[0]} to {counts[-1]}"
    planned = sum(cell.planned for cell in shown)
    missing = sum(sum(cell.causes.values()) for cell in shown)
    return n + (
        f"; {missing} of {planned} planned trials are not done and left out" if missing else ""
    )


def _frozen(frozen: Json) -> str:
    if frozen in (None, "none"):
        return ", nothing frozen" if frozen else ""
    return f" frozen through {value_text(frozen)}"
