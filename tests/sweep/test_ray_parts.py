"""Parts of the executor on Ray that need no Ray: limits, guard, and what sessions leave behind."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import time
import traceback
from functools import partial
from pathlib import Path
from resource import RLIMIT_AS
from types import SimpleNamespace
from typing import Any

import pytest

from tests.own_process import python

pytest.importorskip("ray")

from ray.exceptions import RayTaskError

from lps_sweep.errors import BadInputError, StorageError
from lps_sweep.plan import Resources
from lps_sweep.sweep.executor import Blame, Death
from lps_sweep.sweep.ray import executor as module
from lps_sweep.sweep.ray.executor import LOSSES, RayExecutor, told_by
from lps_sweep.sweep.ray.folder import PREFIX, SOCKET, private_folder, remove_abandoned
from lps_sweep.sweep.ray.guard import answers
from lps_sweep.sweep.ray.start import end_services, start_local
from lps_sweep.text import error_line
from tests.sweep.fakes import pack_job

job_of = partial(pack_job, Path("r"))


def test_the_loss_of_a_node_is_not_held_against_a_trial_unless_it_happens_often(
    tmp_path: Path,
) -> None:
    executor = RayExecutor(Resources(), tmp_path, tmp_path / "log", "local")
    death = Death(job_of("a", "b"), "the actor is unavailable")
    assert executor._explained(death, node_alive=True) is death
    for _ in range(LOSSES):
        lost = executor._explained(death, node_alive=False)
        assert (lost.reason, lost.blame) == ("its node was lost", Blame.NONE)
    other = executor._explained(Death(job_of("c"), "x"), node_alive=False)
    assert other.blame is Blame.NONE
    again = executor._explained(Death(job_of("b"), "x"), node_alive=False)
    assert again.blame is Blame.CERTAIN


def test_packs_are_counted_node_by_node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nodes = [{"Resources": {"CPU": 16.0, "GPU": 1.0}}] * 2
    monkeypatch.setattr(module, "alive_nodes", lambda: nodes)
    executor = RayExecutor(Resources(gpus_per_pack=0.4), tmp_path, tmp_path / "log", "local")
    executor._measure()
    assert (executor.num_workers, executor.device) == (4, "cuda")


def test_an_error_that_ends_the_sweep_stays_what_it_is(tmp_path: Path) -> None:
    executor = RayExecutor(Resources(), tmp_path, tmp_path / "log", "local")
    death = Death(job_of("a"), "full", error=StorageError("full"))
    assert executor._explained(death, node_alive=False) is death


def test_what_a_worker_wrote_down_is_the_reason(tmp_path: Path) -> None:
    executor = RayExecutor(Resources(epoch_time_limit_s=5.0), tmp_path, tmp_path / "log", "local")
    note = tmp_path / "ray" / "hung" / "job"
    note.parent.mkdir(parents=True)
    note.write_text("Timeout (0:00:05)!\nin train")
    told = executor._explained(Death(job_of("a"), "it died"), node_alive=True)
    assert told.reason.startswith("no epoch ended within 5 s; ")
    assert told.reason.endswith("in train")
    assert told.blame is Blame.CERTAIN


def test_what_listens_answers_and_what_does_not_is_gone() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = ("127.0.0.1", server.getsockname()[1])
        assert answers(address)
    assert not answers(address)


def test_folders_of_killed_drivers_are_removed_and_those_in_use_are_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    code = (
        "import os, signal, sys, tempfile; tempfile.tempdir = sys.argv[1]\n"
        "from lps_sweep.sweep.ray.folder import private_folder\n"
        "with private_folder(4096) as folder:\n"
        "    open(folder + '/log', 'w').close(); os.kill(os.getpid(), signal.SIGKILL)"
    )
    with private_folder(4096) as mine:
        assert Path(mine).stat().st_mode & 0o777 == 0o700
        killed = python("-c", code, tmp_path)
        assert killed.returncode == -9
        assert len(list(tmp_path.iterdir())) == 2
        (tmp_path / "lps-ray-x").symlink_to("/tmp")
        assert remove_abandoned(tmp_path) == 1
        (tmp_path / "lps-ray-x").unlink()
        assert [str(path) for path in tmp_path.iterdir()] == [mine]
    assert list(tmp_path.iterdir()) == []


def test_where_the_path_is_too_long_for_a_socket_a_short_one_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = tmp_path / ("x" * 60)
    long.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(long))
    with private_folder() as folder:
        place = Path(folder, SOCKET.removeprefix(f"/{PREFIX}12345678/"))
        place.parent.mkdir(parents=True)
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(str(place))
        assert Path(folder).stat().st_mode & 0o777 == 0o700
        assert list(long.iterdir()) == []
    assert not Path(folder).exists()


def test_where_no_folder_will_do_one_line_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "gone"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / ("x" * 60)))
    monkeypatch.setattr("lps_sweep.sweep.ray.folder.SYSTEM", str(tmp_path / "gone too"))
    with pytest.raises(BadInputError) as refused, private_folder(len(str(tmp_path)) + 20):
        pass
    told = str(refused.value)
    for word in ("gone: No such file", "gone too: No such file", "x" * 60, "TMPDIR", "--inline"):
        assert word in told
    assert "\n" not in told


@pytest.fixture
def plentiful(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine on which nothing is scarce."""
    monkeypatch.setattr("resource.getrlimit", lambda _: (-1, -1))
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=10**12))


