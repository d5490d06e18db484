"""The typed errors of the project and the exit codes that they end a command with."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from enum import IntEnum

_LONGEST = 100
"""Letters of a misspelt name that are compared."""


class ExitCode(IntEnum):
    """What the exit status of a command says."""

    DONE = 0
    """Every planned trial is done, or was stopped by a rule."""
    INTERNAL = 1
    """A defect of the program."""
    TRIALS_FAILED = 2
    """Some trials failed or diverged."""
    OWNED = 3
    """Another driver owns the results folder."""
    BAD_INPUT = 4
    """A search space, a setting, a data set or a path is not right."""
    STORAGE = 5
    """The results folder cannot be read or written."""
    INCOMPLETE = 6
    """Planned trials were not run."""
    INTERRUPTED = 130
    """SIGINT."""
    READER_GONE = 141
    """Nobody reads standard output any more, in a verb that does nothing besides."""
    TERMINATED = 143
    """SIGTERM."""


class LpsSweepError(Exception):
    """An error with a message for a person; ends the command with `exit_code`."""

    exit_code: ExitCode = ExitCode.INTERNAL


class BadInputError(LpsSweepError):
    """Input that cannot be accepted: `where` names the file and line, or the option.

    Args:
        message: What is wrong and what would be right.
        where: Place of the fault, for instance ``c_tau.yaml:7``; empty when there is none. Where it
            is a key that the message begins with, or a setting ``key= ...``, it is not said twice.
    """

    exit_code = ExitCode.BAD_INPUT

    def __init__(self, message: str, where: str = "") -> None:
        message = message.removeprefix(f"{where.partition('=')[0]}: ") if "=" in where else message
        said = not where or message.startswith((f"{where}:", f"{where} "))
        super().__init__(message if said else f"{where}: {message}")
        self.where = where


class MissingInputError(BadInputError):
    """Images or weights that trials are made of are not there, or are damaged.

    Args:
        message: As for `BadInputError`.
        where: As for `BadInputError`.
        looked: Each place that was looked at, in words; none where a file is there.
    """

    def __init__(self, message: str, where: str = "", looked: Sequence[str] = ()) -> None:
        super().__init__(message, where)
        self.looked = tuple(looked)


class FolderOwnedError(LpsSweepError):
    """Another driver owns the results folder."""

    exit_code = ExitCode.OWNED


class StorageError(LpsSweepError):
    """The results folder cannot be read or written, or a file in it is damaged."""

    exit_code = ExitCode.STORAGE


class DeviceError(LpsSweepError):
    """A device cannot go on in this process, which has to end; no trial is to blame.

    Args:
        message: What happened.
        out_of_memory: Whether it came of too little memory, so that a smaller pack may fit.
    """

    exit_code = ExitCode.INCOMPLETE

    def __init__(self, message: str, *, out_of_memory: bool = False) -> None:
        super().__init__(message)
        self.out_of_memory = out_of_memory


def nearest(name: str, valid: Iterable[str]) -> str:
    """A hint for a misspelt `name`: the nearest of the `valid` names, or all of them."""
    import difflib

    names = sorted(valid)
    close = difflib.get_close_matches(name[:_LONGEST], names, n=1, cutoff=0.5)
    if not close:
        close = [v for v in names if v.lower() == name.lower()]
    hint = f"did you mean {close[0]!r}?" if close else f"valid names: {', '.join(names)}"
    foreign = next((c for c in name if not c.isascii()), "")
    if foreign:
        kind = unicodedata.name(foreign, "no letter").lower()
        hint += f" (there is a U+{ord(foreign):04X} in it, {kind})"
    return hint
