"""What the ledger holds, as plain records, and their form as JSON text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from lps_sweep.finite import is_finite, unmeasured

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

Status = Literal["done", "stopped", "failed", "diverged"]
"""How a trial ended: trained to its last epoch, ended by a rule, by an error, by a non-finite
loss."""

STATUSES: tuple[Status, ...] = ("done", "stopped", "failed", "diverged")

REOPENABLE: tuple[Status, ...] = ("failed", "diverged")
"""Outcomes with which a trial may be tried again. One that is done stays so; one that is stopped
stays so in the sweep whose rule it was."""


@dataclass(frozen=True)
class TrialRecord:
    """A planned trial.

    Attributes:
        trial_id: Hash of what will run; equal in every sweep that plans the same trial.
        config: All resolved values of the configuration, by flat name.
        seed: Seed of initialisation, batches and augmentation.
        pack_key: Hash of what trials must have in common to be trained in one pack.
        swept: Values of the parameters that the sweep varies; belongs to trial and sweep.
    """

    trial_id: str
    config: dict[str, Json]
    seed: int
    pack_key: str
    swept: dict[str, Json]


@dataclass(frozen=True)
class SweepRecord:
    """A sweep as it was planned.

    Attributes:
        name: Name, which is also the name of its folder.
        question: What the sweep is to answer, in a sentence.
        source: Text of the search space file.
        axes: Planned values of each swept parameter, in order.
        defaults: Value of each swept parameter where it is not swept.
        settings: Resolved flat configuration of the default cell.
        seeds: The planned seeds.
        preset: Name of the preset that the search space starts from.
        margin: Largest difference, in points of accuracy, that does not matter in practice, above
            0; None where none was declared, and then no difference is called equivalent to none.
        search: What decides which configurations an adaptive search asks for; None where values
            are listed.
    """

    name: str
    question: str
    source: str
    axes: dict[str, list[Json]]
    defaults: dict[str, Json]
    settings: dict[str, Json]
    seeds: list[int]
    preset: str
    margin: float | None = None
    search: dict[str, Json] | None = None


@dataclass(frozen=True)
class PlanChange:
    """What recording a plan changed: numbers of trials.

    Attributes:
        added: Planned now and not before in this sweep.
        shared: Those of `added` that the ledger knew already, from another sweep or an older plan.
        orphaned: Planned before and no longer: kept, outside the sweep.
    """

    added: int
    shared: int
    orphaned: int


@dataclass(frozen=True)
class Counts:
    """Trials of a sweep by state; `planned` is the sum of all others."""

    planned: int
    done: int
    stopped: int
    failed: int
    diverged: int
    running: int
    not_run: int


@dataclass(frozen=True)
class FileRef:
    """A file of the results folder: path relative to the folder, SHA-256 of the content."""

    path: str
    sha256: str


@dataclass(frozen=True)
class CheckpointRecord:
    """A checkpoint after `epoch`: the trial's own part and the part that its pack shares."""

    trial_id: str
    attempt: int
    epoch: int
    member: FileRef
    run: FileRef


@dataclass(frozen=True)
class AttemptRecord:
    """An attempt at a trial, numbered from 1.

    `ended` is empty while it is open, then the outcome or why there is none; of an outcome that
    was taken back, ``failed, tried again: <error>``.
    """

    trial_id: str
    attempt: int
    pack_id: str
    ended: str


def json_text(value: Any) -> str:
    """`value` as compact JSON, keys in the order given.

    Raises:
        ValueError: A number in `value` is not finite.
        TypeError: `value` holds what JSON cannot express.
    """
    return json.dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":"))


def metrics_text(metrics: Mapping[str, float]) -> str:
    """Metrics as JSON, sorted by name; a number that is not finite becomes null."""
    finite = {name: float(value) if is_finite(value) else None for name, value in metrics.items()}
    return json_text(dict(sorted(finite.items())))


def sweep_row(sweep: SweepRecord) -> tuple[str | float | None, ...]:
    """The values of a sweep's row, in the order of the attributes."""
    parts = (sweep.axes, sweep.defaults, sweep.settings, sweep.seeds)
    texts = (json_text(part) for part in parts)
    search = None if sweep.search is None else json_text(sweep.search)
    return (sweep.name, sweep.question, sweep.source, *texts, sweep.preset, sweep.margin, search)


def check_outcome(status: str, metrics: Mapping[str, float]) -> None:
    """Refuses what is no outcome.

    Raises:
        ValueError: The status is unknown, or it is done without metrics or with one that is not
            finite.
    """
    if status not in STATUSES:
        raise ValueError(f"no outcome is called {status!r}; valid: {', '.join(STATUSES)}")
    if status != "done":
        return
    bad = unmeasured(metrics) or ("" if metrics else "there are none")
    if bad:
        raise ValueError(f"a done trial needs finite final metrics; {bad}")
