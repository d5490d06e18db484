"""A local Ray session of ours; prints what it listens on and its token, until standard input ends.

Starts as ``python ports_owner.py``, with a HOME of its own.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from typing import Any


def main() -> None:
    """Runs the session."""
    from lps_sweep.sweep.ray import prepare_environment

    prepare_environment("local")
    import ray

    psutil = importlib.import_module("psutil")  # comes with ray
    from lps_sweep.sweep.ray.session import ray_session

    os.umask(0)
    worker: Any = ray._private.worker
    with ray_session("local", 1, 2):
        this = psutil.Process()
        ports = [
            [process.name(), connection.laddr.ip, connection.laddr.port]
            for process in (this, *this.children(recursive=True))
            for connection in process.net_connections(kind="tcp")
            if connection.status == psutil.CONN_LISTEN
        ]
        facts = {
            "address": ray.get_runtime_context().gcs_address,
            "token": os.environ["RAY_AUTH_TOKEN"],
            "ports": ports,
            "folder": worker._global_node.get_session_dir_path(),
        }
        print(json.dumps(facts), flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
