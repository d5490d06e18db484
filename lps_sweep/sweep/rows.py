"""What a worker reports to the driver: plain records that travel between processes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from lps_sweep.results import CheckpointRecord, FileRef, Json


@dataclass(frozen=True)
class PackBegun:
    """A worker has begun a pack: its attempts by trial id, and device and threads.

    `worker` is the place that it is trained at, which the executor fills in.
    """

    attempts: Mapping[str, int]
    facts: Mapping[str, Json]
    worker: str | None = None


@dataclass(frozen=True)
class PackNotBegun:
    """A worker has left a pack alone, since a budget is spent: its attempts by trial id."""

    attempts: Mapping[str, int]


@dataclass(frozen=True)
class PackWaits:
    """A pack has saved its members at a rung and ended, to wait for trials of other packs."""

    attempts: Mapping[str, int]
    epoch: int


@dataclass(frozen=True)
class EpochRow:
    """A trial's state after `epoch`; `seconds` is its share of the pack's wall-clock time."""

    trial_id: str
    attempt: int
    epoch: int
    metrics: Mapping[str, float]
    seconds: float


@dataclass(frozen=True)
class OutcomeRow:
    """A trial's end; ``out_of_memory`` is no outcome but a reason to try it alone."""

    trial_id: str
    attempt: int
    status: str
    epoch: int
    metrics: Mapping[str, float]
    artefact: FileRef | None = None
    error: str = ""


@dataclass(frozen=True)
class TrunkRow:
    """Pre-training: `epoch` of `epochs` is done, with this mean loss."""

    trunk: str
    epoch: int
    epochs: int
    loss: float


@dataclass(frozen=True)
class TrunkMade:
    """A trunk is there: how good its features are, and how good those of random weights."""

    trunk: str
    quality: Mapping[str, float]
    untrained: Mapping[str, float]


@dataclass(frozen=True)
class CostRow:
    """What `train.pack_costs` measured for the job `job_id`."""

    job_id: str
    shared_s: float
    own_s: float
    member_bytes: int
    free_bytes: int


Row = (
    PackBegun
    | PackNotBegun
    | PackWaits
    | EpochRow
    | OutcomeRow
    | TrunkRow
    | TrunkMade
    | CostRow
    | CheckpointRecord
)


def placed(rows: Iterable[Row], worker: str) -> list[Row]:
    """`rows`, with `worker` filled in where one begins a pack."""
    return [replace(row, worker=worker) if isinstance(row, PackBegun) else row for row in rows]
