"""Untrusted text made harmless for each place that it is printed in."""

from __future__ import annotations

import html
import json
import re

from lps_sweep.text import printable

MINUS = "\u2212"
"""The typographic minus sign."""

_LATEX = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "±": r"$\pm$",
    MINUS: r"$-$",
    "\u00d7": r"$\times$",
    "\u2016": r"$\Vert$",
    "\u2013": "--",
    "\u00a0": "~",
    "—": "---",
    "\u2019": "'",
    "…": r"\ldots{}",
}
_MARKDOWN = re.compile(r"([\\`*_\[\]{}|~#!])")
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def clean(text: str) -> str:
    """`text` on one line, printable, without blanks at its ends."""
    return printable(text).strip()


def first_line(text: str, limit: int = 200) -> str:
    """The first line of `text` that is not blank, cleaned, at most `limit` characters."""
    lines = (clean(line) for line in text.splitlines())
    line = next((line for line in lines if line), "")
    return line if len(line) <= limit else line[: limit - 1] + "…"


def html_text(text: str) -> str:
    """For HTML text and quoted attributes."""
    return html.escape(clean(text), quote=True)


def html_lines(text: str) -> str:
    """For a `pre` element: lines and their indentation are kept."""
    lines = (printable(line.expandtabs(2)).rstrip() for line in text.splitlines())
    return html.escape("\n".join(lines), quote=True)


def markdown_text(text: str) -> str:
    """For a cell of a Markdown table; HTML in it stays text."""
    escaped = _MARKDOWN.sub(r"\\\1", clean(text))
    return escaped.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def latex_text(text: str) -> str:
    """For LaTeX's text mode; characters that T1 fonts lack become a question mark."""
    kept = (_LATEX.get(c, c if ord(c) < 0x180 else "?") for c in clean(text))
    return "".join(kept)


def csv_text(text: str) -> str:
    """For a CSV cell: text that a spreadsheet would run as a formula gets a leading quote."""
    text = clean(text) if not text.startswith(_FORMULA) else text[0] + clean(text[1:])
    if not text.startswith(_FORMULA):
        return text
    try:
        float(text)
    except ValueError:
        return "'" + clean(text)
    return text


def plot_text(text: str) -> str:
    """For Plotly's labels, which read some HTML tags and entities."""
    return clean(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def script_json(value: object) -> str:
    """Compact JSON that is safe inside a script element; refuses NaN and infinities."""
    text = json.dumps(value, allow_nan=False, sort_keys=True, separators=(",", ":"))
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
