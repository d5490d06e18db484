"""Notices that Ray itself is gone, which Ray's own driver would wait for in vain."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from collections.abc import Sequence
from typing import Any

import ray

from lps_sweep.errors import ExitCode, StorageError
from lps_sweep.signals import end_with

Address = tuple[str, int]

INTERVAL_S = 1.0
"""Seconds between two looks."""

FAREWELL_S = 10.0
"""Seconds in which the process is to end after Ray was found to be gone; else it is ended."""


class Guard:
    """A thread that ends the run where Ray's control service or this node's raylet is gone.

    Without it, Ray 2.60 aborts the process after 60 s without a word (control service), or waits
    for ever (raylet). What was acknowledged is in the ledger at any moment, so that nothing has
    to be saved.

    Args:
        patience_s: Seconds without an answer after which they are gone; within 60 s the control
            service of a cluster may be restarted.
        terminal: File descriptor for a last word, where the main thread does not come to say it.
    """

    def __init__(self, patience_s: float, terminal: int) -> None:
        self._patience_s = patience_s
        self._terminal = terminal
        self._watched = services()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="guard", daemon=True)
        self.lost = ""

    def __enter__(self) -> Guard:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()

    def _watch(self) -> None:
        seen = dict.fromkeys(self._watched, time.monotonic())
        while not self._stopped.wait(INTERVAL_S):
            for name, address in self._watched.items():
                if answers(address):
                    seen[name] = time.monotonic()
                elif time.monotonic() - seen[name] > self._patience_s:
                    self.lost = f"Ray's {name} at {address[0]}:{address[1]} is gone"
                    self._end()
                    return

    def _end(self) -> None:
        text = (
            f"{self.lost}; every finished trial is recorded. Give the same command again to go on."
        )
        told = end_with(StorageError(text))
        left = told and self._stopped.wait(FAREWELL_S)
        if left:
            time.sleep(FAREWELL_S / 5)  # for the last words; then Ray's own farewell may hang
        else:
            with contextlib.suppress(OSError):
                os.write(self._terminal, f"lps_sweep: {text}\n".encode())
        os._exit(ExitCode.STORAGE)


def services() -> dict[str, Address]:
    """Where the control service of the session listens, and the raylet of this node."""
    context = ray.get_runtime_context()
    node_id = context.get_node_id()
    nodes: Sequence[dict[str, Any]] = ray.nodes()  # type: ignore[no-untyped-call]
    (here,) = (node for node in nodes if node["NodeID"] == node_id)
    host, _, port = context.gcs_address.rpartition(":")
    return {
        "control service": (host.strip("[]"), int(port)),
        "raylet": (here["NodeManagerAddress"], here["NodeManagerPort"]),
    }


def answers(address: Address) -> bool:
    """Whether something accepts connections there."""
    try:
        socket.create_connection(address, timeout=2.0).close()
    except OSError:
        return False
    return True
