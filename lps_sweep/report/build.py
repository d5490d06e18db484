"""From a sweep in the ledger to its files: the report, the tables, and what they were made of."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from importlib import metadata, resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lps_sweep.errors import StorageError
from lps_sweep.failpoints import failpoint
from lps_sweep.files import inside, read_file, sweep_folder
from lps_sweep.report.maps import maps_digest
from lps_sweep.results import Ledger, atomic_write, driver_alive, sha256_file
from lps_sweep.results.confirmed import confirmation_digest

if TYPE_CHECKING:
    from lps_sweep.report.drawings import Drawing
    from lps_sweep.report.section import Section
    from lps_sweep.report.tables import Table
    from lps_sweep.results.view import SweepView

REPORT = "report.html"
MANIFEST = "report.json"
TABLES = "tables"
FIGURES = "figures"
_SOURCES = (".py", ".j2", ".css", ".js", ".csv")


def build_report(results_dir: Path, sweep: str) -> Path:
    """Write the report of `sweep`, its tables and figures, unless those there are up to date.

    Works at any time of a sweep, also before the first trial is done.

    Args:
        results_dir: The results folder.
        sweep: Name of the sweep.

    Returns:
        The path of the report, ``results_dir/sweep/report.html``.

    Raises:
        BadInputError: There is no ledger, or no sweep of this name.
        StorageError: The ledger cannot be read, or a file not be written.
    """
    with Ledger.open(results_dir) as ledger:
        digest = ledger.digest(sweep, driver_alive(results_dir))
        confirmed = confirmation_digest(ledger, sweep)
    folder = _folder(results_dir, sweep)
    report = folder / REPORT
    version = report_version() + maps_digest(folder) + confirmed
    if _up_to_date(folder, digest, version):
        return report
    from lps_sweep.report.drawings import draw_all
    from lps_sweep.report.html import render_page
    from lps_sweep.report.summary import summarise
    from lps_sweep.results.view import load_view

    view = load_view(results_dir, sweep)
    sections = _sections(view)
    summary = summarise(view, sections)
    drawings = draw_all(sections)
    page = render_page(summary, sections, drawings)
    failpoint("report.write")
    written = _write_tables(folder, [summary.headline, *_tables(sections)])
    written += _write_figures(folder, drawings)
    atomic_write(report, page.encode("utf-8"))
    _remove_old(folder, written)
    failpoint("report.manifest")
    write_manifest(folder, view.digest, version, [report, *written])
    return report


def write_tables(results_dir: Path, sweep: str) -> list[Path]:
    """Write the tables of `sweep` alone, as CSV, Markdown and LaTeX.

    Returns:
        The paths, in the order of the report.

    Raises:
        BadInputError: There is no ledger, or no sweep of this name.
        StorageError: The ledger cannot be read, or a file not be written.
    """
    from lps_sweep.report.summary import summarise
    from lps_sweep.results.view import load_view

    view = load_view(results_dir, sweep)
    sections = _sections(view)
    tables = [summarise(view, sections).headline, *_tables(sections)]
    return _write_tables(_folder(results_dir, sweep), tables)


def _folder(results_dir: Path, sweep: str) -> Path:
    """The folder of the sweep; StorageError if it, or one that is written, is a link elsewhere."""
    for name in (TABLES, FIGURES):
        inside(sweep_folder(results_dir, sweep), name)
    return sweep_folder(results_dir, sweep)


def report_version() -> str:
    """SHA-256 over what decides how a digest becomes bytes.

    The source of this package and of the statistics and the paper's numbers that it prints, and
    the version of plotly, whose script is embedded.
    """
    state = hashlib.sha256(metadata.version("plotly").encode())
    for package in ("lps_sweep.report", "lps_sweep.results"):
        for name, content in sorted(_source_files(resources.files(package), package)):
            state.update(f"{name}\n{len(content)}\n".encode())
            state.update(content)
    return state.hexdigest()


def _source_files(folder: Traversable, prefix: str) -> list[tuple[str, bytes]]:
    found: list[tuple[str, bytes]] = []
    for entry in folder.iterdir():
        name = f"{prefix}/{entry.name}"
        if entry.is_dir():
            found += _source_files(entry, name)
        elif entry.name.endswith(_SOURCES):
            found.append((name, entry.read_bytes()))
    return found


def _sections(view: SweepView) -> list[Section]:
    from lps_sweep.report.figures import all_sections

    return all_sections(view)


def _tables(sections: list[Section]) -> list[Table]:
    from lps_sweep.report.section import unique_tables

    return list(unique_tables(sections))


def _write_tables(folder: Path, tables: list[Table]) -> list[Path]:
    from lps_sweep.report.tables import to_csv, to_latex, to_markdown

    written = []
    for table in tables:
        for suffix, render in ((".csv", to_csv), (".md", to_markdown), (".tex", to_latex)):
            path = folder / TABLES / f"{table.slug}{suffix}"
            written.append(_write(path, render(table)))
    return written


def _write_figures(folder: Path, drawings: Sequence[Drawing]) -> list[Path]:
    from lps_sweep.report.drawings import to_data_csv, to_plotly

    written = []
    for drawing in drawings:
        for suffix, render in ((".json", to_plotly), (".csv", to_data_csv)):
            written.append(_write(folder / FIGURES / f"{drawing.name}{suffix}", render(drawing)))
    return written


def _write(path: Path, text: str) -> Path:
    content = text.encode("utf-8")
    if not path.is_file() or path.read_bytes() != content:
        atomic_write(path, content)
    return path


def write_manifest(folder: Path, digest: str, version: str, files: Sequence[Path]) -> None:
    """Write what the report in `folder` was made of, and the hash of each of its `files`."""
    hashes = {path.relative_to(folder).as_posix(): sha256_file(path) for path in files}
    content = {"digest": digest, "report_version": version, "files": hashes}
    text = json.dumps(content, indent=1, sort_keys=True) + "\n"
    atomic_write(folder / MANIFEST, text.encode("utf-8"))


def _remove_old(folder: Path, written: list[Path]) -> None:
    """Remove tables, figures and images known from the manifest that this report has not."""
    known = read_manifest(folder).get("files", {})
    for name in known if isinstance(known, dict) else ():
        for part in (TABLES, FIGURES):
            path = folder / part / Path(name).name
            if name == f"{part}/{path.name}" and path not in written:
                path.unlink(missing_ok=True)


def read_manifest(folder: Path) -> dict[str, Any]:
    """What `write_manifest` wrote into `folder`; empty where there is nothing of the kind."""
    try:
        content = json.loads(read_file(folder / MANIFEST))
    except (StorageError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def _up_to_date(folder: Path, digest: str, version: str) -> bool:
    content = read_manifest(folder)
    files = content.get("files")
    if content.get("digest") != digest or content.get("report_version") != version:
        return False
    if not isinstance(files, dict) or REPORT not in files:
        return False
    try:
        return all(sha256_file(inside(folder, name)) == known for name, known in files.items())
    except StorageError:
        return False
