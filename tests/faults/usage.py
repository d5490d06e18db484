"""What a soak takes of the machine: memory, open files and disk, which are to stay as they are."""

from __future__ import annotations

import contextlib
import os
import tempfile
import threading
from pathlib import Path

INTERVAL_S = 1.0


class Usage:
    """Looks at processes and folders every second, for the length of a block.

    Args:
        folder: Of the soak.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._driver = 0
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._most = {"rss": 0.0, "files": 0.0}

    def __enter__(self) -> Usage:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()

    def watch(self, driver: int) -> None:
        """The driver is this process now."""
        self._driver = driver

    def figures(self) -> dict[str, float]:
        """The most that a driver had, and what there is now; after the block."""
        return {
            "memory of a driver (MiB)": self._most["rss"],
            "open files of a driver": self._most["files"],
            "memory of the soak itself (MiB)": _rss(os.getpid()),
            "open files of the soak itself": _files(os.getpid()),
            "files left by the sweep before": float(_count(self._folder)),
            "folders of Ray sessions": float(
                sum(1 for _ in Path(tempfile.gettempdir()).glob("lps-ray-*"))
            ),
        }

    def _look(self) -> None:
        while not self._stopped.wait(INTERVAL_S):
            with contextlib.suppress(OSError, ValueError):
                self._most["rss"] = max(self._most["rss"], _rss(self._driver))
                self._most["files"] = max(self._most["files"], _files(self._driver))


def _rss(pid: int) -> float:
    """Resident memory in MiB."""
    for text in (Path("/proc") / str(pid) / "status").read_text().splitlines():
        if text.startswith("VmRSS:"):
            return round(int(text.split()[1]) / 1024, 1)
    return 0.0


def _files(pid: int) -> float:
    return float(sum(1 for _ in (Path("/proc") / str(pid) / "fd").iterdir()))


def _count(folder: Path) -> int:
    return sum(1 for _ in folder.rglob("*"))
