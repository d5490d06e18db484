"""What is wrong with a results folder, and what a repair does about it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from lps_sweep.data import load_split, split_fingerprint
from lps_sweep.errors import BadInputError, FolderOwnedError, StorageError
from lps_sweep.files import inside, read_file, sha256_file, sync_folder
from lps_sweep.results import (
    LEDGER_NAME,
    CheckpointRecord,
    FileRef,
    Ledger,
    Sidecar,
    agree,
    driver_alive,
    read_sidecar,
    sidecar_of,
    sidecar_paths,
)
from lps_sweep.results.schema import OtherVersionError
from lps_sweep.results.sidecars import lose_artefact, lose_checkpoint, restore
from lps_sweep.sweep.backup import back_up, lost_end, set_aside
from lps_sweep.sweep.content import split_name
from lps_sweep.sweep.store import Folder, store_of
from lps_sweep.train.events import SavedFile


@dataclass(frozen=True)
class Problem:
    """Something that is not as it was recorded.

    Attributes:
        text: What is wrong, and what a repair does about it.
        repair: Does it, with the ledger open for writing; what was done.
    """

    text: str
    repair: Callable[[Ledger], str] = field(compare=False)


def examine(results: Path) -> list[str]:
    """All that is wrong with a results folder in which no driver is at work; it is only read.

    Raises:
        BadInputError: Nothing was ever run there.
        FolderOwnedError: A driver is at work.
        StorageError: A folder cannot be read.
    """
    if driver_alive(results):
        raise FolderOwnedError(f"a driver is at work in {results}; check it when that has ended")
    if damage := ledger_damage(results):
        return [
            f"{damage}. It will be set aside and rebuilt from the sidecars of finished trials; "
            "what these do not prove is run again"
        ]
    return [problem.text for problem in problems(results)]


def ledger_damage(results: Path) -> str:
    """Why the ledger cannot be relied on; empty if it can.

    Raises:
        BadInputError: Nothing was ever run there.
        OtherVersionError: It is whole, and of another version.
    """
    path = results / LEDGER_NAME
    if not Ledger.exists(results) and not sidecar_paths(results):
        raise BadInputError("no ledger: nothing was run with this results folder", str(results))
    if not path.exists():
        return f"{path} is gone"
    try:
        with Ledger.open(results) as ledger:
            ledger.verify()
    except BadInputError:
        return f"{path} is empty"
    except OtherVersionError:
        raise
    except StorageError as error:
        return str(error)
    return ""


def problems(results: Path) -> Iterator[Problem]:
    """All that is wrong beside a ledger that is whole."""
    with Ledger.open(results) as ledger:
        finished = ledger.finished()
        there = sidecar_paths(results)
        for trial_id in dict.fromkeys([*ledger.known(), *there]):
            if trial_id in finished:
                yield from _finished(results, ledger, trial_id)
            elif path := lost_end(ledger, trial_id, there):
                yield from _lost_end(results, path)
            yield from _checkpoints(results, ledger, trial_id, trial_id in finished)
    yield from _trunks(results)
    yield from _splits(results)


def _finished(results: Path, ledger: Ledger, trial_id: str) -> Iterator[Problem]:
    """Whether sidecar and artefact of a finished trial are as the ledger says."""
    recorded = sidecar_of(ledger, trial_id)
    if recorded is None:
        return
    path = results / recorded.path
    if path.exists():
        try:
            sidecar = read_sidecar(path)
        except StorageError as error:
            text = f"{error}. It will be written again from the ledger"
            yield Problem(text, partial(_write_again, results, path, trial_id))
        else:
            if not agree(sidecar, recorded):
                yield _end_lost(results, sidecar, f"the ledger contradicts {path}")
                return
    artefact = ledger.artefact(trial_id)
    reason = unlike(results, artefact) if artefact else ""
    if artefact and reason:
        yield Problem(
            f"trial {trial_id}: {reason}. Its outcome stays, since a finished trial is never run "
            "again; the artefact will be recorded as lost",
            partial(_forget_artefact, results, trial_id, artefact, reason),
        )


def _lost_end(results: Path, path: Path) -> Iterator[Problem]:
    try:
        sidecar = read_sidecar(path)
    except StorageError:
        return  # it proves nothing; the trial is run, and its new sidecar comes beside it
    yield _end_lost(results, sidecar, f"the ledger has lost its end, which {path} tells of")


def _end_lost(results: Path, sidecar: Sidecar, reason: str) -> Problem:
    text = f"trial {sidecar.trial_id}: {reason}. The sidecar's rows will be taken"
    return Problem(text, partial(_restore, results, sidecar))


def _checkpoints(results: Path, ledger: Ledger, trial_id: str, finished: bool) -> Iterator[Problem]:
    """The newest one has to be there; older ones may be gone, in the course of training."""
    end = "its outcome stays" if finished else "the trial goes on from another"
    for number, record in enumerate(ledger.checkpoints(trial_id)):
        files = [f for f in (record.member, record.run) if number == 0 or _exists(results, f)]
        reasons = [lost(results, file) for file in files]
        if any(reasons):
            yield Problem(
                f"trial {trial_id}: the checkpoint of epoch {record.epoch} is lost: "
                f"{'; '.join(r for r in reasons if r)}. It will be forgotten; {end}",
                partial(_forget_checkpoint, results, record),
            )


def _trunks(results: Path) -> Iterator[Problem]:
    for facts in sorted(inside(results, "checkpoints/trunks").glob("*.json")):
        weights = facts.with_suffix(".pt")
        try:
            sha256 = str(json.loads(read_file(facts))["sha256"])
            reason = unlike(results, FileRef(str(weights.relative_to(results)), sha256))
        except (StorageError, ValueError, KeyError, TypeError, RecursionError):
            reason = f"{facts} is damaged"
        if reason:
            text = f"trunk {facts.stem}: {reason}. It will be removed, and made again by the next "
            yield Problem(f"{text}run that needs it", partial(_remove, facts))


def _splits(results: Path) -> Iterator[Problem]:
    """No result depends on these files: a split is worked out again for each run."""
    for path in sorted(inside(results, "artefacts").glob("split-*.npz")):
        try:
            name = split_name(split_fingerprint(load_split(path)))
            reason = "" if path.name == name else f"{path} holds another split than its name says"
        except StorageError as error:
            reason = str(error)
        if reason:
            text = f"{reason}. It will be removed, and written again by the next run that trains"
            yield Problem(text, partial(_remove, path))


def unlike(results: Path, file: FileRef) -> str:
    """Why a file is not the one that was recorded; empty if it is."""
    try:
        path = inside(results, file.path)
        if sha256_file(path) != file.sha256:
            return f"{path} is damaged: its SHA-256 is not the recorded one"
    except StorageError as error:
        return str(error)
    return ""


def lost(results: Path, file: FileRef) -> str:
    """As `unlike`, for a file that is in the store alone."""
    store = store_of(results)
    if isinstance(store, Folder):
        return unlike(results, file)
    there = store.intact(SavedFile(Path(file.path), file.sha256))
    return "" if there else f"{store.place}/{file.path} is gone"


def _exists(results: Path, file: FileRef) -> bool:
    try:
        return inside(results, file.path).exists()
    except StorageError:
        return True


def _restore(results: Path, sidecar: Sidecar, ledger: Ledger) -> str:
    try:
        restore(ledger, sidecar)
    except StorageError as error:
        kept = _set_aside_inside(results, sidecar.path)
        return f"trial {sidecar.trial_id}: {error}; the sidecar is set aside{kept}"
    return f"trial {sidecar.trial_id}: recorded again from its sidecar"


def _write_again(results: Path, path: Path, trial_id: str, ledger: Ledger) -> str:
    back_up(results, ledger, [trial_id])
    return f"{path}: written again"


def _forget_artefact(
    results: Path, trial_id: str, file: FileRef, reason: str, ledger: Ledger
) -> str:
    kept = _set_aside_inside(results, file.path)
    lose_artefact(ledger, trial_id, f"artefact lost: {reason}")
    back_up(results, ledger, [trial_id])
    return f"trial {trial_id}: its artefact is recorded as lost{kept}"


def _forget_checkpoint(results: Path, record: CheckpointRecord, ledger: Ledger) -> str:
    lose_checkpoint(ledger, record)
    back_up(results, ledger, [record.trial_id])
    return f"trial {record.trial_id}: the checkpoint of epoch {record.epoch} is forgotten"


def _remove(path: Path, _: Ledger) -> str:
    path.unlink(missing_ok=True)
    sync_folder(path.parent)
    return f"{path}: removed"


def _set_aside_inside(results: Path, relative: str) -> str:
    """As `set_aside`, for a path that the folder's own records name."""
    try:
        return set_aside(inside(results, relative))
    except StorageError:
        return ""
