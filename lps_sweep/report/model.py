"""What the report is made of, as data: sections of text, tables, figures and folds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from lps_sweep.report.plot import Plot

if TYPE_CHECKING:
    from plotly.graph_objects import Figure as PlotlyFigure

Pair: TypeAlias = tuple[float | None, float | None]
Cell: TypeAlias = str | int | float | bool | Pair | None
Kind: TypeAlias = Literal[
    "text", "value", "number", "signed", "mean_sd", "interval", "link", "trial"
]
Dash: TypeAlias = Literal["solid", "dash", "dot", "dashdot", "none"]
Facets: TypeAlias = Mapping[str, str]
"""What the page can be narrowed to, see `report.facets`: ``{"metric": "seen"}``."""

WORDS = frozenset({"text", "link", "trial"})
"""Kinds of column whose cells are words."""

PARTS: dict[str, tuple[str, str]] = {"mean_sd": ("mean", "sd"), "interval": ("low", "high")}


@dataclass(frozen=True)
class Column:
    """One column of a table, and what it reads.

    Attributes:
        key: Its name in CSV; a `mean_sd` or `interval` column becomes two, with
            ``_mean`` and ``_sd`` or ``_low`` and ``_high`` appended.
        label: Its heading for people.
        kind: What the cells are: `text`, a `value` of a parameter or a count (printed as it
            is), a `number`, a `signed` number, a pair of mean and standard deviation, a pair of
            the ends of an interval, a `link`: the id of a place on the page, or the id of a
            `trial`. None is a missing cell of any kind.
        digits: Decimals of a number when printed; CSV has all of them.
        of: What it reads of a row, for `Table.of`: the path of an attribute, the key of a mapping,
            or a function of the row; what is called `key` where it is None.
        hidden: Whether only CSV has it.
        facets: What the page narrows the column by.
        says: The facet that its cells tell of their rows; empty for none.
        span: A heading above this column and the adjoining ones with the same.
        percent: Whether an interval is of a percentage, and is printed within 0 and 100.
    """

    key: str
    label: str
    kind: Kind = "text"
    digits: int = 1
    of: str | Callable[..., Cell] | None = None
    hidden: bool = False
    facets: Facets = field(default_factory=dict)
    says: str = ""
    span: str = ""
    percent: bool = False

    @property
    def keys(self) -> tuple[str, ...]:
        """Its names in CSV."""
        parts = PARTS.get(self.kind)
        return (self.key,) if parts is None else tuple(f"{self.key}_{part}" for part in parts)

    def read(self, row: Any) -> Cell:
        """Its cell of `row`."""
        if callable(self.of):
            return self.of(row)
        path = self.of or self.key
        found: Cell = row[path] if isinstance(row, Mapping) else attrgetter(path)(row)
        return found


@dataclass(frozen=True)
class Table:
    """A table: raw cells and how to print them.

    Attributes:
        slug: Stable name: of the files, the anchor and the LaTeX label.
        caption: What the numbers are, in one or two sentences.
        columns: The columns; the first is the row heading.
        rows: Each with one cell per column.
        marked: Indices of rows to emphasise, for instance the default setting.
        muted: Indices of rows in grey: numbers of others, which are not ranked with the rest.
        strong: Row index and column key of single cells to emphasise.
        notes: How the numbers are made; behind a fold on the page.
    """

    slug: str
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    marked: frozenset[int] = frozenset()
    muted: frozenset[int] = frozenset()
    strong: frozenset[tuple[int, str]] = frozenset()
    notes: str = ""

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(f"{self.slug}: {len(row)} cells for {len(self.columns)} columns")

    @classmethod
    def of(
        cls,
        slug: str,
        caption: str,
        columns: Iterable[Column],
        rows: Iterable[Any],
        **more: Any,
    ) -> Table:
        """A table in which each column reads its cell of each of `rows`; `more` as attributes."""
        kept = tuple(columns)
        cells = tuple(tuple(column.read(row) for column in kept) for row in rows)
        return cls(slug, caption, kept, cells, **more)

    @property
    def shown(self) -> tuple[int, ...]:
        """Indices of the columns that people see."""
        return tuple(i for i, column in enumerate(self.columns) if not column.hidden)

    def spans(self, places: Sequence[int]) -> tuple[tuple[str, int], ...]:
        """The row of headings above the columns `places`: labels, empty for none, and widths.

        Empty where no column of the table has one.
        """
        if not any(column.span for column in self.columns):
            return ()
        groups = groupby(self.columns[i].span for i in places)
        return tuple((label, len(list(some))) for label, some in groups)

    @property
    def full_caption(self) -> str:
        """Caption and notes, for where there is no fold."""
        return f"{self.caption} {self.notes}".strip()


@dataclass(frozen=True)
class Key:
    """One entry of a figure's legend, and how what it stands for is drawn.

    Attributes:
        label: What it stands for.
        colour: A name in `style.PALETTE`.
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
    """One drawing of a figure.

    Attributes:
        title: Its heading.
        plot: What is drawn.
        description: Words that replace it for a listener.
        facets: What the page narrows it by.
    """

    title: str
    plot: Plot
    description: str = ""
    facets: Facets = field(default_factory=dict)

    @property
    def figure(self) -> PlotlyFigure:
        """Plotly's figure, to look at and to go on with.

        Raises:
            ValueError: Plotly does not know what is drawn.
        """
        import plotly.graph_objects as go

        return go.Figure({"data": self.plot.data, "layout": self.plot.layout})


