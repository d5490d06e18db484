"""What the ledger holds, as plain records."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Literal, Self, TypeAlias

from lps_sweep.results.stops import Stop

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

Metrics: TypeAlias = dict[str, float | None]
"""Metrics by name; None where one has no finite value."""

Curve: TypeAlias = dict[int, float | None]
"""A metric by epoch, from 1; None where it has no finite value."""

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
class Attempt:
    """An attempt at a trial. Times are seconds since 1970, by the driver's clock.

    Attributes:
        trial_id: Its trial.
        attempt: Its number, from 1.
        pack_id: The pack that it was in; packs of different runs may have the same.
        ended: Empty while it is open, then the outcome or why there is none; of an outcome that was
            taken back, ``failed, tried again: <error>``.
        begun: Whether a worker has taken it up.
        begun_at: When the driver learnt of that, the same for all of a pack; None where it is not
            recorded.
        ended_at: When it learnt of its end; None likewise, and for one whose driver died. Before
            `begun_at` where the clock was set back meanwhile.
        worker: The place that it was trained at, one pack at a time; None where it is not recorded.
        waits: Whether it was given up to wait for the trials that it is compared with.
        first: The first epoch that it recorded, or None.
        last: The last one.
        seconds: Durations of its epochs added up, its share of the pack's time.
        provenance: Versions, device and threads.
        stop: The decision of a rule that ended it, also where that was taken back.
    """

    trial_id: str
    attempt: int
    pack_id: str
    ended: str = ""
    begun: bool = False
    begun_at: float | None = None
    ended_at: float | None = None
    worker: str | None = None
    waits: bool = False
    first: int | None = None
    last: int | None = None
    seconds: float = 0.0
    provenance: dict[str, Json] = field(default_factory=dict)
    stop: Stop | None = None


@dataclass(frozen=True)
class TrialRow:
    """A planned trial as tables show it.

    `metrics` is empty unless the trial is done; `stop` is why a rule ended it.
    """

    trial_id: str
    seed: int
    swept: dict[str, Json]
    status: str
    metrics: Metrics
    error: str
    artefact: FileRef | None
    attempts: int
    seconds: float
    config: dict[str, Json]
    stop: Stop | None


@dataclass(frozen=True)
class EpochRow:
    """The state of a trial after an epoch, from the newest attempt that reached it."""

    trial_id: str
    epoch: int
    attempt: int
    seconds: float | None
    metrics: Metrics


@dataclass(frozen=True)
class Repeats:
    """The same seed, configuration and epoch, trained more than once after an interruption.

    Attributes:
        pairs: Trainings of an epoch beyond its first.
        different: Those of them with a number that is not the first one's to the last digit.
        largest: By metric, the largest absolute difference to the first; of those with any.
    """

    pairs: int = 0
    different: int = 0
    largest: dict[str, float] = field(default_factory=dict)

    @classmethod
    def among(cls, rows: Iterable[EpochRow]) -> Self:
        """Compares those of `rows` that are of one trial and epoch, which follow one another."""
        pairs = different = 0
        largest: dict[str, float] = {}
        for _, group in groupby(rows, key=lambda row: (row.trial_id, row.epoch)):
            first, *others = (row.metrics for row in group)
            for other in others:
                pairs += 1
                different += first != other
                for name in sorted(first.keys() & other.keys()):
                    a, b = first[name], other[name]
                    if a is not None and b is not None and a != b:
                        largest[name] = max(abs(a - b), largest.get(name, 0.0))
        return cls(pairs, different, largest)


@dataclass(frozen=True)
class PackTimes:
    """What the time of a pack went to.

    Attributes:
        config: Flat values of one of its members.
        size: Its members that trained an epoch.
        number: Epochs of all members together.
        seconds: Their seconds, each a member's share of the pack's.
        beside: Seconds beside its epochs; None unless it came to its end, or without clocks.
    """

    config: Mapping[str, Json]
    size: int
    number: int
    seconds: float
    beside: float | None
