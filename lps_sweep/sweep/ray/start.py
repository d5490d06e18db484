"""A local Ray, with a folder of its own: it is started, or one line says why it cannot be."""

from __future__ import annotations

import contextlib
import logging
import mmap
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import ray

from lps_sweep.errors import BadInputError, ExitCode
from lps_sweep.process import tight_limits

START_S = 120.0
"""Seconds in which a first worker must have started; Ray gives up its own parts after 30."""

INIT_S = 60.0
"""Seconds more after which Ray itself hangs."""

TROUBLE_S = 20
"""Seconds after which a start hangs of which a part has written that it is in trouble."""

SHOWN = 5
"""Causes that a message lists."""

OBJECT_STORE_BYTES = 256 * 2**20
"""Shared memory for objects, of which a sweep has small ones only. Ray would take 30 % of the
machine's, which every worker maps, and which a limit of memory does not let it."""

GROWTH_BYTES = 768 * 2**20
"""Address space that a driver takes while it runs, beyond what it has when Ray has started: 0.6 GB
were measured. Without it Ray's code would end the process later on, without a word."""

_TROUBLE = re.compile(
    "mmap failed|bad_alloc|Cannot allocate memory|Resource temporarily unavailable|"
    "Too many open files|No space left on device|Disk quota exceeded|Read-only file system|"
    "Permission denied|Address already in use|can't start new thread|MemoryError|"
    "failed to map segment|pthread_create failed"
)
"""What Ray's parts and workers write before they end, in the words of the system."""

_PART = re.compile(r"(-[0-9a-f]{8,}|_\d+).*")
"""What follows the name of a part in the name of its log."""

_STAMP = re.compile(r"^\[[^]]*\] *")
"""Time and process at the beginning of a line."""


def start_local(num_cpus: int, folder: str, terminal: int) -> None:
    """Starts Ray on this machine, private to this process.

    Where something may be too scarce for it, a child process tries first: Ray's compiled code ends
    the process that it cannot start in, or never comes back.

    Args:
        num_cpus: CPU cores that it has.
        folder: For its files and sockets.
        terminal: File descriptor for a last word, should Ray not come back at all.

    Raises:
        BadInputError: It cannot be started; says why, as far as that is known.
    """
    if [*tight_limits(), *_room(folder)]:
        _try(num_cpus, folder)
    with _deadline(folder, terminal):
        try:
            _start(num_cpus, folder)
        except Exception as error:
            raise BadInputError(why(folder, str(error) or type(error).__name__)) from error


def _start(num_cpus: int, folder: str) -> None:
    ray.init(
        address="local",
        num_cpus=num_cpus,
        object_store_memory=OBJECT_STORE_BYTES,
        include_dashboard=False,
        log_to_driver=False,
        logging_level=logging.WARNING,
        _temp_dir=f"{folder}/r",  # Ray opens this one to everybody, not the one around it
    )
    _ask_worker(_nothing)


def _ask_worker(task: Callable[[], None]) -> None:
    asked: Any = ray.remote(num_cpus=0, max_retries=0)(task)
    ray.get(asked.remote(), timeout=START_S)


def _nothing() -> None:
    """A worker that comes so far has started."""


def _load_trainer() -> None:
    for name in ("pack", "pretrain", "quality"):
        import_module(f"lps_sweep.train.{name}")


def _try(num_cpus: int, folder: str) -> None:
    """Starts and ends Ray in a child process.

    Raises:
        BadInputError: It does not start.
    """
    taken = str(_address_space() + GROWTH_BYTES)
    command = [sys.executable, "-m", "lps_sweep.sweep.ray.start", str(num_cpus), folder, taken]
    words = Path(folder, "words")  # a pipe would stay open for as long as any part of Ray lives
    with words.open("wb") as file:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=file)
        try:
            code = _waited(child, words)
        finally:
            child.kill()
            child.wait()
            end_services()
    if code:
        told = _text(words)
        raise BadInputError(why(folder, _trouble(told) or told.strip().rpartition("\n")[2]))
    shutil.rmtree(f"{folder}/r", ignore_errors=True)


def _waited(child: subprocess.Popen[bytes], words: Path) -> int:
    """The child's exit code, 1 where it hangs, even in its own end."""
    troubled = 0
    for _ in range(int(2 * START_S)):
        with contextlib.suppress(subprocess.TimeoutExpired):
            return child.wait(1.0)
        troubled += any([_trouble(_text(words)), *_written(words.parent)])
        if troubled > TROUBLE_S:
            break
    return 1


def why(folder: str, told: str) -> str:
    """Why Ray did not start, in a line: what its parts wrote, limits of this process, `told`."""
    causes = [told.rstrip("."), *tight_limits(), *_room(folder), *_written(Path(folder))]
    lines = dict.fromkeys(" ".join(cause.split())[:200] for cause in causes if cause)
    shown = "; ".join([*lines][:SHOWN] or ["nothing is said of the cause"])
    return (
        f"a local Ray cannot be started: {shown}. Its files go to {folder} (TMPDIR is "
        f"{os.environ.get('TMPDIR') or 'not set'}). Change that, or train in this process with "
        "--inline"
    )


def _written(folder: Path) -> Iterator[str]:
    """The first line of trouble in the logs of each part."""
    for log in sorted(folder.glob("r/session_2*/logs/*.*")):
        if log.suffix in (".err", ".out", ".log") and log.is_file():
            line = _trouble(_text(log))
            if line:
                yield f"{_PART.sub('', log.stem)}: {line}"


def _text(log: Path) -> str:
    return log.read_text(encoding="utf-8", errors="replace")


def _trouble(text: str) -> str:
    line = next((line for line in text.splitlines() if _TROUBLE.search(line)), "")
    return _STAMP.sub("", line)


def _room(folder: str) -> Iterator[str]:
    """That Ray's folder has no room."""
    free = shutil.disk_usage(folder).free
    if free < OBJECT_STORE_BYTES:
        yield f"{free / 1e6:.0f} MB are free there"


@contextlib.contextmanager
def _deadline(folder: str, terminal: int) -> Iterator[None]:
    """Ends the process where the block hangs, as Ray's compiled code may, for ever."""
    over = threading.Event()

    def watch() -> None:
        if not over.wait(START_S + INIT_S):
            text = why(folder, f"it hung for {START_S + INIT_S:g} s")
            with contextlib.suppress(OSError):
                os.write(terminal, f"lps_sweep: {text}\n".encode())
            end_services()
            shutil.rmtree(folder, ignore_errors=True)
            os._exit(ExitCode.BAD_INPUT)

    threading.Thread(target=watch, name="start of Ray", daemon=True).start()
    try:
        yield
    finally:
        over.set()


def end_services() -> None:
    """Kills the processes of a local session of this process: those that know its token."""
    token = os.environ["RAY_AUTH_TOKEN"].encode()
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if token in (entry / "environ").read_bytes() and entry.name != str(os.getpid()):
                os.kill(int(entry.name), signal.SIGKILL)


def _address_space() -> int:
    """Bytes of address space that this process has taken, which a limit of memory counts."""
    return int(Path("/proc/self/statm").read_text().split()[0]) * mmap.PAGESIZE


if __name__ == "__main__":
    reserved = mmap.mmap(-1, max(1, int(sys.argv[3]) - _address_space()))
    _start(int(sys.argv[1]), sys.argv[2])
    _ask_worker(_load_trainer)
