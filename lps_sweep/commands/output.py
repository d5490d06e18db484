"""How the verbs speak: to a terminal, and to programs."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table


@contextlib.contextmanager
def open_console() -> Iterator[Console]:
    """The terminal, under a file descriptor of its own that nothing else redirects."""
    from rich.console import Console

    sys.stdout.flush()
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as file:
        yield Console(file=file, soft_wrap=True)


def plain_table(*columns: str, left: int = 1) -> Table:
    """A table without lines; its first `left` columns begin at the left, numbers end at the right.

    Nothing in it is read as markup, and a long word is broken before a number is.
    """
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), highlight=False)
    for number, name in enumerate(columns):
        at_left = number < left
        table.add_column(
            name, justify="left" if at_left else "right", overflow="fold", no_wrap=not at_left
        )
    return table


def print_json(content: Mapping[str, object]) -> None:
    """Prints `content` for programs; there are no numbers in it that are not finite."""
    print(json.dumps(content, indent=2, allow_nan=False))
