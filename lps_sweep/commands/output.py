"""How the verbs speak: to a terminal, and to programs."""

from __future__ import annotations

import contextlib
import json
import shutil
import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TextIO, cast

from lps_sweep.text import printable_lines

if TYPE_CHECKING:
    from rich.console import Console

    from lps_sweep.process import Output

GAP = "  "


@contextlib.contextmanager
def open_console() -> Iterator[Console]:
    """The terminal, for the progress of a verb, which goes on without it."""
    from rich.console import Console

    class Terminal(Console):
        def print(self, *objects: Any, **options: Any) -> None:
            plain = (printable_lines(one) if isinstance(one, str) else one for one in objects)
            super().print(*plain, **options)

    outlive_output()
    with contextlib.closing(_output().beside()) as file:
        yield Terminal(file=cast("TextIO", file), soft_wrap=True)


def outlive_output() -> None:
    """Lets the verb go on where its output is lost, since it does more than print."""
    _output().losses.going_on = True


def _output() -> Output:
    return cast("Output", sys.stdout)


def print_json(content: Mapping[str, Any]) -> None:
    """Prints `content` for programs; it holds no number that is not finite."""
    print(json.dumps(content, indent=2, allow_nan=False))


def aligned(header: Sequence[str], rows: Iterable[Sequence[str]], sides: str) -> str:
    """A table in plain text.

    Args:
        header: A name for each column.
        rows: The cells of each row, as many as there are names.
        sides: For each column ``l`` if its cells begin at the left, ``r`` if they end at the right.
    """
    lines = [list(header), *map(list, rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(header))]
    texts = (
        GAP.join(
            cell.ljust(width) if side == "l" else cell.rjust(width)
            for cell, width, side in zip(line, widths, sides, strict=True)
        )
        for line in lines
    )
    return "\n".join(text.rstrip() for text in texts)


def wrapped(text: str, *, indent: str = "  ") -> str:
    """`text` in lines as long as the terminal allows, after the first begun with `indent`."""
    return textwrap.fill(
        text,
        terminal_width(),
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def terminal_width() -> int:
    """Characters in a line; 80 where there is no terminal."""
    return max(40, shutil.get_terminal_size().columns)


def in_columns(cells: Mapping[str, str]) -> str:
    """Names and their values, read from left to right, in as many columns as the terminal holds."""
    names, values = (max(map(len, part), default=0) for part in (cells.keys(), cells.values()))
    per_line = max(1, terminal_width() // (names + 1 + values + 3 * len(GAP)))
    texts = [f"{name:<{names}} {value:>{values}}" for name, value in cells.items()]
    return "\n".join(
        (GAP * 3).join(texts[start : start + per_line]) for start in range(0, len(texts), per_line)
    )


def number(value: float | None, digits: int = 1, *, signed: bool = False) -> str:
    """A number with so many decimals, never "-0.0"; a dash where there is none."""
    if value is None:
        return "-"
    text = f"{value:{'+' if signed else ''}.{digits}f}"
    return text if float(text) else f"{0:.{digits}f}"


def counted(number: int, of: str) -> str:
    """``1 trial``, ``2 trials``."""
    return f"{number} {of}{'' if number == 1 else 's'}"


def settings(values: Mapping[str, Any], nothing: str = "-") -> str:
    """``C=5 tau=0.2``, or `nothing`."""
    from lps_sweep.report.numbers import value_text
    from lps_sweep.text import printable

    texts = (f"{name}={printable(value_text(value))}" for name, value in values.items())
    return " ".join(texts) or nothing