@pytest.mark.usefixtures("plentiful")
@pytest.mark.parametrize(
    "error", [OSError(28, "No space\nleft"), Exception("timed out"), OSError()]
)
def test_a_ray_that_does_not_start_is_one_line(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(**_: object) -> None:
        logs = tmp_path / "r" / "session_2026-01-01_1" / "logs"
        logs.mkdir(parents=True)
        (logs / "raylet.err").write_text("fine\n[2026 C 1] shared_memory.cc:46: mmap failed\nat\n")
        raise error

    monkeypatch.setattr("ray.init", fail)
    monkeypatch.setenv("TMPDIR", "/some/place")
    with pytest.raises(BadInputError) as refused:
        start_local(1, str(tmp_path), 2)
    told = str(refused.value)
    said = " ".join(str(error).split()) or "OSError"
    for word in (said, "raylet: shared_memory.cc:46: mmap failed", "/some/place", "--inline"):
        assert word in told
    assert "\n" not in told


TROUBLED = "#!/bin/sh\necho 'thd.cc:157] pthread_create failed' >&2\nexec sleep 600\n"
"""A start that is in trouble and does not come to its end."""


@pytest.mark.timeout(60)
@pytest.mark.usefixtures("plentiful")
@pytest.mark.parametrize("child", ["#!/bin/sh\nexit 1\n", TROUBLED])
def test_a_limit_is_named_and_a_child_process_tries_first(
    child: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = tmp_path / "python"
    python.write_text(child)
    python.chmod(0o700)
    monkeypatch.setattr("resource.getrlimit", lambda kind: (10**9 if kind == RLIMIT_AS else -1, -1))
    monkeypatch.setenv("RAY_AUTH_TOKEN", secrets.token_hex(32))
    monkeypatch.setattr("sys.executable", str(python))
    monkeypatch.setattr("lps_sweep.sweep.ray.start.TROUBLE_S", 1)
    monkeypatch.setattr("ray.init", lambda **_: pytest.fail("the driver itself is not to try"))
    with pytest.raises(BadInputError, match=r"memory \(ulimit -v\) is 1 000 000 000") as refused:
        start_local(1, str(tmp_path), 2)
    assert ("pthread_create failed" in str(refused.value)) == (child == TROUBLED)


def test_the_services_of_a_session_are_known_by_its_token(monkeypatch: pytest.MonkeyPatch) -> None:
    with subprocess.Popen(["sleep", "60"]) as other:
        monkeypatch.setenv("RAY_AUTH_TOKEN", secrets.token_hex(32))
        with subprocess.Popen(["sleep", "60"]) as service:
            time.sleep(0.05)  # until it is `sleep`, with an environment of its own
            end_services()
            assert service.wait(timeout=60) == -signal.SIGKILL
        assert other.poll() is None
        other.kill()


HANGS_AT_START = """
import sys, time
from lps_sweep.sweep.ray import start
start.START_S, start.tight_limits = -59.5, lambda: []
(__import__("pathlib").Path(sys.argv[1])).mkdir(); start._start = lambda *_: time.sleep(60)
start.start_local(1, sys.argv[1], 2)
"""


@pytest.mark.slow
def test_a_start_that_hangs_ends_the_process_with_one_line(tmp_path: Path) -> None:
    environment = {**os.environ, "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    ended = python("-c", HANGS_AT_START, tmp_path / "s", env=environment)
    assert ended.returncode == 4, ended.stderr
    assert ended.stderr.startswith("lps_sweep: a local Ray cannot be started: it hung")
    assert ended.stderr.count("\n") == 1


def test_an_error_of_a_worker_is_told_by_its_exception() -> None:
    try:
        [][7]
    except IndexError as error:
        cause, trace = error, traceback.format_exc()
    made: Any = RayTaskError
    raised = made("train", trace, cause, proctitle="ray::ImplicitFunc.train()", pid=7)
    assert str(raised).startswith("\x1b[36mray::ImplicitFunc.train()")
    text = told_by(raised.as_instanceof_cause())
    assert "\x1b" not in text
    assert error_line(text) == "IndexError: list index out of range"
    assert "in test_an_error_of_a_worker" in text
