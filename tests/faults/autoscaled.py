"""A Ray cluster that starts its nodes by itself, on this machine: Ray's own fake provider.

Run as a program it has process ids of its own, drives a case to its end, and says what it saw, as
JSON. Nothing of the cluster is left when it has ended.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.faults.harness import Case
from tests.faults.processes import ROOT, OnRay

MOST = 3
"""Nodes that the cluster may start, of one CPU each."""

IDLE_S = 6.0
"""Seconds after which a node with nothing to do is removed."""

SHRUNK_S = 90.0
"""Seconds in which all are."""

EPOCH_S = 1.0
HEAD_ID = "fffffffffffffffffffffffffffffffffffffffffffffffffff00000"
"""The id that Ray's fake provider takes for the head's."""


def observe(folder: Path, *, lose: bool) -> dict[str, Any]:
    """Drives a case of four packs on such a cluster.

    Args:
        folder: Where everything goes.
        lose: Kill a node in training.

    Returns:
        Nodes `before`, the `most` at a time, and `after`; the exit `code`; nodes `lost`.
    """
    command = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]
    program = [sys.executable, "-m", "tests.faults.autoscaled", str(folder), str(int(lose))]
    done = subprocess.run([*command, *program], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.strip().rpartition("\n")[2])
    return found


def main() -> None:
    """As `observe`, in the process ids of its own."""
    folder, lose = Path(sys.argv[1]), sys.argv[2] == "1"
    case = Case.at(folder / "case")
    case.resources(max_pack_size=1, checkpoint_interval_s=1, max_attempts=1)
    os.environ.update(JOINED)  # before anything of Ray is imported
    how = OnRay(case, epoch_s=EPOCH_S, token=JOINED["RAY_AUTH_TOKEN"])
    how = replace(how, address=start(folder, how))
    seen = Seen(how.address)
    before = seen.count()
    driver = how.start()
    lost = 0
    if lose and driver.wait_for(3):
        lost = kill_a_node()
    code = driver.end(timeout_s=300)
    most = seen.most
    deadline = time.monotonic() + SHRUNK_S
    while seen.count() and time.monotonic() < deadline:
        time.sleep(0.5)
    facts = {"before": before, "most": most, "after": seen.count(), "code": code, "lost": lost}
    print(json.dumps({**facts, "text": driver.output.read_text()}))


JOINED = {
    "RAY_AUTH_MODE": "token",
    "RAY_AUTH_TOKEN": secrets.token_hex(32),
    "RAY_USAGE_STATS_ENABLED": "0",
}
"""The environment of who joins the cluster of this process."""

STARTED = {
    "RAY_FAKE_CLUSTER": "1",
    "AUTOSCALER_UPDATE_INTERVAL_S": "1",
    "RAY_enable_autoscaler_v2": "1",
    "RAY_CLOUD_INSTANCE_ID": HEAD_ID,
    "RAY_OVERRIDE_NODE_ID_FOR_TESTING": HEAD_ID,
}
"""The environment of its head, besides."""


def start(folder: Path, how: OnRay) -> str:
    """Starts a head without CPUs that starts nodes; its address."""
    from ray import util

    net: Any = util
    with socket.socket() as free:
        free.bind(("", 0))
        address = f"{net.get_node_ip_address()}:{free.getsockname()[1]}"
    file = folder / "cluster.json"
    file.write_text(json.dumps(configuration(address)))
    ray = str(Path(sys.executable).with_name("ray"))
    options = ["--num-cpus=0", "--include-dashboard=false", f"--autoscaling-config={file}"]
    subprocess.run(
        [ray, "start", "--head", f"--port={address.rpartition(':')[2]}", *options],
        env={**how.environment(), **STARTED},
        stdout=subprocess.DEVNULL,
        check=True,
    )
    return address


def configuration(address: str) -> dict[str, Any]:
    """The cluster for Ray's autoscaler; `address` is the head's."""
    nothing: dict[str, Any] = {"setup_commands": [], "initialization_commands": []}
    for side in ("head", "worker"):
        nothing |= {f"{side}_setup_commands": [], f"{side}_start_ray_commands": []}
    return {
        **nothing,
        "cluster_name": "fake",
        "max_workers": MOST,
        "upscaling_speed": 1.0,
        "idle_timeout_minutes": IDLE_S / 60,
        "provider": {
            "type": "external",
            "module": "ray.autoscaler._private.fake_multi_node.node_provider.FakeMultiNodeProvider",
            "gcs_address": address,
            "launch_multiple": True,
            "head_node_id": HEAD_ID,
        },
        "auth": {},
        "docker": {},
        "file_mounts": {},
        "cluster_synced_files": [],
        "file_mounts_sync_continuously": False,
        "rsync_exclude": [],
        "rsync_filter": [],
        "head_node_type": "ray.head.default",
        "available_node_types": {
            "ray.head.default": {"resources": {"CPU": 0}, "node_config": {}, "max_workers": 0},
            "worker": {
                "resources": {"CPU": 1},
                "node_config": {},
                "min_workers": 0,
                "max_workers": MOST,
            },
        },
    }


class Seen:
    """Counts nodes beside the head, now and at the most."""

    def __init__(self, address: str) -> None:
        from ray import _raylet

        raylet: Any = _raylet
        self._client: Any = raylet.GcsClient(address=address)
        self.most = 0
        threading.Thread(target=self._look, daemon=True).start()

    def count(self) -> int:
        """Nodes that are alive."""
        from ray.core.generated import gcs_pb2

        messages: Any = gcs_pb2
        alive = messages.GcsNodeInfo.ALIVE
        nodes = self._client.get_all_node_info().values()
        return sum(node.state == alive and not node.is_head_node for node in nodes)

    def _look(self) -> None:
        while True:
            with contextlib.suppress(Exception):
                self.most = max(self.most, self.count())
            time.sleep(0.3)


def kill_a_node() -> int:
    """Kills a node that trains, with all of its processes; how many there were: one."""
    from tests.faults.processes import descendants, is_worker

    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (entry / "cmdline").read_bytes().split(b"\0")
            tree = [int(entry.name), *descendants(int(entry.name))]
            if words[0].endswith(b"/raylet") and any(map(is_worker, tree)):
                for pid in tree:
                    os.kill(pid, signal.SIGKILL)
                return 1
    return 0


if __name__ == "__main__":
    main()
