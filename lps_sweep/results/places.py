"""Results folders and sweeps as people name them: ``DIR SWEEP`` or ``DIR/SWEEP``, as they like."""

from __future__ import annotations

import contextlib
import difflib
from collections.abc import Iterator, Sequence
from pathlib import Path

from lps_sweep.errors import BadInputError, StorageError
from lps_sweep.files import is_reserved, local_path
from lps_sweep.results.database import is_there
from lps_sweep.results.ledger import LEDGER_NAME, Ledger
from lps_sweep.results.sidecars import FOLDER

MOST_ENTRIES = 1000
"""Entries of a folder that are looked at for a hint."""


def find_sweeps(words: Sequence[str]) -> tuple[Path, list[str]]:
    """The results folder and the one sweep that `words` name, or all of its sweeps.

    Raises:
        BadInputError: There is no such folder or sweep; names the nearest.
        StorageError: The ledger cannot be read.
    """
    folder, sweep = _only(words)
    return folder, [sweep] if sweep else sweeps_of(folder)


def find_sweep(words: Sequence[str]) -> tuple[Path, str]:
    """The results folder and the sweep that `words` name.

    Raises:
        As `find_sweeps`; also where no sweep is named.
    """
    folder, sweep = _only(words)
    return folder, sweep or _no_sweep(folder)


def find_pair(words: Sequence[str]) -> tuple[tuple[Path, str], tuple[Path, str]]:
    """Two sweeps: ``D/S D/T``, ``D S D T`` or, both in one folder, ``D S T``.

    Raises:
        As `find_sweep`.
    """
    folder, sweep, rest = _first(words)
    first = folder, sweep or _no_sweep(folder)
    if len(rest) == 1 and rest[0] in sweeps_of(folder):
        return first, (folder, rest[0])
    if not rest:
        raise BadInputError("name the sweep to compare with, as DIR/SWEEP", words[-1])
    return first, find_sweep(rest)


def find_trial(words: Sequence[str]) -> tuple[Path, str]:
    """The results folder, and how the id of a trial in it begins.

    Raises:
        As `find_sweeps`; also where no trial is named.
    """
    if len(words) < 2:
        folder = _nearest_above(local_path(words[0], "DIR"))
        raise BadInputError(
            "name a trial as well, by its id or how it begins: DIR TRIAL",
            str(folder) if folder else words[0],
        )
    return _only(words[:-1])[0], words[-1]


def find_folder(words: Sequence[str]) -> Path:
    """The results folder that `words` name, alone or with a sweep, in whatever condition it is.

    Raises:
        BadInputError: As `find_sweeps`.
    """
    folder, _ = _split(words[0])
    try:
        sweeps_of(folder)
    except (BadInputError, StorageError):
        return folder
    return _first(words)[0]


def sweeps_of(folder: Path) -> list[str]:
    """Names of the sweeps that the ledger in `folder` has."""
    with Ledger.open(folder) as ledger:
        return ledger.sweeps()


def refuse_own(path: Path, where: str) -> None:
    """Refuses `path` where a results folder has its own files.

    These are ledger, locks, checkpoints, artefacts, the folders of its sweeps, and itself.

    Raises:
        BadInputError: It is, or lies in, one of these.
    """
    path = _resolved(path)
    if _is_results(path):
        raise BadInputError("this is a results folder; name a place outside it", where)
    for folder in path.parents:
        if not _is_results(folder):
            continue
        name = path.relative_to(folder).parts[0]
        try:
            own = is_reserved(name) or name in sweeps_of(folder)
        except (BadInputError, StorageError):
            own = True
        if own:
            raise BadInputError(
                f"{name} belongs to the results folder {folder} itself; name a place outside it",
                where,
            )


def check_results(folder: Path, sweep: str = "") -> None:
    """Refuses a folder, which need not be there, that cannot have the results of `sweep`.

    Raises:
        BadInputError: It is a file, or a part of another results folder; or the sweep's own folder
            is a file.
        StorageError: It cannot be looked at.
    """
    for place, what in ((folder, "a results folder"), (folder / sweep, "the sweep's folder")):
        if is_there(place) and not place.is_dir():
            raise BadInputError(f"this is a file, and {what} is due", str(place))
    if not _is_results(folder):
        refuse_own(folder, f"--results {folder}")


def _only(words: Sequence[str]) -> tuple[Path, str]:
    """The results folder and the sweep, if one is named, that are all of `words`."""
    folder, sweep, rest = _first(words)
    if rest:
        raise BadInputError(
            f"one results folder and one sweep are due; this is one word more: {rest[0]!r}"
        )
    return folder, sweep


def _first(words: Sequence[str]) -> tuple[Path, str, Sequence[str]]:
    """The results folder and the sweep, if one is named, that `words` begin with; and the rest."""
    folder, sweep = _split(words[0])
    rest = words[1:]
    if not sweep and rest:
        sweep, rest = rest[0], rest[1:]
        if not sweep:
            _no_sweep(folder)
    if sweep:
        with Ledger.open(folder) as ledger:
            ledger.record(sweep)
    return folder, sweep, rest


def _split(word: str) -> tuple[Path, str]:
    """A results folder; or one and the name of something in it."""
    path = local_path(word, "DIR")
    if _is_results(path):
        return path, ""
    for one in (path, path.absolute(), _resolved(path)):
        if one.name not in ("", "..") and _is_results(one.parent):
            return one.parent, one.name
    if path.is_dir():
        if (path / FOLDER).is_dir():
            return path, ""  # `check` rebuilds a ledger from what lies there
        reason = "no ledger: nothing was run with this results folder"
    else:
        reason = "this is a file" if path.exists() else "there is no such folder"
    found = _nearest_above(path) or _nearest_beside(path) or _nearest_beside(path.parent)
    hint = f"; did you mean {found}?" if found else "; name a results folder, as DIR, DIR/SWEEP"
    raise BadInputError(f"{reason}{hint}", word)


def _is_results(folder: Path) -> bool:
    return is_there(folder / LEDGER_NAME) or any((folder / FOLDER).glob("*-*.json"))


def _resolved(path: Path) -> Path:
    try:
        return path.resolve()
    except (OSError, RuntimeError):
        return path


def _nearest_above(path: Path) -> Path | None:
    return next((one for one in (path, *path.absolute().parents) if _is_results(one)), None)


def _nearest_beside(path: Path) -> Path | None:
    """A results folder in `path`, or one beside it whose name is like its own."""
    for inside in _folders(path):
        if _is_results(inside):
            return inside
    beside = {one.name: one for one in _folders(path.parent) if _is_results(one)}
    close = difflib.get_close_matches(path.name, beside, n=1, cutoff=0.5)
    return beside[close[0]] if close else None


def _folders(folder: Path) -> Iterator[Path]:
    with contextlib.suppress(OSError):
        for _, path in zip(range(MOST_ENTRIES), sorted(folder.iterdir()), strict=False):
            if path.is_dir():
                yield path


def _no_sweep(folder: Path) -> str:
    names = ", ".join(sweeps_of(folder)) or "none"
    raise BadInputError(
        f"name a sweep of it, as DIR/SWEEP or DIR SWEEP; recorded are: {names}", str(folder)
    )
