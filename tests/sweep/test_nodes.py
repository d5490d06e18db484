"""Nodes that lack something are refused by name before anything trains, or when they join.

Each further node has namespaces of its own for mounts, processes and its host name.
"""

from __future__ import annotations

import contextlib
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import pytest
import torch

import lps_sweep
from lps_sweep.data.prepare import prepare
from lps_sweep.errors import ExitCode
from lps_sweep.plan import Resources
from lps_sweep.train.device import Gpus
from tests.data.imagenet_cases import write_class_folders
from tests.own_process import python
from tests.sweep.test_ray import rows_of, space_of, wait_for, words
from tests.train.train_cases import config_of

pytest.importorskip("ray")
from lps_sweep.sweep.ray import nodes as module

Test = TypeVar("Test", bound=Callable[..., None])

HEAD = """
import sys
from ray.cluster_utils import Cluster
cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "num_gpus": 1})
print(cluster.address, flush=True)
sys.stdin.read()
cluster.shutdown()
"""
NODE = """
hostname "$1"; address="$2"; shift 2
for folder; do mkdir -p "$folder" && mount -t tmpfs none "$folder" || exit; done
exec ray start --address="$address" --node-ip-address="${address%:*}" --num-cpus=1 --block
"""
APART = ("--mount", "--uts", "--pid", "--fork", "--kill-child", "--mount-proc")
TOKEN = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "0123456789abcdef" * 4}
ENVIRONMENT = {**os.environ, **TOKEN, "RAY_USAGE_STATS_ENABLED": "0"}
PHOTOGRAPHS = """
name: photographs
set: {dataset: imagenet100, image_size: 32, data_root: DATA, batch_size: 50, labeled_ratio: 0.9}
seeds: [0]
"""
NAMES = ("lacking", "changed", "bare")


def on_cluster(test: Test) -> Test:
    """Marks a test that has nodes in namespaces."""
    able = os.geteuid() == 0 and shutil.which("unshare")
    skip = pytest.mark.skipif(not able, reason="needs root and unshare")
    marked: Test = pytest.mark.slow(pytest.mark.integration(skip(test)))
    return marked


@contextlib.contextmanager
def started(command: Sequence[str], environment: Mapping[str, str], says: str) -> Iterator[str]:
    """A part of a cluster; its first line of output that has `says`."""
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=environment,
    ) as process:
        assert process.stdout is not None
        try:
            yield next(line.strip() for line in process.stdout if says in line)
        finally:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.communicate("", timeout=0 if command[0] == "unshare" else 60)
            process.kill()


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """A cluster of one node, which has a CPU and says that it has a GPU."""
    with started([sys.executable, "-c", HEAD], ENVIRONMENT, says=":") as found:
        yield found


def node(
    address: str, name: str, *empty: Path, path: str = os.environ.get("PYTHONPATH", "")
) -> contextlib.AbstractContextManager[str]:
    """A further node, for which the folders `empty` are so."""
    command = ["unshare", *APART, "bash", "-c", NODE, "node", name, address, *map(str, empty)]
    return started(command, {**ENVIRONMENT, "PYTHONPATH": path}, says="Ray runtime started")


def run(
    space: Path, results: Path, address: str, *resources: str
) -> subprocess.CompletedProcess[str]:
    options = ["--address", address, *(["--resources", *resources] if resources else [])]
    return python(*words(space, results, *options), env=ENVIRONMENT, cwd=space.parent)


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    """A search space over images that lie in a folder."""
    root = write_class_folders(tmp_path / "photographs", per_class=4)
    prepare(root, 32, num_workers=1)
    space = tmp_path / "photographs.yaml"
    space.write_text(PHOTOGRAPHS.replace("DATA", str(root)))
    return space


