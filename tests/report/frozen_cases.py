"""The tables and figures of finished sweeps, frozen: what a change of the report must leave alone.

``finished/`` is a results folder with five sweeps of the digits, made once in short: its host is
blanked, and of its artefacts those are left that the report reads, with fewer features.
``frozen/SWEEP`` has the CSV of each of their tables, and of each figure the points that it draws.

Where a change is meant, ``python -m tests.report.frozen_cases`` writes both anew; say so under
"changes results" in the changelog.
"""

from __future__ import annotations

import csv
import io
import math
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from lps_sweep.report.drawings import draw_all, to_data_csv
from lps_sweep.report.model import unique_tables
from lps_sweep.report.pages import all_sections
from lps_sweep.report.pages.overview import summarise
from lps_sweep.report.render.csv import to_csv
from lps_sweep.results import load_view

FINISHED = Path(__file__).with_name("finished")
FROZEN = Path(__file__).with_name("frozen")
SWEEPS = ("net_grid", "net_arms", "net_search", "net_front", "net_one")
FREE_TABLES = re.compile(r"search_importance.*|search_reaching.*")
"""Tables that may change: importances of parameters."""
NEW_COLUMNS = {"default_cell": frozenset({"selected", "selected_sd", "selected_n"})}
"""By table or figure, the columns that it has and the frozen one has not."""
POINT = ("panel", "trial", "x", "y", "z", "low", "high")
"""The columns of a frozen figure, a row per drawn point."""
_ID = re.compile(r"[0-9a-f]{16}|[+-]?\d+")
"""Cells that are equal or not: ids and counts."""

Frozen = Mapping[str, str]
"""CSV by name: ``TABLE.csv``, or ``figures/SLUG.csv``."""


def built(folder: Path, sweep: str) -> Frozen:
    """The tables and drawn points of `sweep` in the results `folder`, as they are made today."""
    view = load_view(folder, sweep)
    sections = all_sections(view)
    tables = (*summarise(view, sections).tables, *unique_tables(sections))
    found = {f"{t.slug}.csv": to_csv(t) for t in tables if not FREE_TABLES.fullmatch(t.slug)}
    points: dict[str, list[list[str]]] = {}
    for drawing in draw_all(sections):
        rows = csv.DictReader(io.StringIO(to_data_csv(drawing)))
        drawn = [[drawing.panel.title, *(row[name] for name in POINT[1:])] for row in rows]
        points.setdefault(drawing.figure.slug, []).extend(drawn)
    for slug, rows_ in points.items():
        stream = io.StringIO()
        csv.writer(stream, lineterminator="\n").writerows([POINT, *sorted(rows_, key=_place)])
        found[f"figures/{slug}.csv"] = stream.getvalue()
    return found


def _place(row: Sequence[str]) -> list[tuple[float, str]]:
    return [(_number(cell), cell) for cell in row]


def _number(cell: str) -> float:
    try:
        number = float(cell)
    except ValueError:
        return 0.0
    return number if math.isfinite(number) else 0.0


def frozen(sweep: str) -> Frozen:
    """What was frozen of `sweep`."""
    folder = FROZEN / sweep
    paths = sorted(folder.rglob("*.csv"))
    return {path.relative_to(folder).as_posix(): path.read_text("utf-8") for path in paths}


def differences(old: Frozen, new: Frozen) -> Iterator[str]:
    """What is missing or new in `new`, and the first other cell of each CSV; nothing where equal.

    Words, ids and counts are compared as they are, numbers to 1e-9 of their size or absolutely.
    """
    for name in sorted({*old, *new}):
        if name not in new or name not in old:
            yield f"{name}: {'missing' if name in old else 'new'}"
        else:
            yield from _differences(name, _rows(old[name]), _rows(new[name]))


def _rows(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text)))


def _differences(name: str, old: list[list[str]], new: list[list[str]]) -> Iterator[str]:
    stem = Path(name).stem
    head = [key for key in new[0] if key not in NEW_COLUMNS.get(stem, frozenset())]
    if head != old[0] or len(old) != len(new):
        yield f"{name}: {len(old) - 1} rows of {old[0]}, now {len(new) - 1} of {head}"
        return
    kept = [new[0].index(key) for key in head]
    for number, (before, row) in enumerate(zip(old[1:], new[1:], strict=True), 1):
        after = [row[i] for i in kept]
        for key, one, other in zip(head, before, after, strict=True):
            if not _equal(one, other):
                yield f"{name}, row {number}, {key}: {one!r}, now {other!r}"
                return


def _equal(one: str, other: str) -> bool:
    if one == other:
        return True
    if _ID.fullmatch(one) or _ID.fullmatch(other):
        return False
    try:
        return math.isclose(float(one), float(other), rel_tol=1e-9, abs_tol=1e-9)
    except ValueError:
        return False


def _freeze() -> None:
    with tempfile.TemporaryDirectory() as folder:
        finished = shutil.copytree(
            FINISHED, Path(folder) / "results"
        )  # a report leaves files there
        for sweep in SWEEPS:
            shutil.rmtree(FROZEN / sweep, ignore_errors=True)
            for name, text in built(finished, sweep).items():
                path = FROZEN / sweep / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, "utf-8")


if __name__ == "__main__":
    _freeze()