@dataclass(frozen=True)
class Figure:
    """A figure: drawn only when the page is made.

    Attributes:
        slug: Stable name: anchor, element ids and the name of saved images.
        title: The finding, as a sentence.
        caption: What is drawn, and of how many runs, in about two lines.
        keys: The legend.
        draw: Gives the panels.
        height_px: Of one panel.
        data: The slug of the table with the same numbers, or empty.
        notes: How it is made and what it does not say; behind a fold on the page.
        lead: The figure with the highest number above zero is the picture of the first screen.
    """

    slug: str
    title: str
    caption: str
    keys: tuple[Key, ...]
    draw: Callable[[], tuple[Panel, ...]]
    height_px: int = 300
    data: str = ""
    notes: str = ""
    lead: int = 0


@dataclass(frozen=True)
class Fold:
    """Blocks behind a disclosure triangle: one, or several, or text to be printed as it is."""

    title: str
    content: Table | Figure | str | tuple[Table | Figure, ...]

    @property
    def blocks(self) -> tuple[Table | Figure | str, ...]:
        """What is inside."""
        return self.content if isinstance(self.content, tuple) else (self.content,)


Block: TypeAlias = Table | Figure | Fold | str


@dataclass(frozen=True)
class Section:
    """A section of the report.

    Attributes:
        slug: Its anchor.
        title: Its heading.
        blocks: Paragraphs (plain text), tables, figures and folds, in order.
        findings: Sentences for the first screen.
        folded: Whether the page shows only its heading at first.
    """

    slug: str
    title: str
    blocks: tuple[Block, ...]
    findings: tuple[str, ...] = ()
    folded: bool = False

    @property
    def parts(self) -> tuple[Table | Figure | str, ...]:
        """Its blocks, folds opened."""
        each = (block.blocks if isinstance(block, Fold) else (block,) for block in self.blocks)
        return tuple(part for parts in each for part in parts)

    @property
    def tables(self) -> tuple[Table, ...]:
        """Its tables, also the folded ones."""
        return tuple(part for part in self.parts if isinstance(part, Table))

    @property
    def figures(self) -> tuple[Figure, ...]:
        """Its figures, also the folded ones."""
        return tuple(part for part in self.parts if isinstance(part, Figure))


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
