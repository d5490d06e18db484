"""A Ray session: a private local one, or the one at an address; always with a token."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ray

from lps_sweep.errors import BadInputError
from lps_sweep.files import make_folder, open_private
from lps_sweep.sweep.ray.guard import Guard
from lps_sweep.sweep.ray.leftovers import private_folder
from lps_sweep.sweep.ray.strangers import lets_strangers_in
from lps_sweep.sweep.signals import handlers_kept

LOCAL_PATIENCE_S, CLUSTER_PATIENCE_S = 3.0, 40.0
"""Seconds without an answer of Ray's own services after which a run is ended."""


@contextlib.contextmanager
def ray_session(address: str, num_cpus: int, terminal: int) -> Iterator[None]:
    """Ray, started or joined, for the length of the block.

    Args:
        address: ``local`` for a private session on this machine, else the cluster's address.
        num_cpus: CPU cores of a local session.
        terminal: File descriptor for a last word, should Ray take the process with it.

    Raises:
        BadInputError: There is no cluster at `address`, or no token to join it with.
        StorageError: Ray's services went away.
    """
    local = address == "local"
    with private_folder() if local else contextlib.nullcontext("") as temporary:
        guard: Guard | None = None
        before = os.umask(0o077)  # Ray makes files for everybody otherwise
        try:
            with handlers_kept():  # Ray's own would end the process without a word
                if local:
                    _start(num_cpus, temporary)
                else:
                    _join(address)
            with Guard(LOCAL_PATIENCE_S if local else CLUSTER_PATIENCE_S, terminal) as guard:
                yield
        finally:
            os.umask(before)
            if guard is None or not guard.lost:
                ray.shutdown()
            elif local:
                _kill_services()


def _start(num_cpus: int, temporary: str) -> None:
    ray.init(
        address="local",
        num_cpus=num_cpus,
        include_dashboard=False,
        log_to_driver=False,
        logging_level=logging.WARNING,
        _temp_dir=f"{temporary}/r",  # Ray opens this one to everybody, not the one around it
    )


def _kill_services() -> None:
    """Ends the rest of a session of this process, which `ray.shutdown` would wait for."""
    with contextlib.suppress(Exception):
        node: Any = ray._private.worker._global_node
        node.kill_all_processes(check_alive=False, allow_graceful=False, wait=True)


def _join(address: str) -> None:
    try:
        ray.init(address=address, log_to_driver=False, logging_level=logging.WARNING)
    except Exception as error:
        raise BadInputError(
            f"no Ray cluster can be joined: {error}; the cluster's token belongs in "
            "RAY_AUTH_TOKEN, or in the file that RAY_AUTH_TOKEN_PATH names",
            f"--address {address}",
        ) from error
    if lets_strangers_in(ray.get_runtime_context().gcs_address):
        raise BadInputError(
            "this Ray cluster obeys anyone who can reach it; start every node of it with "
            "RAY_AUTH_MODE=token, as cluster.yaml does",
            f"--address {address}",
        )


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
