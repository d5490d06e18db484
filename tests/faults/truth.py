"""What really happened, written outside the results folder, one line on the disk per event.

No import of lps_sweep: what the checker believes must not pass through what it checks. The kinds:

- ``plan``: `trials` planned configurations, `epochs` each, `redo` acknowledged epochs at the most
  that a trial may train again when it goes on;
- ``run``: a driver starts, and these `outcomes` (trial -> status) are in the results already;
- ``start``: a trainer takes up `trial` after `epoch` epochs;
- ``reported``: it hands on `metrics` of `epoch`; ``acknowledged``: the driver took note of them;
- ``finishing`` and ``finished``: the same for its end, with `status` and final `metrics`;
- ``given up``: these `attempts` (trial, number, recorded epochs) are over without an outcome;
- ``struck``: a process or a node was killed or stopped; ``disorder``: one died or hung in a `way`;
- ``woke``: a worker that was given up handed over `late` rows;
- ``forgiven``: a repair said that the end of `trial` could not be proven;
- ``exit``: a driver ended with `code`; `expected` codes are right, `says` is to be in its `text`.
- ``left``: `what` processes still ran, long enough after the last driver.

`at` is the time of the machine's monotonic clock in seconds, the same for all processes.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any


def write(path: Path, kind: str, **facts: Any) -> None:
    """Appends an event; it is on the disk when this returns."""
    line = json.dumps({"kind": kind, **facts, "at": time.monotonic()}) + "\n"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.write(descriptor, line.encode())
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read(path: Path) -> list[dict[str, Any]]:
    """All events, in order."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
