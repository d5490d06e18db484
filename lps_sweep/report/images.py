"""The figures of a report as SVG, PNG and PDF, where a browser is there to draw them."""

from __future__ import annotations

import importlib.util
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from lps_sweep.files import atomic_write, sweep_folder
from lps_sweep.report.build import FIGURES, build_report, claim, read_manifest, write_manifest

FORMATS = ("svg", "png", "pdf")
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


@dataclass(frozen=True)
class Images:
    """The images written, or why there are none."""

    paths: tuple[Path, ...]
    reason: str = ""


def write_images(results_dir: Path, sweep: str) -> Images:
    """Draw every figure of the report of `sweep`, which is built first, in one batch.

    Images that are there already and of this report are left.

    Raises:
        BadInputError: There is no ledger, or no sweep of this name.
        StorageError: The ledger cannot be read, or a file not be written.
    """
    build_report(results_dir, sweep)
    folder = sweep_folder(results_dir, sweep)
    known = read_manifest(folder)
    names = [Path(n) for n in known["files"] if n.startswith(f"{FIGURES}/") and n.endswith(".json")]
    targets = [folder / name.with_suffix(f".{kind}") for name in names for kind in FORMATS]
    if all(target.relative_to(folder).as_posix() in known["files"] for target in targets):
        return Images(tuple(targets))
    reason = missing()
    if not reason:
        claim(folder, {target.relative_to(folder).as_posix(): b"" for target in targets})
        reason = _draw([folder / name for name in names])
    if reason:
        return Images((), reason)
    files = [folder / name for name in known["files"]]
    write_manifest(folder, known["digest"], known["report_version"], [*files, *targets])
    return Images(tuple(targets))


def missing() -> str:
    """What images need and is not there; empty where nothing is missing."""
    if importlib.util.find_spec("kaleido") is None:
        return "the package kaleido is not installed"
    if not _browser():
        return "no Chromium or Chrome is on the path"
    return ""


def _browser() -> str:
    return next(filter(None, map(shutil.which, BROWSERS)), "")


_HOMES = ("XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME")
"""Where the browser keeps settings and caches: not in the user's home."""


def _draw(figures: list[Path]) -> str:
    """Write the images beside `figures`; says why where the browser fails."""
    import plotly.io as pio

    drawn = [pio.from_json(path.read_text(encoding="utf-8"), skip_invalid=True) for path in figures]
    with tempfile.TemporaryDirectory() as place:
        made = {
            Path(place) / f"{number}.{kind}": path.with_suffix(f".{kind}")
            for number, path in enumerate(figures)
            for kind in FORMATS
        }
        wanted = [figure for figure in drawn for _ in FORMATS]
        homes = {"BROWSER_PATH": _browser(), **os.environ, **dict.fromkeys(_HOMES, place)}
        try:
            with mock.patch.dict(os.environ, homes):
                pio.write_images(wanted, [str(path) for path in made])
            contents = {target: path.read_bytes() for path, target in made.items()}
        except Exception as error:  # whatever the browser or its driver raises
            return f"the browser failed: {type(error).__name__}: {error}"
    for target, content in contents.items():
        atomic_write(target, content)
    return ""
