"""Doing something again whenever a results folder has news, until its driver is gone."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path


def watch(
    results: Path, sweeps: Sequence[str], interval_s: float, act: Callable[[str], None]
) -> None:
    """Calls `act` with each of `sweeps`, and again at each change of it while a driver is alive.

    The last call comes after the driver has gone, so nothing that it recorded is missed.

    Args:
        results: The results folder.
        sweeps: Names of sweeps in it.
        interval_s: Seconds between two looks; 0 for a single call.
        act: Is given the name of a sweep.

    Raises:
        StorageError: The ledger cannot be read.
    """
    from lps_sweep.results import Ledger, driver_alive

    seen: dict[str, str] = {}
    while True:
        alive = driver_alive(results)
        with Ledger.open(results) as ledger:
            digests = {sweep: ledger.digest(sweep, alive) for sweep in sweeps}
        for sweep, digest in digests.items():
            if seen.get(sweep) != digest:
                act(sweep)
        seen = digests
        if not interval_s or not alive:
            return
        time.sleep(interval_s)
