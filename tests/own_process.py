"""Python in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any


def python(*words: str | Path, **settings: Any) -> subprocess.CompletedProcess[str]:
    """Runs ``python WORDS`` to its end; `settings` are those of `subprocess.run`."""
    command, most_s = [sys.executable, *map(str, words)], settings.pop("timeout", 280)
    ended: subprocess.CompletedProcess[str] = subprocess.run(
        command, capture_output=True, text=True, timeout=most_s, **settings
    )
    return ended


def under_limit(kilobytes: int, *words: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """The same with a limit of memory, as ``ulimit -v`` sets it."""
    command = ["bash", "-c", f'ulimit -v {kilobytes}; exec "$0" "$@"', sys.executable]
    return subprocess.run(
        [*command, *map(str, words)], capture_output=True, text=True, timeout=280, cwd=cwd
    )
