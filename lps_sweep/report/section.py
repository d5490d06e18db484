"""What a section of the report is made of: text, tables and figures as data."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from lps_sweep.report.tables import Table, slug

if TYPE_CHECKING:
    from plotly.graph_objects import Figure as PlotlyFigure

__all__ = [
    "Block",
    "Dash",
    "Figure",
    "Fold",
    "Key",
    "Panel",
    "Section",
    "slug",
    "unique_tables",
]

Dash: TypeAlias = Literal["solid", "dash", "dot", "dashdot", "none"]


@dataclass(frozen=True)
class Key:
    """One entry of a figure's legend.

    Attributes:
        label: What it stands for.
        colour: A name in `figures.style.PALETTE`.
        dash: The line, or ``none``.
        symbol: Plotly's name of the marker, or empty.
        width: Of the line, in pixels.
    """

    label: str
    colour: str
    dash: Dash = "solid"
    symbol: str = ""
    width: float = 1.5


@dataclass(frozen=True)
class Panel:
    """One drawing of a figure, with its heading and the words that replace it for a listener."""

    title: str
    figure: PlotlyFigure
    description: str = ""


@dataclass(frozen=True)
class Figure:
    """A figure: drawn only when the page is made.

    Attributes:
        slug: Stable name: anchor, element ids and the name of saved images.
        title: The finding, as a sentence.
        caption: What is drawn, of how many runs, and what the interval is.
        keys: The legend.
        draw: Gives the panels.
        height_px: Of one panel.
        data: The slug of the table with the same numbers, or empty.
    """

    slug: str
    title: str
    caption: str
    keys: tuple[Key, ...]
    draw: Callable[[], tuple[Panel, ...]]
    height_px: int = 300
    data: str = ""


@dataclass(frozen=True)
class Fold:
    """Something behind a disclosure triangle: a table, or text to be printed as it is."""

    title: str
    content: Table | str


Block: TypeAlias = Table | Figure | Fold | str


@dataclass(frozen=True)
class Section:
    """A section of the report.

    Attributes:
        slug: Its anchor.
        title: Its heading.
        blocks: Paragraphs (plain text), tables, figures and folds, in order.
        findings: Sentences for the first screen.
    """

    slug: str
    title: str
    blocks: tuple[Block, ...]
    findings: tuple[str, ...] = ()

    @property
    def tables(self) -> tuple[Table, ...]:
        """Its tables, also the folded ones."""
        inner = (block.content if isinstance(block, Fold) else block for block in self.blocks)
        return tuple(block for block in inner if isinstance(block, Table))


def unique_tables(sections: Iterable[Section]) -> tuple[Table, ...]:
    """All tables of `sections` in order.

    Raises:
        ValueError: If two have the same slug, which would write the same file.
    """
    tables: dict[str, Table] = {}
    for section in sections:
        for table in section.tables:
            if table.slug in tables:
                raise ValueError(f"two tables are called {table.slug}")
            tables[table.slug] = table
    return tuple(tables.values())
