"""Parts of the executor on Ray that need no Ray: limits, guard, and what sessions leave behind."""

from __future__ import annotations

import socket
import subprocess
import sys
import traceback
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("ray")

from ray.exceptions import RayTaskError

from lps_sweep.errors import StorageError
from lps_sweep.plan import Resources
from lps_sweep.results.rates import error_line
from lps_sweep.sweep.executor import Blame, Death
from lps_sweep.sweep.jobs import JobMember, PackJob, Place
from lps_sweep.sweep.ray.executor import LOSSES, RayExecutor, told_by
from lps_sweep.sweep.ray.guard import answers
from lps_sweep.sweep.ray.hang import told
from lps_sweep.sweep.ray.leftovers import private_folder, remove_abandoned

HANGS = """
import ctypes, sys, time
from pathlib import Path
from lps_sweep.sweep.ray.hang import Hang

with Hang(Path(sys.argv[1]), float(sys.argv[2])) as hang:
    for _ in range(3):
        time.sleep(0.2)
        with hang.suspended():
            time.sleep(0.6)
    if sys.argv[3] == "python":
        time.sleep(60)
    if sys.argv[3] == "compiled":
        ctypes.PyDLL(None).sleep(60)
print("done")
"""


def hang(note: Path, limit_s: float, how: str) -> tuple[int, str]:
    ended = subprocess.run(
        [sys.executable, "-c", HANGS, str(note), str(limit_s), how],
        capture_output=True,
        text=True,
        timeout=40,
    )
    return ended.returncode, ended.stdout


@pytest.mark.parametrize("how", ["python", "compiled"])
@pytest.mark.slow
def test_a_process_that_hangs_ends_and_says_where(how: str, tmp_path: Path) -> None:
    code, output = hang(tmp_path / "notes" / "job", 0.5, how)
    assert (code, output) == (1, "")
    text = told(tmp_path / "notes" / "job", 0.5)
    assert text.startswith("no epoch ended within 0.5 s; the process stood here:")
    assert "line" in text
    assert told(tmp_path / "notes" / "job", None) == ""


def test_a_process_in_time_leaves_nothing(tmp_path: Path) -> None:
    assert hang(tmp_path / "job", 0.5, "not") == (0, "done\n")
    assert list(tmp_path.iterdir()) == []
    assert told(tmp_path / "job", 0.5) == ""


def job_of(*trial_ids: str) -> PackJob:
    members = tuple(JobMember(trial_id, 1, {}, None) for trial_id in trial_ids)
    return PackJob(Place(Path("r"), "cpu", 1), "job", 0, "trunk", members, 20.0)


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
        "from lps_sweep.sweep.ray.leftovers import private_folder\n"
        "with private_folder() as folder:\n"
        "    open(folder + '/log', 'w').close(); os.kill(os.getpid(), signal.SIGKILL)"
    )
    with private_folder() as mine:
        assert Path(mine).stat().st_mode & 0o777 == 0o700
        killed = subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
        assert killed.returncode == -9
        assert len(list(tmp_path.iterdir())) == 2
        assert remove_abandoned(tmp_path) == 1
        assert [str(path) for path in tmp_path.iterdir()] == [mine]
    assert list(tmp_path.iterdir()) == []


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (tmp_path / "lps-ray-x").symlink_to(other)
    assert remove_abandoned(tmp_path) == 0
    assert other.is_dir()


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
