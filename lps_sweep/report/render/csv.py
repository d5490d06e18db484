"""Tables as CSV."""

from __future__ import annotations

import csv
import io
import math

from lps_sweep.report.escape import csv_text
from lps_sweep.report.model import PARTS, Cell, Table
from lps_sweep.report.numbers import value_text


def to_csv(table: Table) -> str:
    """All columns with raw numbers; a missing cell is empty."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([csv_text(key) for column in table.columns for key in column.keys])
    for row in table.rows:
        out: list[str] = []
        for column, cell in zip(table.columns, row, strict=True):
            if column.kind in PARTS:
                pair = cell if isinstance(cell, tuple) else (None, None)
                out.extend(_csv_cell(part) for part in pair)
            else:
                out.append(_csv_cell(cell))
        writer.writerow(out)
    return stream.getvalue()


def _csv_cell(cell: Cell) -> str:
    if cell is None or (isinstance(cell, float) and not math.isfinite(cell)):
        return ""
    if isinstance(cell, bool):
        return value_text(cell)
    if isinstance(cell, int | float):
        return repr(cell)
    return csv_text(cell if isinstance(cell, str) else value_text(cell))
