"""What a figure was run with, for its caption."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from lps_sweep.report.reference import NAMES
from lps_sweep.report.tables import value_text

if TYPE_CHECKING:
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


def _frozen(frozen: Json) -> str:
    if frozen in (None, "none"):
        return ", nothing frozen" if frozen else ""
    return f" frozen through {value_text(frozen)}"
