"""Results: the ledger, the lock of its driver, artefacts, tidy frames, statistics, the paper.

What computes with numpy, scipy or pandas is loaded when it is first asked for, so that looking at
the state of a sweep does not wait for them.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from lps_sweep.files import atomic_write, inside, make_folder, read_file, sha256_file
from lps_sweep.results.copies import COPY_NAME, remove_parts
from lps_sweep.results.ledger import LEDGER_NAME, Ledger
from lps_sweep.results.lock import driver_alive, driver_lock
from lps_sweep.results.records import (
    REOPENABLE,
    AttemptRecord,
    CheckpointRecord,
    Counts,
    FileRef,
    Json,
    PlanChange,
    Status,
    SweepRecord,
    TrialRecord,
)
from lps_sweep.results.sidecars import (
    Sidecar,
    agree,
    read_sidecar,
    sidecar_paths,
    write_sidecar,
)
from lps_sweep.results.stops import Curve, Stop
from lps_sweep.results.trial_view import TrialView

if TYPE_CHECKING:
    from lps_sweep.results.artefacts import load_artefact, save_artefact
    from lps_sweep.results.contrasts import Contrast, ContrastTable, contrast_table
    from lps_sweep.results.statistics import Comparison, Description, compare, describe, verdict
    from lps_sweep.results.view import SweepView, load_view

__all__ = [
    "COPY_NAME",
    "LEDGER_NAME",
    "REOPENABLE",
    "AttemptRecord",
    "CheckpointRecord",
    "Comparison",
    "Contrast",
    "ContrastTable",
    "Counts",
    "Curve",
    "Description",
    "FileRef",
    "Json",
    "Ledger",
    "PlanChange",
    "Sidecar",
    "Status",
    "Stop",
    "SweepRecord",
    "SweepView",
    "TrialRecord",
    "TrialView",
    "agree",
    "atomic_write",
    "compare",
    "contrast_table",
    "describe",
    "driver_alive",
    "driver_lock",
    "inside",
    "load_artefact",
    "load_view",
    "make_folder",
    "read_file",
    "read_sidecar",
    "remove_parts",
    "save_artefact",
    "sha256_file",
    "sidecar_paths",
    "verdict",
    "write_sidecar",
]

_LAZY = {
    "artefacts": ("load_artefact", "save_artefact"),
    "contrasts": ("Contrast", "ContrastTable", "contrast_table"),
    "statistics": ("Comparison", "Description", "compare", "describe", "verdict"),
    "view": ("SweepView", "load_view"),
}


def __getattr__(name: str) -> Any:
    for module, names in _LAZY.items():
        if name in names:
            return getattr(importlib.import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
