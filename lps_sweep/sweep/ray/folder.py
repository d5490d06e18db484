"""The folder of a local Ray session: private, with a short path, and removed afterwards."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from lps_sweep.errors import BadInputError
from lps_sweep.sweep.temporary import temporary_folder

PREFIX = "lps-ray-"
SOCKET = f"/{PREFIX}12345678/r/session_2026-12-31_23-59-59_999999_4194304/sockets/plasma_store"
"""The longest path of a socket that Ray makes below a folder for temporary files."""

LONGEST = 107 - len(SOCKET)
"""Bytes that the path of that folder may have: those of a socket's, on Linux, less `SOCKET`."""

SYSTEM = "/tmp"
"""Where temporary files are on any Linux."""


@contextlib.contextmanager
def private_folder(longest: int = LONGEST) -> Iterator[str]:
    """A folder for a session, removed afterwards; those of killed drivers are removed before.

    It lies where temporary files do (TMPDIR), or else in a folder of the system whose path is
    short enough. Its owner holds a lock on the folder itself, which ends with the process.

    Args:
        longest: Bytes that the path of the folder around it may have.

    Raises:
        BadInputError: There is none in which a folder can be made.
    """
    refused = []
    for parent in _parents():
        if len(os.fsencode(parent)) > longest:
            refused.append(f"the path {parent} is longer than the {longest} bytes left by Ray's")
            continue
        with contextlib.ExitStack() as stack:
            try:
                folder = stack.enter_context(temporary_folder(Path(parent), PREFIX))
            except OSError as error:
                refused.append(f"{parent}: {error.strerror}")
                continue
            yield str(folder)
            return
    raise BadInputError(
        f"Ray finds no folder for its sockets ({'; '.join(refused)}); set TMPDIR to a folder with "
        "a short path that can be written, or train in this process with --inline"
    )


def _parents() -> Iterator[str]:
    """Folders for temporary files, the best first."""
    with contextlib.suppress(FileNotFoundError):  # none can be written
        yield tempfile.gettempdir()
    yield SYSTEM
    yield from filter(None, [os.environ.get("XDG_RUNTIME_DIR")])
