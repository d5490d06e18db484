"""The report as one offline HTML file."""

from __future__ import annotations

import base64
import gzip
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from importlib import resources
from typing import TYPE_CHECKING, Any

from lps_sweep.report.escape import clean, html_lines, script_json
from lps_sweep.report.facets import Choice, attributes, choices
from lps_sweep.report.marks import INTERVAL, WORDS
from lps_sweep.report.model import Figure, Section, unique_tables
from lps_sweep.report.pages.overview import Summary
from lps_sweep.report.render.html import to_html
from lps_sweep.report.style import PALETTE, template

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

    from lps_sweep.report.drawings import Drawing

CONFIG = {
    "displaylogo": False,
    "showSendToCloud": False,
    "modeBarButtons": [["resetScale2d"]],
}
"""Plotly's options: nothing that leaves the page."""
SCRIPTS = ("state.js", "choices.js", "tables.js", "figures.js", "links.js")
"""The parts of the page's script, in the order in which they run."""


def render_page(
    summary: Summary,
    sections: Sequence[Section],
    drawings: Sequence[Drawing],
    texts: Mapping[str, Mapping[str, str]],
) -> str:
    """The whole page; the same content gives the same bytes.

    Args:
        summary: The first screen.
        sections: What comes below it.
        drawings: The figures of `sections`, drawn.
        texts: By table, what is copied and saved of it: ``csv``, ``markdown`` and ``latex``.
    """
    from markupsafe import Markup

    tables = {table.slug: table for table in (*summary.tables, *unique_tables(sections))}
    js = "".join(asset(name) for name in SCRIPTS)
    plotly = _plotly()
    figures = script_json(_script_data(drawings)).encode()
    packed = {"figures": figures, "tables": script_json(texts).encode(), "plotly": plotly}
    whole = _environment().from_string(asset("report.html.j2"))
    return whole.render(
        page=summary,
        sections=sections,
        lead=lead_figure(sections),
        drawn=lambda figure: [drawing for drawing in drawings if drawing.figure is figure],
        has_bars=_has_bars,
        known=tables.keys(),
        choices=[*choices(drawings, tables.values()), *_bars_choice(drawings)],
        palette=[(f"c-{name}", *forms) for name, forms in PALETTE.items()],
        css=Markup(asset("report.css")),
        early=Markup(asset("early.js")),
        js=Markup(js),
        allowed=Markup(" ".join(map(_hash, (asset("early.js").encode(), js.encode(), plotly)))),
        **{name: Markup(_packed(content)) for name, content in packed.items()},
    )


def _environment() -> Environment:
    """Jinja's: text is made printable and escaped, wherever it stands."""
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup, escape

    def safe(value: object) -> object:
        return clean(value) if isinstance(value, str) and not isinstance(value, Markup) else value

    def labelled(label: str, bars: bool) -> Markup:
        """The label of a key, in which the page exchanges what bars of means show."""
        words, changing = escape(clean(label)), Markup(f'<span class="bars">{INTERVAL}</span>')
        return words.replace(INTERVAL, changing) if bars else words

    made = Environment(
        autoescape=True, undefined=StrictUndefined, keep_trailing_newline=True, finalize=safe
    )
    made.globals |= {
        "labelled": labelled,
        "lines": lambda text: Markup(html_lines(text)),
        "attributes": lambda facets: Markup(attributes(facets)),
        "html": lambda table: Markup(to_html(table)),
    }
    return made


def lead_figure(sections: Iterable[Section]) -> Figure | None:
    """The picture of the first screen, of all figures that offer to be it."""
    offers = [figure for section in sections for figure in section.figures if figure.lead]
    return max(offers, key=lambda figure: figure.lead, default=None)


def asset(name: str) -> str:
    """The text of a file in the package's `templates` folder."""
    path = resources.files("lps_sweep.report").joinpath("templates", name)
    return path.read_text(encoding="utf-8")


def _script_data(drawings: Sequence[Drawing]) -> dict[str, Any]:
    return {
        "panels": {
            d.place: {"data": d.data, "layout": d.layout, "title": d.title, "name": d.name}
            for d in drawings
        },
        "legends": {d.figure.slug: d.legend for d in drawings},
        "templates": {"light": template(dark=False), "dark": template(dark=True)},
        "colours": dict(PALETTE.values()),
        "config": CONFIG,
    }


def _plotly() -> bytes:
    """Plotly's script, read without the rest of Plotly."""
    return resources.files("plotly").joinpath("package_data", "plotly.min.js").read_bytes()


def _packed(content: bytes) -> str:
    return base64.b64encode(gzip.compress(content, 5, mtime=0)).decode("ascii")


def _hash(code: bytes) -> str:
    """A script as the page's policy names it: no other script may run."""
    digest = base64.b64encode(hashlib.sha256(code).digest()).decode("ascii")
    return f"'sha256-{digest}'"


def _bars_choice(drawings: Sequence[Drawing]) -> list[Choice]:
    """What bars of means show, where any are drawn."""
    found = Choice("interval", "Bars of means (differences keep theirs)", tuple(WORDS.items()))
    return [found] if _has_bars(drawings) else []


def _has_bars(drawings: Iterable[Drawing]) -> bool:
    metas = (trace.get("meta") for drawing in drawings for trace in drawing.data)
    return any(isinstance(meta, dict) and "sd" in meta for meta in metas)
