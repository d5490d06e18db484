"""All parameters side by side: the forest and the effect ranges."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lps_sweep.report.pages.effects import (
    range_table,
    ranges_of,
    read_varied,
    sections,
)
from lps_sweep.results import Json, SweepView, load_view
from tests.report.report_cases import SETTINGS, make_ledger, record

AXES: dict[str, list[Json]] = {
    "tau": [0.2, 0.3, 0.4, 0.5, 0.6],
    "C": [1, 5, 10, 15, 20],
    "eta1": [0.2, 0.6, 1.0],
    "eta2": [0.2, 0.6, 1.0],
}
DEFAULT = (0.4, 10, 1.0, 1.0)
KNOWN: dict[str, Json] = {**SETTINGS, "eta1": 1.0, "eta2": 1.0}
POINTS = list(
    dict.fromkeys(
        (*DEFAULT[:place], level, *DEFAULT[place + 1 :])
        for place, levels in enumerate(AXES.values())
        for level in (DEFAULT[place], *levels)
    )
)
"""The default, and every other level of each parameter by itself."""


def finals(point: Sequence[Any], seed: int) -> dict[str, float]:
    """The truth: tau and C matter, the etas do not at all."""
    noise = np.random.default_rng([seed, *(int(100 * v) for v in point)]).normal(0, 0.2)
    value = 90 - 20 * abs(point[0] - 0.4) - 0.4 * abs(point[1] - 10) + noise + 0.3 * seed
    return {"acc_seen": 99.0, "acc_novel": value, "acc_all": value}


def view_of(folder: Path, margin: float | None = None, **known: Any) -> SweepView:
    sweep = record(AXES, settings=KNOWN, name="ofat", margin=margin)
    return load_view(
        make_ledger(folder, sweep, points=POINTS, epochs=1, finals=finals, **known), "ofat"
    )


def test_ranges_are_in_the_true_order(tmp_path: Path) -> None:
    view = view_of(tmp_path)
    ranges = ranges_of(read_varied(view))
    found = {one.parameter: one for one in ranges}
    assert {*list(found)[:2]} == {"tau", "C"}
    words = {name: one.beyond for name, one in found.items()}
    assert words == {"tau": "yes", "C": "yes", "eta1": "no", "eta2": "no"}
    tau = found["tau"].found
    assert (tau.highest, tau.levels, tau.n) == ("0.4", 5, 3)
    assert tau.range == pytest.approx(4.0, abs=0.5)
    seen = next(r for r in range_table(ranges).rows if r[:2] == ("eta1", "Seen"))
    assert seen[6:8] == (None, None), "no level is the highest where all are equal"


def test_crossed_parameters_have_both_and_a_search_has_none(tmp_path: Path) -> None:
    crossed = record({"C": [1, 10], "tau": [0.2, 0.4]})
    view = load_view(make_ledger(tmp_path / "a", crossed, epochs=1), "c_tau")
    slugs = [t.slug for section in sections(view) for t in section.tables]
    assert slugs == ["forest", "effect_ranges"]
    search: dict[str, Json] = {"objectives": ["oracle.acc_all"], "sampler": "tpe"}
    asked = record({"C": [1, 10], "tau": [0.2, 0.4]}, search=search)
    assert sections(load_view(make_ledger(tmp_path / "c", asked, epochs=1), "c_tau")) == []


def test_parameters_that_move_together_stand_once(tmp_path: Path) -> None:
    sweep = record({"C": [5, 10, 20], "tau": [0.2, 0.4, 0.6]})
    rows = [(5, 0.2), (10, 0.4), (20, 0.6)]
    view = load_view(make_ledger(tmp_path, sweep, points=rows, epochs=1), "c_tau")
    assert [levels.parameter for levels in read_varied(view)] == ["C"]
