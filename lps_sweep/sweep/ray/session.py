"""A Ray session: a private local one, or the one at an address; always with a token."""

from __future__ import annotations

import contextlib
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import ray

from lps_sweep import TELEMETRY_OFF
from lps_sweep.errors import BadInputError
from lps_sweep.files import make_folder, open_private
from lps_sweep.signals import handlers_kept, held_back, put_back
from lps_sweep.sweep.ray.folder import private_folder
from lps_sweep.sweep.ray.guard import Guard
from lps_sweep.sweep.ray.start import end_services, start_local

LOCAL_PATIENCE_S, CLUSTER_PATIENCE_S = 3.0, 40.0
"""Seconds without an answer of Ray's own services after which a run is ended."""

_TAKE_BACK_S = 0.0002
"""Seconds between two looks whether Ray has let go of SIGTERM, which ends the process till then."""

_CLIENT = """\
import sys
from ray._raylet import GcsClient
GcsClient(address=sys.argv[1]).get_all_node_info(timeout=10)
print("let in")
"""
_CLIENT_S = 60.0


@contextlib.contextmanager
def ray_session(address: str, num_cpus: int, terminal: int) -> Iterator[None]:
    """Ray, started or joined, for the length of the block.

    Args:
        address: ``local`` for a private session on this machine, else the cluster's address.
        num_cpus: CPU cores of a local session.
        terminal: File descriptor for a last word, should Ray take the process with it.

    Raises:
        BadInputError: A local session cannot be started; there is no cluster at `address`, or no
            token to join it with.
        StorageError: Ray's services went away.
    """
    local = address == "local"
    folder = private_folder() if local else contextlib.nullcontext("")
    with folder as temporary, handlers_kept():
        guard: Guard | None = None
        before = os.umask(0o077)  # Ray makes files for everybody otherwise
        try:
            with held_back():
                if local:
                    start_local(num_cpus, temporary, terminal)
                else:
                    _join(address)
            with Guard(LOCAL_PATIENCE_S if local else CLUSTER_PATIENCE_S, terminal) as guard:
                yield
        finally:
            os.umask(before)
            if guard is None or not guard.lost:
                _shut_down()
            if local and (guard is None or guard.lost):
                end_services()  # the rest of a session, which `ray.shutdown` would wait for


def _shut_down() -> None:
    """Ends the session, which lets go of SIGTERM: only this thread can take it back meanwhile."""
    ending = threading.Thread(target=ray.shutdown)
    ending.start()
    try:
        while ending.is_alive():
            time.sleep(_TAKE_BACK_S)
            put_back()
    finally:
        ending.join()  # also where a signal has come: Python must not end before


def _join(address: str) -> None:
    try:
        ray.init(
            address=address,
            log_to_driver=False,
            logging_level=logging.WARNING,
            runtime_env={"env_vars": {name: os.environ[name] for name in TELEMETRY_OFF}},
        )
    except Exception as error:
        raise BadInputError(
            f"no Ray cluster can be joined: {error}; the cluster's token belongs in "
            "RAY_AUTH_TOKEN, or in the file that RAY_AUTH_TOKEN_PATH names",
            f"--address {address}",
        ) from error
    if obeys_anyone(ray.get_runtime_context().gcs_address):
        raise BadInputError(
            "this Ray cluster obeys anyone who can reach it; start every node of it with "
            "RAY_AUTH_MODE=token, as cluster.yaml does",
            f"--address {address}",
        )


def obeys_anyone(address: str) -> bool:
    """Whether the cluster answers a client without a token, which it would obey as well.

    Args:
        address: Host and port of the cluster's control service.
    """
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("RAY_AUTH")
    }
    command = [sys.executable, "-c", _CLIENT, address]
    try:
        asked = subprocess.run(
            command,
            env={**environment, "RAY_AUTH_MODE": "disabled"},
            capture_output=True,
            text=True,
            timeout=_CLIENT_S,
        )
    except subprocess.TimeoutExpired:
        return False
    return "let in" in asked.stdout


@contextlib.contextmanager
def output_to(log: Path) -> Iterator[int]:
    """Sends what this process and its children print to the file `log` for the block's length.

    The block gets a file descriptor of what was standard error before.

    Ray prints from C++ and from other processes, so the file descriptors themselves are moved.
    """
    make_folder(log.parent)
    sys.stdout.flush()
    sys.stderr.flush()
    kept = os.dup(1), os.dup(2)
    with os.fdopen(open_private(log, os.O_WRONLY | os.O_APPEND), "ab") as file:
        try:
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
            yield kept[1]
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            for descriptor, number in zip(kept, (1, 2), strict=True):
                os.dup2(descriptor, number)
                os.close(descriptor)
