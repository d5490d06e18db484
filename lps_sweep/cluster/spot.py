"""Tells Ray that this node will be taken away: ``python -m lps_sweep.cluster.spot aws|gcp``.

Nothing in Ray reads the notices of spot machines. This asks the metadata server of the cloud for
one, and has Ray drain the node: no pack is begun on it any more, and its loss is held against none.
Runs on each node until there is a notice; the standard library is all that it needs.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from datetime import datetime

REQUEST_S = 2.0
GCP_NOTICE_S = 30.0
"""Google's notice has no time in it; the machine goes half a minute later."""
SERVERS = {"aws": "http://169.254.169.254", "gcp": "http://metadata.google.internal"}

_open = urllib.request.build_opener(urllib.request.ProxyHandler({})).open


def aws_notice(server: str) -> float | None:
    """Seconds until the machine is taken away; nothing where it is not to be.

    Raises:
        OSError: The metadata server does not answer.
    """
    lifetime = {"X-aws-ec2-metadata-token-ttl-seconds": "60"}
    token = _ask("PUT", f"{server}/latest/api/token", lifetime)
    path = f"{server}/latest/meta-data/spot/instance-action"
    try:
        said = _ask("GET", path, {"X-aws-ec2-metadata-token": token})
    except urllib.error.HTTPError as error:
        if error.code == 404:
            return None
        raise
    return max(0.0, datetime.fromisoformat(json.loads(said)["time"]).timestamp() - time.time())


def gcp_notice(server: str) -> float | None:
    """As `aws_notice`, on Google's cloud."""
    path = f"{server}/computeMetadata/v1/instance/preempted"
    said = _ask("GET", path, {"Metadata-Flavor": "Google"})
    return GCP_NOTICE_S if said.strip() == "TRUE" else None


NOTICES: dict[str, Callable[[str], float | None]] = {"aws": aws_notice, "gcp": gcp_notice}


def _ask(method: str, url: str, headers: dict[str, str]) -> str:
    request = urllib.request.Request(url, headers=headers, method=method)
    with _open(request, timeout=REQUEST_S) as answer:
        return str(answer.read().decode())


def drain(seconds_left: float) -> bool:
    """Has Ray drain this node; whether it will."""
    ended = subprocess.run(
        [
            shutil.which("ray") or os.path.join(os.path.dirname(sys.executable), "ray"),  # noqa: PTH118, PTH120
            "drain-node",
            "--reason=DRAIN_NODE_REASON_PREEMPTION",
            "--reason-message=the cloud takes this spot machine away",
            f"--deadline-remaining-seconds={int(seconds_left)}",
        ],
        env={"RAY_AUTH_MODE": "token", **os.environ},
    )
    return ended.returncode == 0


def watch(cloud: str, server: str, every_s: float) -> None:
    """Waits for a notice and has the node drained; what fails is tried again."""
    failure = ""
    while True:
        try:
            left = NOTICES[cloud](server)
        except (OSError, ValueError, KeyError) as error:
            left = None
            if str(error) != failure:  # once, and not every few seconds
                failure = str(error)
                print(f"no word from {server}: {failure}", flush=True)
        if left is not None:
            print(f"this machine goes in {left:.0f} s", flush=True)
            if drain(left):
                return
        time.sleep(every_s)


def main() -> None:
    """Reads the command line, and watches."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n\n")[2])
    parser.add_argument("cloud", choices=sorted(NOTICES))
    parser.add_argument("--server", help="address of the metadata server (default: the cloud's)")
    parser.add_argument("--every", type=float, default=3.0, metavar="SECONDS")
    options = parser.parse_args()
    watch(options.cloud, options.server or SERVERS[options.cloud], options.every)


if __name__ == "__main__":
    main()
