"""What a worker reports to the driver: plain records that travel between processes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from lps_sweep.results import FileRef, Json
from lps_sweep.train.events import Event, PackCosts


@dataclass(frozen=True)
class PackBegun:
    """A worker has begun a pack: its attempts by trial id, and what is known of how it trains.

    More of such facts may follow. `worker` is the place that it is trained at, which the executor
    fills in.
    """

    attempts: Mapping[str, int]
    facts: Mapping[str, Json]
    worker: str | None = None


@dataclass(frozen=True)
class PackLeft:
    """A worker has left a pack whose members have no end yet: their attempts by trial id.

    `waits_after` is the epoch of the rung at which they were saved, to wait for trials of other
    packs; None where the pack was not begun, for the reason `why`.
    """

    attempts: Mapping[str, int]
    waits_after: int | None = None
    why: str = "not started: a budget was spent"


@dataclass(frozen=True)
class MemberRow:
    """The trainer's event of a member, and the number of the attempt that it belongs to.

    The arrays of a `Finished` do not travel: `artefact` is the file that they were saved in.
    """

    attempt: int
    event: Event
    artefact: FileRef | None = None


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
    """What was measured for the job `job_id`."""

    job_id: str
    costs: PackCosts


Row = PackBegun | PackLeft | MemberRow | TrunkRow | TrunkMade | CostRow


def placed(rows: Iterable[Row], worker: str) -> list[Row]:
    """`rows`, with `worker` filled in where one begins a pack."""
    return [replace(row, worker=worker) if isinstance(row, PackBegun) else row for row in rows]
