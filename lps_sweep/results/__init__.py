"""Results: the ledger, the lock of its driver, artefacts, tidy frames, statistics, the paper.

What computes with pandas or scipy is loaded when it is first asked for, so that looking at the
state of a sweep does not wait for them.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from lps_sweep.results.ledger import LEDGER_NAME, Ledger
from lps_sweep.results.lock import driver_alive, driver_lock
from lps_sweep.results.records import (
    REOPENABLE,
    Attempt,
    CheckpointRecord,
    Counts,
    Curve,
    FileRef,
    Json,
    PackTimes,
    PlanChange,
    Status,
    SweepRecord,
    TrialRecord,
)
from lps_sweep.results.sidecars import (
    Sidecar,
    agree,
    read_sidecar,
    sidecar_of,
    sidecar_paths,
    write_sidecar,
)
from lps_sweep.results.stops import Stop

if TYPE_CHECKING:
    from lps_sweep.results.artefacts import save_artefact
    from lps_sweep.results.view import SweepView, load_view

__all__ = [
    "LEDGER_NAME",
    "REOPENABLE",
    "Attempt",
    "CheckpointRecord",
    "Counts",
    "Curve",
    "FileRef",
    "Json",
    "Ledger",
    "PackTimes",
    "PlanChange",
    "Sidecar",
    "Status",
    "Stop",
    "SweepRecord",
    "SweepView",
    "TrialRecord",
    "agree",
    "driver_alive",
    "driver_lock",
    "load_view",
    "read_sidecar",
    "save_artefact",
    "sidecar_of",
    "sidecar_paths",
    "write_sidecar",
]


def __getattr__(name: str) -> Any:
    modules = {"SweepView": "view", "load_view": "view", "save_artefact": "artefacts"}
    if name not in modules:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{modules[name]}"), name)
