"""From a sweep in the ledger to its files: the report, the tables, and what they were made of."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from importlib import metadata, resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lps_sweep.errors import BadInputError, StorageError
from lps_sweep.failpoints import failpoint
from lps_sweep.files import atomic_write, inside, read_file, sha256_file, sweep_folder
from lps_sweep.report.maps import maps_digest
from lps_sweep.results import Ledger, driver_alive
from lps_sweep.results.confirmed import confirmation_digest
from lps_sweep.results.folds import folds_digest
from lps_sweep.results.noise import noise_digest

if TYPE_CHECKING:
    from lps_sweep.report.model import Section, Table
    from lps_sweep.report.pages.overview import Summary
    from lps_sweep.results.view import SweepView

REPORT = "report.html"
MANIFEST = "report.json"
TABLES = "tables"
FIGURES = "figures"
FORMS = {"csv": "csv", "markdown": "md", "latex": "tex"}
"""The forms of a table, and the ends of their files' names."""
_FOREIGN = "no report made this, and one would replace it; move it away"
_SAME = 8
_TITLE = b": sweep report</title>"
_BEGINNING = 1 << 16
"""Bytes of a file in which it is recognised."""
_BESIDE = (confirmation_digest, noise_digest, folds_digest)
_SOURCES = (".py", ".j2", ".css", ".js", ".csv", ".toml")


def build_report(results_dir: Path, sweep: str) -> Path:
    """Write the report of `sweep`, its tables and figures, unless those there are up to date.

    Works at any time of a sweep, also before the first trial is done.

    Args:
        results_dir: The results folder.
        sweep: Name of the sweep.

    Returns:
        The path of the report, ``results_dir/sweep/report.html``.

    Raises:
        BadInputError: There is no ledger, no sweep of this name, or a file that no report made.
        StorageError: The ledger cannot be read, or a file not be written.
    """
    with Ledger.open(results_dir) as ledger:
        digest = ledger.digest(sweep, driver_alive(results_dir))
        beside = "".join(of(ledger, sweep) for of in _BESIDE)
    folder = _folder(results_dir, sweep)
    report = folder / REPORT
    version = report_version() + maps_digest(folder) + beside
    if _up_to_date(folder, digest, version):
        return report
    from lps_sweep.report.drawings import draw_all, to_data_csv, to_plotly
    from lps_sweep.report.page import render_page
    from lps_sweep.results.view import load_view

    view = load_view(results_dir, sweep)
    summary, sections, tables = _read(view)
    drawings = draw_all(sections)
    tabulated = _table_texts(tables)
    page = render_page(summary, sections, drawings, tabulated)
    texts = _table_files(tabulated)
    for drawing in drawings:
        texts[f"{FIGURES}/{drawing.name}.json"] = to_plotly(drawing)
        texts[f"{FIGURES}/{drawing.name}.csv"] = to_data_csv(drawing)
    failpoint("report.write")
    written = _write(folder, {**texts, REPORT: page})
    _remove_old(folder, written)
    failpoint("report.manifest")
    write_manifest(folder, view.digest, version, written)
    return report


def write_tables(results_dir: Path, sweep: str) -> list[Path]:
    """Write the tables of `sweep` alone, as CSV, Markdown and LaTeX.

    Returns:
        The paths, in the order of the report.

    Raises:
        BadInputError: There is no ledger, no sweep of this name, or a file that no report made.
        StorageError: The ledger cannot be read, or a file not be written.
    """
    from lps_sweep.results.view import load_view

    *_, tables = _read(load_view(results_dir, sweep))
    return _write(_folder(results_dir, sweep), _table_files(_table_texts(tables)))


def _read(view: SweepView) -> tuple[Summary, list[Section], list[Table]]:
    """The first screen, the sections below it, and the tables of both."""
    from lps_sweep.report.model import unique_tables
    from lps_sweep.report.pages import all_sections
    from lps_sweep.report.pages.overview import summarise

    sections = all_sections(view)
    summary = summarise(view, sections)
    return summary, sections, [*summary.tables, *unique_tables(sections)]


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
        with resources.as_file(resources.files(package)) as folder:
            for path in sorted(p for p in folder.rglob("*") if p.suffix in _SOURCES):
                content = path.read_bytes()
                state.update(f"{package}/{path.relative_to(folder)}\n{len(content)}\n".encode())
                state.update(content)
    return state.hexdigest()


def _table_texts(tables: list[Table]) -> dict[str, dict[str, str]]:
    """Each table in each of `FORMS`, by its slug."""
    from lps_sweep.report.render.csv import to_csv
    from lps_sweep.report.render.latex import to_latex
    from lps_sweep.report.render.markdown import to_markdown

    forms = (("csv", to_csv), ("markdown", to_markdown), ("latex", to_latex))
    return {table.slug: {form: render(table) for form, render in forms} for table in tables}


def _table_files(texts: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    return {
        f"{TABLES}/{slug}.{FORMS[form]}": text
        for slug, forms in texts.items()
        for form, text in forms.items()
    }


def _write(folder: Path, texts: Mapping[str, str]) -> list[Path]:
    """Write files by name, once none of them is in the place of somebody else's."""
    contents = {name: text.encode("utf-8") for name, text in texts.items()}
    claim(folder, contents)
    for name, content in contents.items():
        path = folder / name
        if not path.is_file() or path.read_bytes() != content:
            atomic_write(path, content)
    return [folder / name for name in contents]


def claim(folder: Path, contents: Mapping[str, bytes]) -> None:
    """Refuse to replace what is no earlier report's, and put the names of `contents` on record.

    An earlier report's is what the manifest names; without one, what begins as `contents` do.

    Args:
        folder: The folder of the sweep.
        contents: What is to be written, by name; empty where the bytes are not known yet.

    Raises:
        BadInputError: Something else is there.
    """
    known = _known_files(folder)
    for name, content in contents.items():
        path = folder / name
        for place, is_wrong in ((path.parent, path.parent.is_file()), (path, path.is_dir())):
            if is_wrong:
                raise BadInputError(_FOREIGN, str(place))
        if name not in known and path.is_file() and not _is_like(path, content):
            raise BadInputError(_FOREIGN, str(path))
    if not contents.keys() <= known.keys():
        write_manifest(folder, "", "", [], {**known, **dict.fromkeys(contents, "")})


def _known_files(folder: Path) -> dict[str, str]:
    """The files of the report in `folder`; a damaged manifest knows of none."""
    files = read_manifest(folder).get("files")
    if isinstance(files, dict):
        return files
    path = folder / MANIFEST
    there = _begins(path) if path.is_file() else b""
    if there.strip() not in (b"", b"[]") and b'"digest"' not in there:
        raise BadInputError(_FOREIGN, str(path))
    return {}


def _is_like(path: Path, content: bytes) -> bool:
    """Whether a file that no manifest names is one that a report has, in an earlier state."""
    there = _begins(path)
    if path.suffix == ".html":
        return not there or _TITLE in there
    return not there or (content != b"" and there[:_SAME] == content[:_SAME])


def _begins(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_BEGINNING)


def write_manifest(
    folder: Path, digest: str, version: str, files: Sequence[Path], named: Mapping[str, str] = {}
) -> None:
    """Write what the report in `folder` was made of, and the hash of each of its `files`.

    Beside these it has those that are `named`, with their hashes, empty before they are written.
    """
    hashes = {path.relative_to(folder).as_posix(): sha256_file(path) for path in files}
    content = {"digest": digest, "report_version": version, "files": {**named, **hashes}}
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
