"""What a command does with its process: output that may be lost, signals, the exit status."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import resource
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TextIO, cast

from lps_sweep.errors import ExitCode, LpsSweepError
from lps_sweep.signals import Interrupted, interruptible
from lps_sweep.text import printable_lines

NAMES = {1: "standard output", 2: "standard error"}
_SIZE = re.compile("0*[1-9][0-9]{0,3}")

_LIMITS = {
    "memory (ulimit -v)": (resource.RLIMIT_AS, 2**40),
    "data (ulimit -d)": (resource.RLIMIT_DATA, 2**40),
    "open files (ulimit -n)": (resource.RLIMIT_NOFILE, 1024),
    "processes (ulimit -u)": (resource.RLIMIT_NPROC, 1024),
    "the size of a file (ulimit -f)": (resource.RLIMIT_FSIZE, 2**40),
}
"""Name of a limit -> which it is, and from where on it stops nobody."""

_SCARCE = (errno.ENOMEM, errno.EAGAIN, errno.EMFILE, errno.ENFILE)
"""What the system says when it has no more memory, processes or open files to give."""


class Losses:
    """What is done when standard output or error takes nothing any more.

    Attributes:
        going_on: Whether the command goes on without its output. Else the loss of standard output
            ends it: without a word if the reader has gone, as other programs do.
    """

    def __init__(self) -> None:
        self.going_on = False
        self._lost: set[int] = set()
        self._kept = {number: os.dup(number) for number in NAMES}

    def close(self) -> None:
        """Nothing is said any more, and nothing ended."""
        self.going_on = True
        self._lost.update(NAMES)
        for descriptor in self._kept.values():
            os.close(descriptor)

    def note(self, number: int, error: Exception, *, progress: bool) -> None:
        """Notes that stream `number` is lost, and says so once on the other one.

        A reader that goes is no news, unless it was to see the `progress` of a sweep.

        Raises:
            SystemExit: The command does not go on without standard output.
        """
        if number in self._lost:
            return
        self._lost.add(number)
        gone = isinstance(error, BrokenPipeError) and not progress
        ends = number == 1 and not self.going_on
        if not gone and (ends or self.going_on):
            reason = getattr(error, "strerror", None) or error
            text = f"lps_sweep: {NAMES[number]} is lost: {reason}\n"
            with contextlib.suppress(OSError):
                os.write(self._kept[3 - number], text.encode())
        if ends:
            raise SystemExit(ExitCode.READER_GONE if gone else ExitCode.STORAGE)


class Output:
    """A text stream that never raises an error of its own: one that is lost takes all, silently.

    Args:
        stream: Where text goes, with backslashes for characters that its encoding lacks.
        number: 1 if that is standard output, 2 if it is standard error.
        losses: Is told when it is lost.
        progress: Whether it is the progress of a sweep: text of ours, with codes for a terminal.
    """

    def __init__(
        self, stream: TextIO, number: int, losses: Losses, *, progress: bool = False
    ) -> None:
        self._stream = stream
        self._number = number
        self.losses = losses
        self._progress = progress
        self._lost = False

    def write(self, text: str) -> int:
        """Writes `text`; its length."""
        encoding = self._stream.encoding or "utf-8"
        plain = text if self._progress else printable_lines(text)
        fit = plain.encode(encoding, "backslashreplace").decode(encoding)
        self._do(lambda: self._stream.write(fit))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Writes all `lines`."""
        self.write("".join(lines))

    def flush(self) -> None:
        """Hands on what was written."""
        self._do(self._stream.flush)

    def close(self) -> None:
        """Closes the stream, with what is left of it."""
        self.flush()
        self._stream.close()

    def beside(self) -> Output:
        """The same place, for progress, under a descriptor of its own that nothing redirects."""
        self.flush()
        stream = os.fdopen(os.dup(self._number), "w", encoding=self._stream.encoding or "utf-8")
        return Output(stream, self._number, self.losses, progress=True)

    def _do(self, act: Callable[[], object]) -> None:
        if self._lost:
            return
        try:
            act()
        except (OSError, ValueError) as error:  # a ValueError if it was closed
            self._lost = True
            _silence(self._stream)
            self.losses.note(self._number, error, progress=self._progress)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _silence(stream: TextIO) -> None:
    """Lets what is still in the buffer of `stream` go nowhere when Python flushes it at its end."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


@contextlib.contextmanager
def own_output() -> Iterator[None]:
    """Lets nothing but printable text reach standard output and error, and survives their loss.

    Names, messages and errors come from files that others wrote, and a terminal obeys them.
    """
    _make_usable()
    losses = Losses()
    out, error = Output(sys.stdout, 1, losses), Output(sys.stderr, 2, losses)
    with (
        contextlib.closing(losses),
        contextlib.redirect_stdout(cast("TextIO", out)),
        contextlib.redirect_stderr(cast("TextIO", error)),
    ):
        try:
            yield
        finally:
            error.flush()
            out.flush()


def _make_usable() -> None:
    """Gives closed standard streams a place where nothing can be written, and forgets nonsense.

    Else the next file that is opened has the number of one, and takes what is printed there; and
    a terminal of no columns is no terminal.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDONLY)
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, "w" if number else "r", closefd=False))
    for name in ("COLUMNS", "LINES"):
        if not _SIZE.fullmatch(os.environ.get(name, "1")):
            del os.environ[name]


def run_command(work: Callable[[], int], *, last: bool = False) -> int:
    """Does `work`, which prints and may be interrupted, and says how it ended; the exit status.

    Args:
        work: What is to be done; it returns an exit status.
        last: The process ends afterwards.
    """
    with own_output():
        try:
            with interruptible(last=last):
                return int(work())
        except LpsSweepError as error:
            print(f"lps_sweep: {error}", file=sys.stderr)
            return int(error.exit_code)
        except Interrupted as end:
            notes = getattr(end, "__notes__", ())
            print("; ".join([f"lps_sweep: interrupted by {end}", *notes]), file=sys.stderr)
            return end.exit_code
        except Exception as error:
            if not (text := _lacking(error)):
                raise
            print("; ".join([f"lps_sweep: {text}", *tight_limits()]), file=sys.stderr)
            return ExitCode.BAD_INPUT


def tight_limits() -> Iterator[str]:
    """The limits of this process that may stop a run, in words."""
    for name, (kind, plenty) in _LIMITS.items():
        limit, _ = resource.getrlimit(kind)
        if limit != resource.RLIM_INFINITY and limit < plenty:
            yield f"the limit of {name} is {limit:,}".replace(",", " ")


def _lacking(error: Exception) -> str:
    """What the system did not give, in words; empty if `error` is about something else."""
    if isinstance(error, MemoryError):
        return f"not enough memory: {error}".rstrip(": ")
    library = isinstance(error, ImportError) and ".so" in str(error)
    thread = isinstance(error, RuntimeError) and "start new thread" in str(error)
    if library or thread or (isinstance(error, OSError) and error.errno in _SCARCE):
        return " ".join(str(error).split())
    return ""
