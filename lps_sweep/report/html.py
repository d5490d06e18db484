"""The report as one offline HTML file."""

from __future__ import annotations

import base64
import gzip
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Any

from lps_sweep.report.escape import html_lines, html_text, script_json
from lps_sweep.report.facets import Choice, attributes, choices, panel_facets
from lps_sweep.report.figures.bars import INTERVAL, WORDS
from lps_sweep.report.figures.style import PALETTE, template
from lps_sweep.report.section import Block, Figure, Fold, Key, Section, unique_tables
from lps_sweep.report.summary import Summary
from lps_sweep.report.tables import Table, to_csv, to_html, to_latex, to_markdown

if TYPE_CHECKING:
    from markupsafe import Markup

    from lps_sweep.report.drawings import Drawing

CONFIG = {
    "displaylogo": False,
    "showSendToCloud": False,
    "modeBarButtons": [["resetScale2d"]],
}
"""Plotly's options: nothing that leaves the page."""

_LONG = 20
"""Rows above which a table scrolls in itself and can be filtered."""

SCRIPTS = ("state.js", "choices.js", "tables.js", "figures.js", "links.js")
"""The parts of the page's script, in the order in which they run."""

_SYMBOL_SHAPES = {
    "circle": '<circle cx="17" cy="7" r="3.5" fill="{c}"/>',
    "circle-open": '<circle cx="17" cy="7" r="5" fill="none" stroke="{c}" stroke-width="1.2"/>',
    "square": '<rect x="13.5" y="3.5" width="7" height="7" fill="{c}"/>',
    "square-open": (
        '<rect x="12" y="1.5" width="11" height="11" fill="none" stroke="{c}" stroke-width="2.5"/>'
    ),
    "diamond": '<path d="M17 2l5 5-5 5-5-5z" fill="{c}"/>',
    "diamond-open": (
        '<path d="M17 1.5l5.5 5.5-5.5 5.5-5.5-5.5z" fill="var(--ground)" '
        'stroke="{c}" stroke-width="1.5"/>'
    ),
    "triangle-up": '<path d="M17 2.5l4.5 8h-9z" fill="{c}"/>',
    "triangle-down": '<path d="M17 11.5l4.5-8h-9z" fill="{c}"/>',
    "x": '<path d="M14 4l6 6m0-6l-6 6" stroke="{c}" stroke-width="2.5"/>',
    "cross": '<path d="M17 2.5v9m-4.5-4.5h9" stroke="{c}" stroke-width="2.5"/>',
    "star": (
        '<path d="M17 2l1.5 3.5 3.5.5-2.6 2.4.8 3.6-3.2-1.9-3.2 1.9.8-3.6L12 6l3.5-.5z" '
        'fill="{c}"/>'
    ),
}
_DASHES = {"solid": "", "dash": "7 4", "dot": "2 3", "dashdot": "7 3 2 3"}


def render_page(
    summary: Summary, sections: Sequence[Section], drawings: Sequence[Drawing] = ()
) -> str:
    """The whole page; the same content gives the same bytes.

    Args:
        summary: The first screen.
        sections: What comes below it.
        drawings: The figures of `sections`, drawn.
    """
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    tables = {table.slug: table for table in (summary.headline, *unique_tables(sections))}
    page = _Page({drawing.place: drawing for drawing in drawings}, frozenset(tables))
    shown = [
        {
            "slug": section.slug,
            "title": section.title,
            "blocks": [_block(block, page) for block in section.blocks],
        }
        for section in sections
    ]
    js = "".join(asset(name) for name in SCRIPTS)
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, keep_trailing_newline=True
    )
    return environment.from_string(asset("report.html.j2")).render(
        page={**vars(summary), "headline": _block(summary.headline, page)},
        sections=shown,
        choices=[*choices(drawings, tables.values()), *_bars_choice(drawings)],
        palette=[(f"c-{name}", *forms) for name, forms in PALETTE.items()],
        css=Markup(asset("report.css")),
        early=Markup(asset("early.js")),
        js=Markup(js),
        allowed=Markup(" ".join(map(_hash, (asset("early.js"), js, _plotly())))),
        figures=Markup(_packed(script_json(_script_data(page)))),
        tables=Markup(_packed(script_json({s: _texts(t) for s, t in tables.items()}))),
        plotly=Markup(_packed(_plotly())),
    )


@dataclass(frozen=True)
class _Page:
    """What blocks need to know of the page: the drawings by place, and the names of its tables."""

    drawings: Mapping[str, Drawing]
    tables: frozenset[str]


def asset(name: str) -> str:
    """The text of a file in the package's `templates` folder."""
    path = resources.files("lps_sweep.report").joinpath("templates", name)
    return path.read_text(encoding="utf-8")


