"""cluster/slurm.sh with stand-ins for Slurm's commands, for ``ray symmetric-run`` and the sweep."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "cluster" / "slurm.sh"

SCONTROL = """\
#!/bin/bash
case $1 in
show) printf 'one\\ntwo\\n' ;;
*) echo "$@" >>"$FOLDER/told" ;;
esac
"""
SRUN = """\
#!/bin/bash
# A task on each of two nodes; ends with the worst of their codes, and hands signals on to them.
pids=
for NODE in one two; do NODE=$NODE "$@" & pids+=" $!"; done
trap 'kill -TERM $pids' TERM
worst=0
for pid in $pids; do
    while wait $pid; code=$?; kill -0 $pid 2>/dev/null; do :; done
    ((code <= worst)) || worst=$code
done
exit $worst
"""
RAY = """\
#!/bin/bash
# The head runs what stands behind `--`; a worker ends with 1 once the head is gone.
echo "$NODE: ${*:1:6}" >>"$FOLDER/started"
env | grep ^RAY_ >>"$FOLDER/environment-$NODE"
[ "$NODE" = one ] || { until [ -e "$FOLDER/over" ]; do sleep 0.1; done; exit 1; }
[ -z "${NO_RAY:-}" ] || { touch "$FOLDER/over"; exit 0; }
until [ "$1" = -- ]; do shift; done
shift
"$@"
code=$?
touch "$FOLDER/over"
exit $code
"""
SWEEP = """\
#!/bin/bash
echo "$@" >"$FOLDER/asked"
trap 'exit 143' TERM
for i in $(seq ${SWEEP_S:-0}); do sleep 0.1; done
exit ${SWEEP_CODE:-0}
"""


def start(folder: Path, *words: str, **settings: str) -> subprocess.Popen[str]:
    """The batch script, as Slurm starts it on the first node."""
    commands = {"scontrol": SCONTROL, "srun": SRUN, "ray": RAY, "lps-sweep": SWEEP}
    for name, text in commands.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o700)
    text = SCRIPT.read_text(encoding="utf-8").replace("/shared/lps_sweep/.venv/bin", str(folder))
    (folder / "slurm.sh").write_text(text)
    slurm = {"SLURM_JOB_NODELIST": "[one-two]", "SLURM_JOB_NUM_NODES": "2", "SLURM_JOB_ID": "7"}
    environment = {**os.environ, **slurm, "FOLDER": str(folder), **settings}
    return subprocess.Popen(["bash", str(folder / "slurm.sh"), *words], env=environment, text=True)


def requeued(folder: Path) -> bool:
    file = folder / "told"
    return file.exists() and file.read_text() == "requeue 7\n"


def running(folder: Path) -> None:
    over = time.monotonic() + 60
    while not (folder / "asked").exists():
        assert time.monotonic() < over
        time.sleep(0.1)


@pytest.mark.parametrize("code", [0, 2, 6])
def test_the_code_is_that_of_the_sweep_whatever_the_workers_say(code: int, tmp_path: Path) -> None:
    with start(tmp_path, "a b.yaml", "--limit", "3", SWEEP_CODE=str(code)) as script:
        assert script.wait(60) == code
    assert (tmp_path / "asked").read_text() == "run --address auto a b.yaml --limit 3\n"
    assert not requeued(tmp_path)
    calls = sorted((tmp_path / "started").read_text().splitlines())
    assert len(calls) == 2
    assert all(
        call.endswith(": symmetric-run --address one:6379 --min-nodes 2 --") for call in calls
    )


def test_every_node_has_one_token_which_is_another_in_the_next_job(tmp_path: Path) -> None:
    tokens = []
    for job in ("first", "second"):
        folder = tmp_path / job
        folder.mkdir()
        with start(folder, "a.yaml") as script:
            assert script.wait(60) == 0
        one, two = ((folder / f"environment-{n}").read_text().splitlines() for n in ("one", "two"))
        assert sorted(one) == sorted(two)
        assert "RAY_AUTH_MODE=token" in one
        tokens += [line for line in one if line.startswith("RAY_AUTH_TOKEN=")]
    assert len(set(tokens)) == 2
    assert {len(token) for token in tokens} == {len("RAY_AUTH_TOKEN=") + 64}


@pytest.mark.parametrize(
    ("number", "back"), [(signal.SIGUSR1, True), (signal.SIGTERM, False)], ids=["time", "scancel"]
)
def test_out_of_time_it_goes_back_into_the_queue_and_cancelled_it_does_not(
    number: signal.Signals, back: bool, tmp_path: Path
) -> None:
    with start(tmp_path, "a.yaml", SWEEP_S="300") as script:
        running(tmp_path)
        script.send_signal(number)
        assert script.wait(60) == 143
    assert requeued(tmp_path) == back


@pytest.mark.parametrize("program", ["lps-sweep", "srun"])
def test_preempted_by_slurm_which_tells_the_steps_alone_it_goes_back_into_the_queue(
    program: str, tmp_path: Path
) -> None:
    with start(tmp_path, "a.yaml", SWEEP_S="300") as script:
        running(tmp_path)
        for entry in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                words = (entry / "cmdline").read_bytes().split(b"\0")
                if words[1:2] == [str(tmp_path / program).encode()]:
                    os.kill(int(entry.name), signal.SIGTERM)
        assert script.wait(60) == 143
    assert requeued(tmp_path)


def test_where_ray_does_not_start_the_job_has_failed(tmp_path: Path) -> None:
    """``ray symmetric-run`` itself ends with 0 then."""
    with start(tmp_path, "a.yaml", NO_RAY="1") as script:
        assert script.wait(60) == 1
    assert not requeued(tmp_path)
