"""Tables as booktabs LaTeX that `adjustbox` fits to the page of an article."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from lps_sweep.report.escape import latex_text
from lps_sweep.report.model import WORDS, Table
from lps_sweep.report.numbers import shown_texts, strong_places

_ROWS = {False: 40, True: 25}
"""Most rows of a `table`, and of one that lies on its side."""
_LINE = 90
"""Characters of a row above which a table is laid on its side."""
_HEADING = 12
"""Characters of a heading that are not broken into lines, however narrow its column is."""
_WRAPPED = 28
"""Characters above which the cells of a column of words are broken into lines."""
_UNBROKEN = 20
"""Characters of a word above which it may be broken anywhere."""
_PIECE = 8
_FIT = r"max width=\linewidth, max totalheight=0.85\textheight"


def to_latex(table: Table) -> str:
    r"""The table with `booktabs` rules; marked rows are bold in their first cell.

    A `table`, or a `sidewaystable` where its rows are long, made as small as the page asks by
    `adjustbox`; several of them, each with the headings, where it has more rows than a page holds.
    Columns of words are broken into lines where they are wide. Links of the page are left out. The
    first line names the packages that it needs.
    """
    places = [i for i in table.shown if table.columns[i].kind != "link"]
    texts = shown_texts(table, places)
    widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
    wrapped = {
        place
        for place, width in enumerate(widths)
        if width > _WRAPPED and table.columns[places[place]].kind in WORDS
    }
    shown = (min(width, _WRAPPED) if i in wrapped else width for i, width in enumerate(widths))
    turned = sum(shown) > _LINE
    head = [*_spans(table, places), _row(_heads(table, places, texts, wrapped))]
    rows = [_row(cells) for cells in _cells(table, places, texts[1:], wrapped)]
    size = _ROWS[turned]
    pieces = [rows[start : start + size] for start in range(0, len(rows), size)] or [[]]
    lines = [f"% needs {' and '.join(_packages(table, turned))}"]
    for number, piece in enumerate(pieces, start=1):
        more = f" (Part {number} of {len(pieces)}.)" if len(pieces) > 1 else ""
        label = table.slug + (f"-{number}" if number > 1 else "")
        name = "sidewaystable" if turned else "table"
        lines += [
            rf"\begin{{{name}}}",
            r"\centering",
            r"\setlength{\belowcaptionskip}{6pt}",
            rf"\caption{{{latex_text(table.full_caption + more)}}}",
            rf"\label{{tab:{label}}}",
            rf"\begin{{adjustbox}}{{{_FIT}}}",
            rf"\begin{{tabular}}{{{''.join(_columns(table, places, wrapped))}}}",
            *(r"\toprule", *head, r"\midrule", *piece, r"\bottomrule"),
            *(r"\end{tabular}", r"\end{adjustbox}", rf"\end{{{name}}}"),
        ]
    return "\n".join(lines) + "\n"


def _packages(table: Table, turned: bool) -> Iterator[str]:
    yield r"\usepackage{booktabs}"
    yield r"\usepackage[T1]{fontenc}"
    yield r"\usepackage{adjustbox}"
    yield r"\usepackage{array}"
    if table.muted:
        yield r"\usepackage{xcolor}"
    if turned:
        yield r"\usepackage{rotating}"


def _columns(table: Table, places: Sequence[int], wrapped: set[int]) -> Iterator[str]:
    for place, index in enumerate(places):
        if place in wrapped:
            yield r">{\raggedright\arraybackslash}p{45mm}"
        else:
            yield "l" if table.columns[index].kind in WORDS else "r"


def _heads(
    table: Table, places: Sequence[int], texts: Sequence[Sequence[str]], wrapped: set[int]
) -> Iterator[str]:
    head, *body = texts
    for place, text in enumerate(head):
        width = max([_HEADING, *(len(row[place]) for row in body)])
        lines = [text]
        if place not in wrapped:
            lines = textwrap.wrap(text, width, break_long_words=False) or [""]
        side = "l" if table.columns[places[place]].kind in WORDS else "r"
        escaped = r" \\ ".join(map(latex_text, lines))
        yield rf"\shortstack[{side}]{{{escaped}}}" if len(lines) > 1 else escaped


def _cells(
    table: Table, places: Sequence[int], texts: Sequence[Sequence[str]], wrapped: set[int]
) -> list[list[str]]:
    """The cells, escaped and emphasised."""
    rows = [
        [_breakable(text) if place in wrapped else latex_text(text) for place, text in row]
        for row in map(enumerate, texts)
    ]
    for number in table.marked:
        rows[number][0] = rf"\textbf{{{rows[number][0]}}}"
    for number, place in strong_places(table, places):
        rows[number][place] = rf"\textbf{{{rows[number][place]}}}"
    for number in table.muted:
        rows[number] = [rf"\textcolor{{gray}}{{{text}}}" for text in rows[number]]
    return rows


def _breakable(text: str) -> str:
    return " ".join(
        r"\allowbreak{}".join(map(latex_text, textwrap.wrap(word, _PIECE)))
        if len(word) > _UNBROKEN
        else latex_text(word)
        for word in text.split(" ")
    )


def _row(given: Iterator[str] | Sequence[str]) -> str:
    first, *others = given
    # A bracket after a row end would be read as its optional argument.
    return " & ".join(["{" + first + "}" if first.startswith("[") else first, *others]) + r" \\"


def _spans(table: Table, places: Sequence[int]) -> list[str]:
    """The row of headings above groups of columns, and the rules below them."""
    cells, rules, start = [], [], 1
    for label, width in table.spans(places):
        cells.append(rf"\multicolumn{{{width}}}{{c}}{{{latex_text(label)}}}")
        if label:
            rules.append(rf"\cmidrule(lr){{{start}-{start + width - 1}}}")
        start += width
    return [_row(cells), *rules] if cells else []
