"""Checkpoints: a Run part and member parts, tied by hash, written atomically."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from lps_sweep.errors import StorageError
from lps_sweep.files import atomic_write, sha256_bytes


@dataclass(frozen=True)
class SavedFile:
    """A file below the checkpoint folder and its SHA-256 (hex)."""

    path: Path
    sha256: str


@dataclass(frozen=True)
class Checkpoint:
    """Where a trial can go on: the state after `epoch` epochs."""

    epoch: int
    member: SavedFile
    run: SavedFile


def save_state(state: Mapping[str, Any], folder: Path, stem: str = "") -> SavedFile:
    """Writes `state` below `folder`; without a `stem` the file is named by its content.

    Raises:
        StorageError: The file cannot be written.
    """
    buffer = io.BytesIO()
    torch.save(dict(state), buffer)
    content = buffer.getvalue()
    sha256 = sha256_bytes(content)
    path = folder / f"{stem or sha256[:16]}.pt"
    if stem or not path.exists():
        atomic_write(path, content)
    return SavedFile(path, sha256)


def load_state(saved: SavedFile, device: torch.device) -> dict[str, Any]:
    """The state in a file, after its hash was verified. Nothing in it is executed.

    Raises:
        StorageError: The file is missing, damaged, or not the one that was saved.
    """
    try:
        content = saved.path.read_bytes()
    except OSError as error:
        raise StorageError(f"{saved.path}: cannot be read: {error.strerror}") from None
    if sha256_bytes(content) != saved.sha256:
        raise StorageError(f"{saved.path}: is damaged: its SHA-256 is not {saved.sha256}")
    state: dict[str, Any] = torch.load(io.BytesIO(content), map_location=device, weights_only=True)
    return state


def verifies(saved: SavedFile) -> bool:
    """Whether the file is there and has the hash that was recorded."""
    try:
        return sha256_bytes(saved.path.read_bytes()) == saved.sha256
    except OSError:
        return False
