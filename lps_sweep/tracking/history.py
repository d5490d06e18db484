"""What a tracker is told of a trial."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lps_sweep.results import Json, SweepView

if TYPE_CHECKING:
    import pandas as pd

ENDS = ("done", "stopped", "failed", "diverged")
NO_METRICS = {"trial_id", "status", "seed", "epoch", "attempts", "seconds", "error"}
"""Columns of a view's frames that are neither metrics nor swept parameters."""


@dataclass(frozen=True)
class TrialHistory:
    """A trial as far as it has come.

    Attributes:
        trial_id: Hash of what runs; the run's identity in every tool.
        sweep: Name of the sweep.
        name: Swept values and seed, for people.
        config: All resolved values by flat name, and the seed.
        status: done, stopped, failed, diverged, running or not_run.
        epochs: Metrics after each recorded epoch, by epoch from 1, ascending. Metrics that need
            the hidden labels are called ``oracle.<name>``; numbers that are not there are left out.
        final: Metrics of a trial that is done, else empty.
        error: What ended it, or empty.
    """

    trial_id: str
    sweep: str
    name: str
    config: Mapping[str, Json]
    status: str
    epochs: Mapping[int, Mapping[str, float]]
    final: Mapping[str, float]
    error: str

    @property
    def ended(self) -> bool:
        """Whether it has an outcome."""
        return self.status in ENDS


def trial_histories(view: SweepView) -> list[TrialHistory]:
    """The trials of a sweep that have begun, in plan order."""
    axes = list(view.record.axes)
    names = _metric_columns(view.epochs, axes)
    curves: dict[str, dict[int, dict[str, float]]] = {}
    for row in view.epochs.to_dict("records"):
        curves.setdefault(row["trial_id"], {})[int(row["epoch"])] = _metrics(row, names)
    final_names = _metric_columns(view.trials, axes)
    return [
        TrialHistory(
            trial_id=row["trial_id"],
            sweep=view.record.name,
            name=_name(row, axes),
            config={**view.configs[row["trial_id"]], "seed": int(row["seed"])},
            status=row["status"],
            epochs=curves.get(row["trial_id"], {}),
            final=_metrics(row, final_names) if row["status"] == "done" else {},
            error=row["error"],
        )
        for row in view.trials.to_dict("records")
        if row["status"] != "not_run" or row["trial_id"] in curves
    ]


def metric_label(name: str) -> str:
    """`name` as search spaces write it: ``oracle.`` before what needs the hidden labels."""
    return f"oracle.{name}" if is_oracle(name) else name


def is_oracle(name: str) -> bool:
    """Whether a metric is computed with the hidden labels of the unlabeled images."""
    if name == "acc_holdout":
        return False
    return name.startswith(("acc_", "nmi_")) or name == "novel_to_seen_share"


def _metric_columns(frame: pd.DataFrame, axes: Sequence[str]) -> dict[str, str]:
    """The column of each metric; a view calls one `measured_...` that a parameter's name hides."""
    columns = [str(column) for column in frame if column not in {*axes, *NO_METRICS}]
    return {column.removeprefix("measured_"): column for column in columns}


def _metrics(row: Mapping[Any, Any], names: Mapping[str, str]) -> dict[str, float]:
    """The finite metrics of a row of a frame; `names` tells their column of each."""
    values = {metric_label(metric): float(row[column]) for metric, column in names.items()}
    return {name: value for name, value in values.items() if math.isfinite(value)}


def _name(row: Mapping[Any, Any], axes: Sequence[str]) -> str:
    values = [f"{name}={row[name]}" for name in axes if row[name] is not None]
    return " ".join([*values, f"seed={row['seed']}"])
