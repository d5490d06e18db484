"""What every attempt is recorded with: code and package versions."""

from __future__ import annotations

import platform
import subprocess
from importlib import metadata
from pathlib import Path

import lps_sweep
from lps_sweep.config import RESULTS_REVISION
from lps_sweep.results import Json

PACKAGES = ("torch", "torchvision", "numpy", "scipy", "scikit-learn", "ray", "optuna")


def provenance() -> dict[str, Json]:
    """Versions of this code, of Python and of the packages that results depend on."""
    versions: dict[str, Json] = {}
    for name in PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = None
    return {
        "lps_sweep": lps_sweep.__version__,
        "commit": _commit(),
        "results_revision": RESULTS_REVISION,
        "python": platform.python_version(),
        "packages": versions,
    }


def _commit() -> str | None:
    """The commit of the checkout that this code runs from, with ``+`` for changes beside it."""
    root = Path(lps_sweep.__file__).parent.parent
    if not (root / ".git").exists():
        return None
    try:
        asked = ["git", "-C", str(root), "describe", "--always", "--dirty=+", "--abbrev=12"]
        return subprocess.run(asked, capture_output=True, text=True, timeout=5).stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        return None
