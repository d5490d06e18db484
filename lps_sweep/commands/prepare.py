"""`prepare`: photographs decoded once, for training to map into memory."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from lps_sweep.commands.output import open_console
from lps_sweep.errors import BadInputError, ExitCode, nearest
from lps_sweep.signals import advised

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console
    from rich.progress import Progress

    from lps_sweep.data.imagenet100 import Manifest

PREPARED = ("imagenet100",)
"""Data sets that have to be prepared; the others are read as they are."""

LINE_INTERVAL_S = 30.0


def prepare(
    *, dataset: str, root: Path, size: int | None, skip_corrupt: bool, workers: int | None
) -> int:
    """Prepares the images of `dataset`; what is there already is verified."""
    from lps_sweep.config import DataConfig
    from lps_sweep.data.prepare import prepare as prepare_images

    if dataset not in PREPARED:
        hint = nearest(dataset, PREPARED)
        raise BadInputError(f"{dataset!r} is no data set to prepare; {hint}", where="dataset")
    advice = "whole classes are kept. Give the same command again to go on."
    with open_console() as console, _bar(console) as bar, advised(advice):
        manifest = prepare_images(
            root,
            DataConfig.image_size if size is None else size,
            skip_corrupt=skip_corrupt,
            num_workers=workers,
            report=_reporter(console, bar),
        )
        bar.stop()
        _tell(console, root, manifest)
    return ExitCode.DONE


def _bar(console: Console) -> Progress:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.progress import TimeElapsedColumn as Elapsed
    from rich.progress import TimeRemainingColumn as Remaining

    columns = (TextColumn("images"), BarColumn(), MofNCompleteColumn(), Elapsed(), Remaining())
    return Progress(*columns, console=console, disable=not console.is_terminal)


def _reporter(console: Console, bar: Progress) -> Callable[[int, int], None]:
    """Moves the bar, or prints a line now and then where there is no terminal."""
    task = bar.add_task("images", total=None)
    line_due = time.monotonic() + LINE_INTERVAL_S

    def report(done: int, total: int) -> None:
        nonlocal line_due
        bar.update(task, completed=done, total=total)
        if not console.is_terminal and time.monotonic() >= line_due:
            line_due = time.monotonic() + LINE_INTERVAL_S
            console.print(f"{done}/{total} images", highlight=False)

    return report


def _tell(console: Console, root: Path, manifest: Manifest) -> None:
    """What is there now."""
    from lps_sweep.data.imagenet100 import are_reference_classes, prepared_folder

    size = manifest.image_size
    folder = prepared_folder(root, size)
    skipped = f", {manifest.num_skipped} skipped" if manifest.num_skipped else ""
    console.print(
        f"{manifest.num_images} images of {len(manifest.classes)} classes at {size} x {size}"
        f"{skipped}: {folder}",
        highlight=False,
    )
    same = are_reference_classes(one.name for one in manifest.classes)
    text = "the classes are those of the reference" if same else (
        "the classes are others than the reference's ImageNet-100: do not compare with its numbers"
    )  # fmt: skip
    console.print(text, highlight=False)
