"""The open-world splits of a sweep, saved with its results."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from lps_sweep.config import Config
from lps_sweep.data import save_split
from lps_sweep.sweep.content import content_of, split_of


def split_name(fingerprint: str) -> str:
    """The name of the file of the split with this fingerprint."""
    return f"split-{fingerprint[:16]}.npz"


def keep_splits(configs: Iterable[Config], results: Path) -> list[Path]:
    """Saves each split once below ``artefacts``, named by its content.

    Raises:
        StorageError: A file cannot be written.
    """
    distinct = {content_of(config).split: config for config in configs}
    paths = []
    for fingerprint, config in distinct.items():
        path = results / "artefacts" / split_name(fingerprint)
        if not path.exists():
            save_split(split_of(config), path)
        paths.append(path)
    return paths
