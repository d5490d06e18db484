"""Sweeps with kept arrays for the tests of the report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lps_sweep.results import Ledger, SweepRecord, save_artefact
from tests.report.report_cases import BEGUN_AT, Fates, final_metrics, make_ledger

Arrays = dict[str, NDArray[Any]]


def blobs(seed: int, *, count: int = 120, wrong: int = 6, epochs: int = 5) -> Arrays:
    """Ten well separated classes of `count` images in all; the first `wrong` are misclassified."""
    draw = np.random.default_rng(seed)
    targets = np.arange(count) % 10
    predictions = np.where(targets >= 5, 5 + (targets + 2) % 5, targets)  # novel heads in any order
    predictions[:wrong] = (predictions[:wrong] + 1) % 5
    features = np.eye(10)[targets] * 5 + draw.normal(size=(count, 10))
    late = np.linspace(0, 1, epochs)[:, None]
    shares = (1 - late) * np.linspace(2, 0.02, 10) + late
    return {
        "unlabeled_indices": np.arange(count) * 3,
        "targets": targets,
        "predictions": predictions,
        "pi_hat": (shares / shares.sum(1, keepdims=True)).astype(np.float32),
        "feature_indices": np.arange(0, count, 1) * 3,
        "features": features.astype(np.float32),
    }


def with_artefacts(
    folder: Path,
    sweep: SweepRecord,
    arrays: Callable[[int], Arrays] = blobs,
    fates: Fates | None = None,
    points: Sequence[tuple[Any, ...]] | None = None,
    **known: Any,
) -> Path:
    """As `make_ledger`, every trial but those of `fates` done and with the `arrays` of its seed."""
    make_ledger(folder, sweep, fates, otherwise="running", points=points, epochs=3, **known)
    with Ledger.open(folder, write=True) as ledger:
        rows = [r for r in ledger.trial_rows(sweep.name, True) if r.status == "running"]
        for row in rows:
            file = save_artefact(folder, row.trial_id, 1, arrays(row.seed))
            final = final_metrics(tuple(row.swept.values()), row.seed)
            at = BEGUN_AT + 9
            ledger.finish(row.trial_id, 1, "done", epoch=3, metrics=final, artefact=file, at=at)
    return folder
