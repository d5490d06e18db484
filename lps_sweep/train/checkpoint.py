"""Checkpoints: a Run part and a member part, tied by their hashes, written atomically.

A trial's checkpoints lie in a folder of its own and do not depend on those of its pack: the Run
part is small, and members with equal Run parts have equal hashes, by which they can be packed
again. File names carry the epoch and a part of the hash, so that two attempts at one trial cannot
overwrite each other's files.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from lps_sweep.errors import StorageError
from lps_sweep.failpoints import failpoint
from lps_sweep.files import atomic_write, read_file, sha256_bytes
from lps_sweep.train.events import Checkpoint, SavedFile, superfluous

HASH = "HASH"


def save_state(state: Mapping[str, Any], folder: Path, stem: str) -> SavedFile:
    """Writes `state` to `folder`/`stem`.pt, with a part of its hash for HASH in `stem`.

    Raises:
        StorageError: The file cannot be written.
    """
    content = state_bytes(state)
    sha256 = sha256_bytes(content)
    path = folder / f"{stem.replace(HASH, sha256[:8])}.pt"
    atomic_write(path, content)
    return SavedFile(path, sha256)


def load_state(saved: SavedFile, device: torch.device) -> dict[str, Any]:
    """The state in a file, after its hash was verified. Nothing in it is executed.

    Raises:
        StorageError: The file is missing, damaged, not the one that was saved, or no state.
    """
    content = read_file(saved.path)
    if sha256_bytes(content) != saved.sha256:
        raise StorageError(f"{saved.path} is damaged: its SHA-256 is not {saved.sha256}")
    try:
        state = torch.load(io.BytesIO(content), map_location=device, weights_only=True)
    except Exception as error:
        raise StorageError(f"{saved.path} is no saved state: {error}") from error
    if not isinstance(state, dict):
        raise StorageError(f"{saved.path} is no saved state but a {type(state).__name__}")
    return state


def verifies(saved: SavedFile) -> bool:
    """Whether the file is there and has the hash that was recorded."""
    try:
        return sha256_bytes(read_file(saved.path)) == saved.sha256
    except StorageError:
        return False


def save_checkpoint(
    folder: Path, epoch: int, member: Mapping[str, Any], run: Mapping[str, Any]
) -> Checkpoint:
    """Writes the two parts of a trial's checkpoint after `epoch` epochs to its `folder`.

    Raises:
        StorageError: A file cannot be written.
    """
    failpoint("checkpoint.save")
    shared = save_state(run, folder, f"epoch-{epoch:04d}-run-{HASH}")
    failpoint("checkpoint.part")
    own = save_state(member, folder, f"epoch-{epoch:04d}-member-{HASH}")
    failpoint("checkpoint.saved")
    return Checkpoint(epoch, own, shared)


def prune(folder: Path, epoch: int, keep: int) -> None:
    """Removes a trial's checkpoints but those of the newest `keep` epochs up to `epoch`.

    Later epochs are left alone: they can only be of another attempt.

    Raises:
        StorageError: A file cannot be removed.
    """
    try:
        for name in superfluous([path.name for path in folder.iterdir()], epoch, keep):
            (folder / name).unlink(missing_ok=True)
    except FileNotFoundError:
        return
    except OSError as error:
        raise StorageError(f"cannot clean up {folder}: {error.strerror}") from error


def state_bytes(state: Mapping[str, Any]) -> bytes:
    """The bytes of a file with `state`; equal states give equal bytes."""
    buffer = io.BytesIO()
    torch.save(dict(state), buffer)
    return buffer.getvalue()
