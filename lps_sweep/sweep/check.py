"""What is wrong with a results folder, and what a repair would do about it; nothing is changed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lps_sweep.data import load_split, split_fingerprint
from lps_sweep.errors import BadInputError, FolderOwnedError, StorageError
from lps_sweep.files import inside, read_file, sha256_file
from lps_sweep.results import (
    COPY_NAME,
    LEDGER_NAME,
    CheckpointRecord,
    FileRef,
    Ledger,
    Sidecar,
    agree,
    driver_alive,
    read_sidecar,
    sidecar_paths,
)
from lps_sweep.sweep.keeper import lost_end
from lps_sweep.sweep.splits import split_name


@dataclass(frozen=True)
class LedgerLost:
    """The ledger is gone or damaged."""

    reason: str

    def __str__(self) -> str:
        return (
            f"{self.reason}. It will be set aside and rebuilt from its last copy and the sidecars "
            "of finished trials; what these do not prove is run again"
        )


@dataclass(frozen=True)
class EndLost:
    """The ledger does not know of, or contradicts, the end of a trial that a sidecar proves."""

    sidecar: Sidecar
    reason: str

    def __str__(self) -> str:
        return f"trial {self.sidecar.trial_id}: {self.reason}. The sidecar's rows will be taken"


@dataclass(frozen=True)
class SidecarDamaged:
    """The sidecar of a trial whose outcome is recorded."""

    trial_id: str
    path: Path
    reason: str

    def __str__(self) -> str:
        return f"{self.reason}. It will be written again from the ledger"


@dataclass(frozen=True)
class ArtefactLost:
    """The artefact of a finished trial."""

    trial_id: str
    file: FileRef
    reason: str

    def __str__(self) -> str:
        return (
            f"trial {self.trial_id}: {self.reason}. Its outcome stays, since a finished trial is "
            "never run again; the artefact will be recorded as lost"
        )


@dataclass(frozen=True)
class CheckpointLost:
    """A checkpoint of a trial."""

    record: CheckpointRecord
    reason: str
    finished: bool

    def __str__(self) -> str:
        end = "its outcome stays" if self.finished else "the trial goes on from another"
        return (
            f"trial {self.record.trial_id}: the checkpoint of epoch {self.record.epoch} is lost: "
            f"{self.reason}. It will be forgotten; {end}"
        )


@dataclass(frozen=True)
class TrunkLost:
    """A pre-trained trunk."""

    facts: Path
    reason: str

    def __str__(self) -> str:
        return (
            f"trunk {self.facts.stem}: {self.reason}. It will be removed, and made again by the "
            "next run that needs it"
        )


@dataclass(frozen=True)
class SplitLost:
    """An open-world split, which no result depends on: it is worked out again for each."""

    path: Path
    reason: str

    def __str__(self) -> str:
        return f"{self.reason}. It will be removed, and written again by the next run that trains"


Problem = (
    LedgerLost | EndLost | SidecarDamaged | ArtefactLost | CheckpointLost | TrunkLost | SplitLost
)


def examine(results: Path) -> list[Problem]:
    """All that is wrong with a results folder in which no driver is at work.

    Raises:
        BadInputError: Nothing was ever run there.
        FolderOwnedError: A driver is at work.
        StorageError: A folder cannot be read.
    """
    if driver_alive(results):
        raise FolderOwnedError(f"a driver is at work in {results}; check it when that has ended")
    return list(problems(results))


def problems(results: Path) -> Iterator[Problem]:
    """As `examine`, for who holds the driver's lock; a lost ledger hides all else."""
    damage = ledger_damage(results / LEDGER_NAME)
    if damage:
        known = (results / COPY_NAME).exists() or bool(sidecar_paths(results))
        if not known and not Ledger.exists(results):
            raise BadInputError("no ledger: nothing was run with this results folder", str(results))
        yield LedgerLost(damage)
        return
    with Ledger.open(results) as ledger:
        finished = ledger.finished()
        there = sidecar_paths(results)
        for trial_id in dict.fromkeys([*ledger.trials(), *there]):
            if trial_id in finished:
                yield from _finished(results, ledger, trial_id)
            else:
                path = lost_end(ledger, trial_id, there)
                yield from _lost_end(path) if path else ()
            yield from _checkpoint(results, ledger, trial_id, trial_id in finished)
    yield from _trunks(results)
    yield from _splits(results)


def ledger_damage(path: Path) -> str:
    """Why a ledger cannot be relied on; empty if it can."""
    if not path.exists():
        return f"{path} is gone"
    try:
        with Ledger.open(path.parent) as ledger:
            ledger.verify()
    except BadInputError:
        return f"{path} is empty"
    except StorageError as error:
        return str(error)
    return ""


def _finished(results: Path, ledger: Ledger, trial_id: str) -> Iterator[Problem]:
    recorded = ledger.sidecar(trial_id)
    if recorded is None:
        return
    path = results / recorded.path
    if path.exists():
        try:
            sidecar = read_sidecar(path)
        except StorageError as error:
            yield SidecarDamaged(trial_id, path, str(error))
        else:
            if not agree(sidecar, recorded):
                yield EndLost(sidecar, f"the ledger contradicts {path}")
                return
    artefact = ledger.artefact(trial_id)
    reason = unlike(results, artefact) if artefact else ""
    if artefact and reason:
        yield ArtefactLost(trial_id, artefact, reason)


def _lost_end(path: Path) -> Iterator[Problem]:
    try:
        sidecar = read_sidecar(path)
    except StorageError:
        return  # it proves nothing; the trial is run, and its new sidecar comes beside it
    yield EndLost(sidecar, f"the ledger has lost its end, which {path} tells of")


def _checkpoint(
    results: Path, ledger: Ledger, trial_id: str, finished: bool
) -> Iterator[CheckpointLost]:
    """The newest one has to be there; older ones may be gone, in the course of training."""
    for number, record in enumerate(ledger.checkpoints(trial_id)):
        files = [f for f in (record.member, record.run) if number == 0 or _exists(results, f)]
        reasons = [unlike(results, file) for file in files]
        if any(reasons):
            yield CheckpointLost(record, "; ".join(r for r in reasons if r), finished)


def _trunks(results: Path) -> Iterator[TrunkLost]:
    for facts in sorted(inside(results, "checkpoints/trunks").glob("*.json")):
        weights = facts.with_suffix(".pt")
        try:
            sha256 = str(json.loads(read_file(facts))["sha256"])
        except (StorageError, ValueError, KeyError, TypeError, RecursionError):
            yield TrunkLost(facts, f"{facts} is damaged")
            continue
        reason = unlike(results, FileRef(str(weights.relative_to(results)), sha256))
        if reason:
            yield TrunkLost(facts, reason)


def _splits(results: Path) -> Iterator[SplitLost]:
    for path in sorted(inside(results, "artefacts").glob("split-*.npz")):
        try:
            fingerprint = split_fingerprint(load_split(path))
        except StorageError as error:
            yield SplitLost(path, str(error))
            continue
        if path.name != split_name(fingerprint):
            yield SplitLost(path, f"{path} holds another split than its name says")


def _exists(results: Path, file: FileRef) -> bool:
    try:
        return inside(results, file.path).exists()
    except StorageError:
        return True


def unlike(results: Path, file: FileRef) -> str:
    """Why a file is not the one that was recorded; empty if it is."""
    try:
        path = inside(results, file.path)
        if sha256_file(path) != file.sha256:
            return f"{path} is damaged: its SHA-256 is not the recorded one"
    except StorageError as error:
        return str(error)
    return ""