@on_cluster
def test_each_node_that_lacks_something_is_named_before_anything_trains(
    address: str, photographs: Path, tmp_path: Path
) -> None:
    skipped = shutil.ignore_patterns("__pycache__")
    changed = tmp_path / "changed"
    shutil.copytree(Path(lps_sweep.__file__).parent, changed / "lps_sweep", ignore=skipped)
    with (changed / "lps_sweep" / "signals.py").open("a") as file:
        file.write("# changed\n")
    bare = tmp_path / "bare"
    (bare / "lps_sweep").mkdir(parents=True)
    (bare / "lps_sweep" / "__init__.py").write_text("TELEMETRY_OFF = {}\n")
    results, data = tmp_path / "r", tmp_path / "photographs"
    with contextlib.ExitStack() as stack:
        stack.enter_context(node(address, "lacking", results, data))
        stack.enter_context(node(address, "changed", path=str(changed)))
        stack.enter_context(node(address, "bare", path=str(bare)))
        refused = run(photographs, results, address, "gpus_per_pack=0")
    assert refused.returncode == ExitCode.BAD_INPUT, refused.stderr
    findings = re.split(rf"(?:; |: )(?=(?:{'|'.join(NAMES)}) \()", refused.stderr)
    said = {name: [one for one in findings if f"{name} (" in one] for name in NAMES}
    assert len(said["lacking"]) == 2, refused.stderr
    assert f"{results} is not the place" in said["lacking"][0]
    assert str(data) in said["lacking"][1]
    (of_changed,), (of_bare,) = said["changed"], said["bare"]
    assert f"lps_sweep must be {lps_sweep.__version__}" in of_changed
    assert "lps_sweep must run there" in of_bare
    assert rows_of(results, "SELECT count(*) FROM attempts") == [(0,)]
    assert not (results / "checkpoints").exists()


@on_cluster
def test_a_gpu_that_cannot_be_used_is_named_with_its_node(address: str, tmp_path: Path) -> None:
    refused = run(space_of(tmp_path, epochs=1), tmp_path / "r", address, "gpus_per_pack=1")
    assert refused.returncode == ExitCode.BAD_INPUT
    assert f"{platform.node()} (" in refused.stderr
    assert "no GPU can be used" in refused.stderr


@on_cluster
@pytest.mark.long
def test_a_node_that_joins_later_trains_nothing_before_it_has_passed(
    address: str, tmp_path: Path
) -> None:
    space, results = space_of(tmp_path, epochs=10), tmp_path / "r"
    asked = words(space, results, "--address", address, "--resources", "gpus_per_pack=0")
    alone = [*asked, "max_pack_size=1"]
    with subprocess.Popen(
        [sys.executable, *alone], stderr=subprocess.PIPE, text=True, env=ENVIRONMENT, cwd=tmp_path
    ) as driver:
        wait_for(results, "SELECT count(*) FROM epochs", 1, driver)
        with node(address, "late", results):
            _, told = driver.communicate(timeout=300)
    assert driver.returncode == ExitCode.STORAGE, told
    assert "late (" in told
    assert rows_of(results, "SELECT DISTINCT status FROM outcomes") in ([], [("done",)])
    with node(address, "right"):
        again = python(*alone, env=ENVIRONMENT, cwd=tmp_path, timeout=600)
    assert again.returncode == ExitCode.DONE, again.stderr
    workers = {str(name).split()[0] for (name,) in rows_of(results, "SELECT worker FROM attempts")}
    assert "right" in workers
    assert "late" not in workers


def test_a_gpu_that_is_too_small_for_one_trial_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    ends: list[Exception] = [torch.OutOfMemoryError("CUDA out of memory"), ValueError("diverged")]

    def probe(*_: object) -> None:
        raise ends.pop(0)

    monkeypatch.setattr("lps_sweep.sweep.probe.probe", probe)
    monkeypatch.setattr("lps_sweep.train.usable_gpus", lambda: Gpus(1), raising=False)
    (found,) = module._try_gpu(config_of(), Resources())
    assert "out of memory" in str(found)
    assert module._try_gpu(config_of(), Resources()) == []
