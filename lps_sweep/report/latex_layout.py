"""How a table fits the page of an article: wrapped, smaller, turned, long, or in parts."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from lps_sweep.report.table_model import WORDS, Table, shown_texts

LINE_PT = 340.0
"""Width of a line of text in an `article` of 10 points, a little less than it is."""
PAGE_PT = 530.0
"""Height of its text, which is the width of a table that lies on its side."""

_SIZES = {"": 1.0, r"\small": 0.9, r"\footnotesize": 0.8, r"\scriptsize": 0.7}
_CHARACTER_PT = 5.2
_LINE_HEIGHT_PT = 12.5
_CAPTION_PT = 60.0
_WRAPPED = 28
"""Characters above which the cells of a column of words are broken into lines."""
_LEAST_WRAPPED_PT = 85.0
_HEADING = 12
"""Characters of a heading that are not broken into lines, however narrow its column is."""


@dataclass(frozen=True)
class Part:
    """Columns of a table that are set together.

    Attributes:
        table: The table.
        places: Indices of the columns.
    """

    table: Table
    places: tuple[int, ...]

    @cached_property
    def _texts(self) -> list[list[str]]:
        return shown_texts(self.table, self.places)

    @property
    def head(self) -> list[str]:
        """The headings, unescaped."""
        return self._texts[0]

    @cached_property
    def body(self) -> list[list[str]]:
        """The cells as people read them, unescaped."""
        return self._texts[1:]

    def is_words(self, place: int) -> bool:
        """Whether the column at `place` of this part has words."""
        return self.table.columns[self.places[place]].kind in WORDS

    @property
    def spans(self) -> tuple[tuple[str, int], ...]:
        """Headings above groups of columns: labels, empty for none, and widths."""
        labels = dict.fromkeys(self.places, "")
        keys = [column.key for column in self.table.columns]
        for span in self.table.spans:
            inside = range(keys.index(span.first), keys.index(span.last) + 1)
            labels.update({i: span.label for i in self.places if i in inside})
        found: list[tuple[str, int]] = []
        for label in labels.values():
            if found and label and found[-1][0] == label:
                found[-1] = (label, found[-1][1] + 1)
            else:
                found.append((label, 1))
        return tuple(found)


@dataclass(frozen=True)
class Layout:
    """How a part is set.

    Attributes:
        size: The command for the size of type; empty for the document's own.
        turned: Whether it lies on its side.
        wrapped: By place, the width in points of columns whose cells are broken into lines.
        height_pt: About how high it is.
    """

    size: str
    turned: bool
    wrapped: dict[int, float]
    height_pt: float

    @property
    def long(self) -> bool:
        """Whether it is more than a page holds."""
        return self.height_pt > (LINE_PT if self.turned else PAGE_PT) - _CAPTION_PT


def laid_out(table: Table) -> list[tuple[Part, Layout]]:
    """The table whole if it fits, else the parts of it that do, each with the columns that lead."""
    places = tuple(i for i in table.shown if table.columns[i].kind != "link")
    return list(_fitting(Part(table, places), _leading(table, places)))


def _leading(table: Table, places: Sequence[int]) -> int:
    """Columns that tell the rows apart, three at the most; one if more were needed."""
    for count in (1, 2, 3):
        names = [tuple(str(row[i]) for i in places[:count]) for row in table.rows]
        if len(set(names)) == len(names):
            return count
    return 1


def _fitting(part: Part, leading: int) -> Iterator[tuple[Part, Layout]]:
    """The first of the ways to set it that fits, from the largest type; halves if none does."""
    layout = None
    for turned in (False, True):
        for size in _SIZES:
            layout = layout or _layout(part, size, turned=turned)
    if layout is not None:
        yield part, layout
        return
    lead, rest = part.places[:leading], part.places[leading:]
    if len(rest) < 2:
        yield part, Layout(r"\scriptsize", True, {}, 0.0)
        return
    half = (len(rest) + 1) // 2
    for chosen in (rest[:half], rest[half:]):
        yield from _fitting(Part(part.table, (*lead, *chosen)), leading)


def _layout(part: Part, size: str, *, turned: bool) -> Layout | None:
    """The layout in this size of type; None where the part is too wide for it."""
    scale, head, body = _SIZES[size], part.head, part.body
    wide = [
        i
        for i in range(len(head))
        if part.is_words(i) and any(len(row[i]) > _WRAPPED for row in body)
    ]
    widths = dict.fromkeys(wide, scale * _LEAST_WRAPPED_PT)
    for i, text in enumerate(head):
        if i not in wide:
            cells = max((_pt(row[i]) for row in body), default=0.0)
            lines = heading_lines(text, cells / _CHARACTER_PT)
            widths[i] = scale * max(cells, *map(_pt, lines))
    gaps = 2 * separation(size) * len(head)
    place, excess = 0, 0.0
    for label, count in part.spans:
        own = sum(widths[i] for i in range(place, place + count))
        excess += max(0.0, scale * _pt(label) - own)
        place += count
    free = (PAGE_PT if turned else LINE_PT) - gaps - excess - math.fsum(widths.values())
    if free < 0:
        return None
    free += sum(widths[i] for i in wide)
    roots = {i: math.sqrt(max(_pt(row[i]) for row in body)) for i in wide}
    wrapped = {i: free * root / math.fsum(roots.values()) for i, root in roots.items()}
    lines_of = [
        max((_lines(row[i], w / scale) for i, w in wrapped.items()), default=1) for row in body
    ]
    return Layout(size, turned, wrapped, scale * _LINE_HEIGHT_PT * (3 + sum(lines_of)))


def separation(size: str) -> float:
    """Half of the space between two columns, in points."""
    return 3.0 if size else 6.0


def heading_lines(heading: str, widest: float) -> list[str]:
    """A heading broken to about the width of its column, in characters."""
    return textwrap.wrap(heading, max(_HEADING, math.ceil(widest)), break_long_words=False) or [""]


def _pt(text: str) -> float:
    """About how wide `text` is in type of ten points."""
    return _CHARACTER_PT * (len(text) + 0.6 * sum(text.count(c) for c in "\u2212±—ABCDEFGHMNW"))


def _lines(text: str, width_pt: float) -> int:
    return math.ceil(1.1 * _pt(text) / width_pt)
