"""Tables as booktabs LaTeX that fits the page of an article."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lps_sweep.report.escape import latex_text
from lps_sweep.report.latex_layout import Layout, Part, heading_lines, laid_out, separation
from lps_sweep.report.table_model import Table, strong_places

_UNBROKEN = 20
"""Characters of a word above which it may be broken anywhere."""
_PIECE = 8


def to_latex(table: Table) -> str:
    r"""The table with `booktabs` rules; marked rows are bold in their first cell.

    A `table` where it fits; smaller or, if that is not enough, a `sidewaystable`; a `longtable`
    where it is higher than a page; several where it is too wide even so. Columns of words are
    broken into lines where they are wide. Links of the page are left out. The first line names
    the packages that it needs.
    """
    parts = laid_out(table)
    needs = dict.fromkeys(name for _, layout in parts for name in _needs(table, layout))
    lines = [f"% needs {' and '.join(needs)}"]
    for number, (part, layout) in enumerate(parts, start=1):
        more = f" (Part {number} of {len(parts)}.)" if len(parts) > 1 else ""
        suffix = f"-{number}" if number > 1 else ""
        caption = rf"\caption{{{latex_text(table.caption + more)}}}"
        lines += _environment(part, layout, caption, rf"\label{{tab:{table.slug}{suffix}}}")
    return "\n".join(lines) + "\n"


def _needs(table: Table, layout: Layout) -> Iterator[str]:
    yield r"\usepackage{booktabs}"
    yield r"\usepackage[T1]{fontenc}"
    if table.muted:
        yield r"\usepackage{xcolor}"
    if layout.wrapped:
        yield r"\usepackage{array}"
    if layout.long:
        yield r"\usepackage{longtable}"
    if layout.turned:
        yield r"\usepackage{pdflscape}" if layout.long else r"\usepackage{rotating}"


def _environment(part: Part, layout: Layout, caption: str, label: str) -> list[str]:
    top = [r"\toprule", *_spans(part), _row(_heads(part, layout)), r"\midrule"]
    rows = [_row(cells) for cells in _cells(part, layout)]
    if layout.wrapped:
        rows = [rf"\addlinespace {row}" if i else row for i, row in enumerate(rows)]
    columns = "".join(_columns(part, layout))
    room = rf"\setlength{{\tabcolsep}}{{{separation(layout.size):.0f}pt}}"
    small = [layout.size, room] if layout.size else []
    if not layout.long:
        name = "sidewaystable" if layout.turned else "table"
        below = r"\setlength{\belowcaptionskip}{6pt}"
        start = [rf"\begin{{{name}}}", r"\centering", below, caption, label, *small]
        inner = [rf"\begin{{tabular}}{{{columns}}}", *top, *rows, r"\bottomrule", r"\end{tabular}"]
        return [*start, *inner, rf"\end{{{name}}}"]
    inner = [
        r"\setlength{\LTcapwidth}{\linewidth}",
        rf"\begin{{longtable}}{{{columns}}}",
        rf"{caption}{label} \\",
        *top,
        r"\endfirsthead",
        *top,
        r"\endhead",
        r"\bottomrule",
        r"\endfoot",
        *rows,
        r"\end{longtable}",
    ]
    start, end = [r"\begingroup", *small], [r"\endgroup"]
    if layout.turned:
        start, end = [r"\begin{landscape}", *start], [*end, r"\end{landscape}"]
    return [*start, *inner, *end]


def _columns(part: Part, layout: Layout) -> Iterator[str]:
    for place in range(len(part.places)):
        if place in layout.wrapped:
            yield rf">{{\raggedright\arraybackslash}}p{{{layout.wrapped[place]:.0f}pt}}"
        else:
            yield "l" if part.is_words(place) else "r"


def _heads(part: Part, layout: Layout) -> list[str]:
    body = part.body
    found = []
    for place, text in enumerate(part.head):
        widest = max((len(row[place]) for row in body), default=0)
        lines = [text] if place in layout.wrapped else heading_lines(text, widest)
        escaped = r" \\ ".join(map(latex_text, lines))
        side = "l" if part.is_words(place) else "r"
        found.append(rf"\shortstack[{side}]{{{escaped}}}" if len(lines) > 1 else escaped)
    return found


def _cells(part: Part, layout: Layout) -> list[list[str]]:
    """The cells, escaped and emphasised."""
    table = part.table
    rows = [
        [_wrapped(text) if place in layout.wrapped else latex_text(text) for place, text in row]
        for row in map(enumerate, part.body)
    ]
    for number in table.marked:
        rows[number][0] = rf"\textbf{{{rows[number][0]}}}"
    for number, place in strong_places(table, part.places):
        rows[number][place] = rf"\textbf{{{rows[number][place]}}}"
    for number in table.muted:
        rows[number] = [rf"\textcolor{{gray}}{{{text}}}" for text in rows[number]]
    return rows


def _wrapped(text: str) -> str:
    return " ".join(_breakable(word) for word in text.split(" "))


def _breakable(word: str) -> str:
    if len(word) <= _UNBROKEN:
        return latex_text(word)
    pieces = (word[start : start + _PIECE] for start in range(0, len(word), _PIECE))
    return r"\allowbreak{}".join(map(latex_text, pieces))


def _row(cells: Sequence[str]) -> str:
    # A bracket after a row end would be read as its optional argument.
    first = "{" + cells[0] + "}" if cells[0].startswith("[") else cells[0]
    return " & ".join([first, *cells[1:]]) + r" \\"


def _spans(part: Part) -> list[str]:
    if not part.table.spans:
        return []
    cells, rules, place = [], [], 1
    for label, width in part.spans:
        cells.append(rf"\multicolumn{{{width}}}{{c}}{{{latex_text(label)}}}")
        if label:
            rules.append(rf"\cmidrule(lr){{{place}-{place + width - 1}}}")
        place += width
    return [_row(cells), *rules]
