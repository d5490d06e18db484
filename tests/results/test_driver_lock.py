from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from lps_sweep.errors import ExitCode, FolderOwnedError, StorageError
from lps_sweep.results import driver_alive, driver_lock

OWNER = """
import sys, time
from pathlib import Path
from lps_sweep.results import driver_lock
with driver_lock(Path(sys.argv[1])):
    print("owns", flush=True)
    sys.stdin.read()
"""


def in_background(code: str, folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, str(folder)],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


@contextlib.contextmanager
def other_driver(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A second process that owns `folder` until its input is closed or it is killed."""
    process = in_background(OWNER, folder)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "owns\n"
        yield process
    finally:
        process.stdin.close()
        process.wait(timeout=120)
        process.stdout.close()


def test_a_second_driver_is_refused_and_told_the_owner(tmp_path: Path) -> None:
    with other_driver(tmp_path) as owner:
        assert driver_alive(tmp_path)
        with pytest.raises(FolderOwnedError) as caught, driver_lock(tmp_path):
            pytest.fail("two drivers own one folder")
        assert owner.poll() is None, "nobody waited for it"
        for fact in (f"process {owner.pid} on {socket.gethostname()}", str(tmp_path)):
            assert fact in str(caught.value)
        assert caught.value.exit_code is ExitCode.OWNED
        facts = json.loads((tmp_path / "driver.lock").read_text())
        assert facts["pid"] == owner.pid
    assert not driver_alive(tmp_path)
    with driver_lock(tmp_path):
        assert json.loads((tmp_path / "driver.lock").read_text())["pid"] == os.getpid()


@pytest.mark.fault
def test_a_killed_driver_leaves_the_folder_free(tmp_path: Path) -> None:
    with other_driver(tmp_path) as owner:
        owner.send_signal(signal.SIGKILL)
        owner.wait(timeout=120)
        assert not driver_alive(tmp_path)
        with driver_lock(tmp_path):
            assert driver_alive(tmp_path)


def test_a_starting_driver_outwaits_a_reader_that_looks(tmp_path: Path) -> None:
    with driver_lock(tmp_path):
        pass
    with (tmp_path / "driver.lock").open("rb") as reader:
        fcntl.flock(reader, fcntl.LOCK_SH)
        release = threading.Timer(0.1, lambda: fcntl.flock(reader, fcntl.LOCK_UN))
        release.start()
        with driver_lock(tmp_path):
            assert driver_alive(tmp_path)
        release.join()


def test_readers_do_not_take_each_other_for_a_driver(tmp_path: Path) -> None:
    with driver_lock(tmp_path):
        pass
    with (tmp_path / "driver.lock").open("rb") as reader:
        fcntl.flock(reader, fcntl.LOCK_SH)
        assert not driver_alive(tmp_path)


def test_an_owner_that_wrote_no_name_is_still_an_owner(tmp_path: Path) -> None:
    with driver_lock(tmp_path):
        (tmp_path / "driver.lock").write_bytes(b"")
        with (
            pytest.raises(FolderOwnedError, match="its name is not recorded"),
            driver_lock(tmp_path),
        ):
            pytest.fail("owned twice")


FORKER = """
import os, sys
from pathlib import Path
from lps_sweep.results import driver_lock
with driver_lock(Path(sys.argv[1])):
    if os.fork() == 0:
        sys.stdin.read()
        os._exit(0)
    os.kill(os.getpid(), 9)
"""


@pytest.mark.fault
def test_a_child_that_outlives_the_driver_does_not_keep_the_folder(tmp_path: Path) -> None:
    process = in_background(FORKER, tmp_path)
    assert process.stdin is not None
    try:
        assert process.wait(timeout=120) == -signal.SIGKILL
        with driver_lock(tmp_path):
            pass
    finally:
        process.communicate()


def test_a_lock_file_that_cannot_be_made_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "driver.lock").mkdir()
    with pytest.raises(StorageError, match=r"driver\.lock"), driver_lock(tmp_path):
        pytest.fail("locked a folder")
    with pytest.raises(StorageError, match=r"driver\.lock"):
        driver_alive(tmp_path)
