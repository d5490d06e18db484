"""The report as one offline HTML file."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Sequence
from importlib import resources
from typing import TYPE_CHECKING, Any

from lps_sweep.report.escape import html_lines, html_text, script_json
from lps_sweep.report.figures.style import PALETTE, template
from lps_sweep.report.section import Block, Figure, Fold, Key, Section
from lps_sweep.report.summary import Summary
from lps_sweep.report.tables import Table, to_csv, to_html, to_latex, to_markdown

if TYPE_CHECKING:
    from markupsafe import Markup

CONFIG = {
    "displaylogo": False,
    "showSendToCloud": False,
    "modeBarButtons": [["toImage", "resetScale2d"]],
}
"""Plotly's options: nothing that leaves the page."""

_LONG = 20
"""Rows above which a table scrolls in itself and can be filtered."""

_SYMBOL_SHAPES = {
    "circle": '<circle cx="17" cy="7" r="3.5" fill="{c}"/>',
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


def render_page(summary: Summary, sections: Sequence[Section]) -> str:
    """The whole page; the same content gives the same bytes."""
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    panels: dict[str, Any] = {}
    shown = [
        {
            "slug": section.slug,
            "title": section.title,
            "blocks": [_block(block, panels) for block in section.blocks],
        }
        for section in sections
    ]
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, keep_trailing_newline=True
    )
    return environment.from_string(asset("report.html.j2")).render(
        page={**vars(summary), "headline": _block(summary.headline, panels)},
        sections=shown,
        palette=[(f"c-{name}", forms) for name, forms in PALETTE.items()],
        css=Markup(asset("report.css")),
        js=Markup(asset("report.js")),
        figures=Markup(script_json(_script_data(panels))),
        plotly=Markup(_packed_plotly()),
    )


def asset(name: str) -> str:
    """The text of a file in the package's `templates` folder."""
    path = resources.files("lps_sweep.report").joinpath("templates", name)
    return path.read_text(encoding="utf-8")


def _script_data(panels: dict[str, Any]) -> dict[str, Any]:
    return {
        "panels": panels,
        "templates": {"light": template(dark=False), "dark": template(dark=True)},
        "colours": dict(PALETTE.values()),
        "config": CONFIG,
    }


def _packed_plotly() -> str:
    from plotly.offline import get_plotlyjs

    return base64.b64encode(gzip.compress(get_plotlyjs().encode(), 9, mtime=0)).decode("ascii")


def _block(block: Block, panels: dict[str, Any]) -> Markup:
    from markupsafe import Markup

    if isinstance(block, Table):
        return Markup(_table(block))
    if isinstance(block, Figure):
        return Markup(_figure(block, panels))
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
    search = (
        f'<label class="filter">Rows that contain '
        f'<input type="search" data-table="table-{name}"></label>\n'
        if long
        else ""
    )
    links = [
        _download(f"{table.slug}.csv", "text/csv", to_csv(table), "CSV"),
        _download(f"{table.slug}.md", "text/markdown", to_markdown(table), "Markdown"),
        _download(f"{table.slug}.tex", "application/x-tex", to_latex(table), "LaTeX"),
    ]
    return (
        f'<div class="table">{search}<div class="scroll{" tall" if long else ""}" role="region" '
        f'aria-label="Table {name}" tabindex="0">\n{to_html(table)}\n</div>\n'
        f'<p class="tools">Save as {" ".join(links)}</p></div>'
    )


def _download(name: str, kind: str, text: str, label: str) -> str:
    data = base64.b64encode(text.encode()).decode("ascii")
    target = f"data:{kind};charset=utf-8;base64,{data}"
    return f'<a download="{html_text(name)}" href="{target}">{label}</a>'


def _figure(figure: Figure, panels: dict[str, Any]) -> str:
    drawn = []
    for number, panel in enumerate(figure.draw()):
        place = f"{figure.slug}-{number}"
        panels[place] = _panel_data(panel.figure.to_json(), figure.height_px)
        words = html_text(
            f"{panel.title}: {panel.description}" if panel.description else panel.title
        )
        drawn.append(
            f'<div class="panel"><h4>{html_text(panel.title)}</h4>'
            f'<div class="plot" id="{html_text(place)}" role="img" aria-label="{words}" '
            f'style="height:{figure.height_px}px"><p class="wait">Figure</p></div></div>'
        )
    keys = "".join(f"<li>{_key(key)}{html_text(key.label)}</li>" for key in figure.keys)
    return (
        f'<figure id="{html_text(figure.slug)}"><h3>{html_text(figure.title)}</h3>\n'
        f'<ul class="keys">{keys}</ul>\n<div class="panels">{"".join(drawn)}</div>\n'
        f"<figcaption>{html_text(figure.caption)}</figcaption></figure>"
    )


def _panel_data(text: str, height_px: int) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(text)
    data["layout"].pop("template", None)
    data["layout"]["height"] = height_px
    return data


def _key(key: Key) -> str:
    colour = f"var(--c-{key.colour})"
    line = ""
    if key.dash != "none":
        dashes = f' stroke-dasharray="{_DASHES[key.dash]}"' if _DASHES[key.dash] else ""
        line = f'<path d="M0 7H34" stroke="{colour}" stroke-width="{key.width}"{dashes}/>'
    shape = _SYMBOL_SHAPES[key.symbol].format(c=colour) if key.symbol else ""
    return f'<svg viewBox="0 0 34 14" aria-hidden="true">{line}{shape}</svg>'
