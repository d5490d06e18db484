"""Parts of the executor on Ray that need no Ray: limits, guard, and what sessions leave behind."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import time
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from resource import RLIMIT_AS
from types import SimpleNamespace
from typing import Any

import pytest

from tests.own_process import python

pytest.importorskip("ray")

from ray.core.generated import common_pb2
from ray.exceptions import RayActorError, RayTaskError

from lps_sweep.errors import BadInputError
from lps_sweep.plan import Resources
from lps_sweep.sweep.executor import Blame
from lps_sweep.sweep.ray import deaths
from lps_sweep.sweep.ray.capacity import HEAD, NodeType, capacity, node_types
from lps_sweep.sweep.ray.deaths import told_by
from lps_sweep.sweep.ray.folder import PREFIX, SOCKET, private_folder
from lps_sweep.sweep.ray.guard import answers
from lps_sweep.sweep.ray.start import end_services, start_local
from lps_sweep.sweep.retries import LOSSES
from lps_sweep.sweep.store import Folder
from lps_sweep.sweep.temporary import remove_abandoned
from lps_sweep.sweep.time_limit import NOTES
from lps_sweep.text import error_line
from lps_sweep.train.events import Checkpoint, SavedFile
from tests.sweep.fakes import pack_job

job_of = partial(pack_job, Path("r"))


ACTOR = "00" * 16


def judge(folder: Path, monkeypatch: pytest.MonkeyPatch, end: str, node: str) -> deaths.Deaths:
    """Deaths on a cluster that has the node `there`, of actors on `node` that Ray says ended so."""
    messages: Any = common_pb2
    context = messages.ActorDiedErrorContext(reason=end or "UNSPECIFIED")
    known = {
        "State": "DEAD" if end else "ALIVE",
        "DeathCause": messages.ActorDeathCause(actor_died_error_context=context),
        "Address": {"NodeID": node},
    }
    monkeypatch.setattr(deaths, "alive_nodes", lambda: [{"NodeID": "there"}])
    monkeypatch.setattr(deaths, "actor_of", lambda _: known)
    monkeypatch.setattr(deaths, "VERDICT_S", 0.05)
    return deaths.Deaths(Folder(folder), 5.0)


@pytest.mark.parametrize(
    ("end", "node", "blame"),
    [
        ("WORKER_DIED", "there", Blame.CERTAIN),
        ("WORKER_DIED", "gone", Blame.NONE),
        ("NODE_DIED", "gone", Blame.NONE),
        ("", "there", Blame.NONE),  # nobody reaches it, and nobody knows yet why
        ("RAY_KILL", "there", Blame.NONE),
    ],
)
def test_only_a_process_that_died_alone_is_held_against_its_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: str, node: str, blame: Blame
) -> None:
    found = judge(tmp_path, monkeypatch, end, node)
    assert found.of(job_of("a"), RayActorError(ACTOR)).blame is blame


def test_the_loss_of_a_node_is_not_held_against_a_trial_unless_it_happens_often(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = judge(tmp_path, monkeypatch, "NODE_DIED", "gone")
    for _ in range(LOSSES):
        assert found.of(job_of("a", "b"), RayActorError(ACTOR)).blame is Blame.NONE
    assert found.of(job_of("c"), RayActorError(ACTOR)).blame is Blame.NONE
    assert found.of(job_of("b"), RayActorError(ACTOR)).blame is Blame.CERTAIN


def test_a_trial_that_comes_on_between_losses_is_never_the_cause(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = judge(tmp_path, monkeypatch, "NODE_DIED", "gone")
    file = SavedFile(tmp_path, "")
    for epoch in range(3 * LOSSES):
        job = job_of("a")
        member = replace(job.members[0], checkpoint=Checkpoint(epoch, file, file))
        job = replace(job, spec=replace(job.spec, members=(member,)))
        assert found.of(job, RayActorError(ACTOR)).blame is Blame.NONE


def test_what_is_taken_away_is_nobodys_fault_however_often(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = judge(tmp_path, monkeypatch, "WORKER_DIED", "there")
    for _ in range(3 * LOSSES):
        assert found.of(job_of("a"), RayActorError(ACTOR, preempted=True)).blame is Blame.NONE


def test_what_a_worker_wrote_down_is_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Folder(tmp_path).write(f"{NOTES}/job", b"Timeout (0:00:05)!\nin train")
    found = judge(tmp_path, monkeypatch, "WORKER_DIED", "there")
    told = found.of(job_of("a"), RayActorError(ACTOR))
    assert told.reason.startswith("no epoch ended within 5 s; ")
    assert told.reason.endswith("in train")
    assert told.blame is Blame.CERTAIN


CPUS, GPU = {"CPU": 16.0, "GPU": 1.0}, {"CPU": 8.0, "GPU": 1.0}
BARE = {"CPU": 1.0, HEAD: 1.0}


@pytest.mark.parametrize(
    ("there", "may", "asked", "expected"),
    [
        ([CPUS, CPUS], [], {"gpus_per_pack": 0.4}, (0.4, 4, 4)),
        ([BARE], [(GPU, 3)], {}, (1, 0, 3)),
        ([BARE, GPU], [(GPU, 3)], {}, (1, 1, 3)),
        ([BARE, GPU], [(GPU, 3), (CPUS, 2)], {}, (1, 1, 5)),
        ([{"CPU": 0.0, HEAD: 1.0}], [({"CPU": 4.0}, 5)], {"cpus_per_pack": 2}, (0, 0, 10)),
        ([BARE], [({"CPU": 4.0}, 2)], {}, (0, 1, 9)),
        ([BARE], [], {"gpus_per_pack": 1}, (1, 0, 0)),
        ([BARE], [(GPU, 4)], {"cpus_per_pack": 16}, (1, 0, 0)),
        ([BARE], [], {"gpus_per_pack": 1, "packs_at_a_time": 7}, (1, 0, 7)),
        ([BARE], [(GPU, 8)], {"packs_at_a_time": 2}, (1, 0, 2)),
    ],
)
def test_packs_are_counted_for_what_a_cluster_may_become(
    there: Sequence[Mapping[str, float]],
    may: Sequence[tuple[Mapping[str, float], int]],
    asked: Mapping[str, Any],
    expected: tuple[float, int, int],
) -> None:
    nodes = [{"Resources": node} for node in there]
    found = capacity(Resources(**asked), nodes, [NodeType(*kind) for kind in may])
    assert (found.gpus, found.now, found.most) == expected


def test_a_cluster_file_says_how_far_it_may_grow() -> None:
    content = {
        "max_workers": 5,
        "head_node_type": "head",
        "available_node_types": {
            "head": {"resources": {"CPU": 0}, "max_workers": 0},
            "small": {"resources": {"CPU": 2}, "max_workers": 3},
            "large": {"resources": {"CPU": 8, "GPU": 1}, "max_workers": 10},
            "unknown": {"max_workers": 4},
        },
    }
    assert node_types(content) == [
        NodeType({"CPU": 2}, 3),
        NodeType({"CPU": 8, "GPU": 1}, 2),
    ]


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
        assert remove_abandoned(tmp_path, PREFIX) == 1
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