def _script_data(page: _Page) -> dict[str, Any]:
    return {
        "panels": {place: drawing.page_data for place, drawing in page.drawings.items()},
        "legends": {d.slug: d.legend for d in page.drawings.values()},
        "templates": {"light": template(dark=False), "dark": template(dark=True)},
        "colours": dict(PALETTE.values()),
        "config": CONFIG,
    }


def _texts(table: Table) -> dict[str, str]:
    return {"csv": to_csv(table), "markdown": to_markdown(table), "latex": to_latex(table)}


def _plotly() -> str:
    from plotly.offline import get_plotlyjs

    return str(get_plotlyjs())


def _packed(text: str) -> str:
    return base64.b64encode(gzip.compress(text.encode(), 9, mtime=0)).decode("ascii")


def _hash(code: str) -> str:
    """A script as the page's policy names it: no other script may run."""
    digest = base64.b64encode(hashlib.sha256(code.encode()).digest()).decode("ascii")
    return f"'sha256-{digest}'"


def _block(block: Block, page: _Page) -> Markup:
    from markupsafe import Markup

    if isinstance(block, Table):
        return Markup(_table(block))
    if isinstance(block, Figure):
        return Markup(_figure(block, page))
    if isinstance(block, Fold):
        content = block.content
        inner = (
            _table(content)
            if isinstance(content, Table)
            else f'<pre tabindex="0">{html_lines(content)}</pre>'
        )
        title = html_text(block.title)
        return Markup(f"<details><summary>{title}</summary>\n{inner}\n</details>")
    return Markup(f"<p>{html_text(block)}</p>")


def _table(table: Table) -> str:
    name = html_text(table.slug)
    long = len(table.rows) > _LONG
    return (
        f'<div class="table" data-table="{name}"><div class="scroll{" tall" if long else ""}" '
        f'role="region" aria-label="Table {name}" tabindex="0">\n{to_html(table)}\n</div></div>'
    )


def _figure(figure: Figure, page: _Page) -> str:
    drawn = []
    name, title = html_text(figure.slug), html_text(figure.title)
    for drawing in (d for d in page.drawings.values() if d.slug == figure.slug):
        words = drawing.title
        facets = attributes(panel_facets(drawing.title))
        words = html_text(f"{words}: {drawing.description}" if drawing.description else words)
        drawn.append(
            f'<div class="panel"{facets}><h4>{html_text(drawing.title)}</h4>'
            f'<div class="plot" id="{html_text(drawing.place)}" role="group" aria-label="{words}" '
            f'style="height:{figure.height_px}px"><p class="wait">Figure</p></div></div>'
        )
    bars = _has_bars(d for d in page.drawings.values() if d.slug == figure.slug)
    keys = "".join(f"<li>{_key(key)}{_key_words(key, bars=bars)}</li>" for key in figure.keys)
    numbers = ""
    if figure.data in page.tables:
        numbers = f'<a href="#table-{html_text(figure.data)}">The numbers</a>'
    return (
        f'<figure id="{name}"><h3>{title}&nbsp;<a class="anchor" href="#{name}" '
        f'aria-label="Link to this figure">#</a></h3>\n'
        f'<ul class="keys">{keys}</ul>\n<div class="panels">{"".join(drawn)}</div>\n'
        f"<figcaption>{html_text(figure.caption)}</figcaption>"
        f'<p class="tools">{numbers}</p></figure>'
    )


def _bars_choice(drawings: Sequence[Drawing]) -> list[Choice]:
    """What bars of means show, where any are drawn."""
    found = Choice("interval", "Bars of means (differences keep theirs)", tuple(WORDS.items()))
    return [found] if _has_bars(drawings) else []


def _has_bars(drawings: Iterable[Drawing]) -> bool:
    metas = (trace.get("meta") for drawing in drawings for trace in drawing.data)
    return any(isinstance(meta, dict) and "sd" in meta for meta in metas)


def _key_words(key: Key, *, bars: bool) -> str:
    """The label, in which the page exchanges what bars of means show."""
    words = html_text(key.label)
    return words.replace(INTERVAL, f'<span class="bars">{INTERVAL}</span>') if bars else words


def _key(key: Key) -> str:
    colour = f"var(--c-{key.colour})"
    line = ""
    if key.dash != "none":
        dashes = f' stroke-dasharray="{_DASHES[key.dash]}"' if _DASHES[key.dash] else ""
        line = f'<path d="M0 7H34" stroke="{colour}" stroke-width="{key.width}"{dashes}/>'
    shape = _SYMBOL_SHAPES[key.symbol].format(c=colour) if key.symbol else ""
    return f'<svg viewBox="0 0 34 14" aria-hidden="true">{line}{shape}</svg>'
