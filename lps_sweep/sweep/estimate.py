"""How long trials will take and how much they leave: from what is recorded, or from a probe."""

from __future__ import annotations

import functools
import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lps_sweep.config import Config, field_table, flat
from lps_sweep.errors import BadInputError
from lps_sweep.plan import Resources
from lps_sweep.results import Ledger
from lps_sweep.sweep.executor import room, usable_cpus
from lps_sweep.sweep.remote import store_of
from lps_sweep.sweep.store import Folder

GPUS = Path("/proc/driver/nvidia/gpus")
"""Has a folder for each GPU, where the driver is loaded."""

NUM_MEASURED = 20
"""Finished trials whose files are measured."""

Kind = tuple[Any, ...]
"""Trials of one kind need the same time for an epoch."""


@dataclass(frozen=True)
class Cost:
    """What a trial of a kind costs.

    Attributes:
        epoch_s: Its share of the seconds of a pack's epoch, with evaluation.
        size: Bytes of the files that it leaves; None where it is not known.
        pretrain_epoch_s: Seconds of an epoch of pre-training; None where it is not known.
    """

    epoch_s: float
    size: float | None = None
    pretrain_epoch_s: float | None = None


@dataclass(frozen=True)
class Workers:
    """Packs at a time, and the GPUs that each holds."""

    number: int
    gpus: float


@dataclass(frozen=True)
class Estimate:
    """What is left to do costs.

    Attributes:
        hours: Of wall-clock time with all workers busy; None where a kind of trial is unknown.
        gpu_hours: Hours of GPUs, 0 without any; None likewise.
        size: Bytes of disk; None where nothing is known.
        pretrain_hours: Part of `hours` that goes to pre-training; None where it is not in it.
    """

    hours: float | None
    gpu_hours: float | None
    size: int | None
    pretrain_hours: float | None = None


def num_epochs(config: Config) -> int:
    """Epochs to the end: one for a method that trains nothing."""
    return config.loop.epochs if getattr(config.method, "trains", True) else 1


def kind_of(values: Mapping[str, Any]) -> Kind:
    """What decides how long an epoch takes, of the flat values of a configuration."""
    method = str(values.get("method", "lps"))
    got = ((name, values.get(name, default)) for name, default in _costly(method))
    return (method, *((name, tuple(v) if isinstance(v, list) else v) for name, v in got))


@functools.cache
def _costly(method: str) -> tuple[tuple[str, Any], ...]:
    return tuple(
        (name, info.default)
        for name, info in field_table(method).items()
        if info.section in ("data", "trunk", "loop")
        and name != "epochs"
        and not (info.param.location or info.param.noise)
    )


def recorded_costs(ledger: Ledger, results: Path) -> dict[Kind, Cost]:
    """The mean cost of each kind of trial of which an epoch is recorded in the results folder."""
    sums: dict[Kind, tuple[float, int]] = {}
    for config, seconds, count in ledger.epoch_costs():
        before = sums.get(kind := kind_of(config), (0.0, 0))
        sums[kind] = before[0] + seconds, before[1] + count
    finished = [trial_id for trial_id, status in ledger.known().items() if status == "done"]
    size = _size(results, finished[:NUM_MEASURED])
    return {kind: Cost(seconds / count, size) for kind, (seconds, count) in sums.items()}


def _size(results: Path, finished: Sequence[str]) -> float | None:
    if not finished or not isinstance(store_of(results), Folder):
        return None
    files = [
        file
        for trial_id in finished
        for pattern in (f"checkpoints/{trial_id}/*", f"artefacts/{trial_id}*")
        for file in results.glob(pattern)
    ]
    return sum(file.stat().st_size for file in files) / len(finished)


def gpus_here() -> int:
    """GPUs of this machine that this process may use, found without torch."""
    try:
        number = len(list(GPUS.iterdir()))
    except OSError:
        return 0
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is None:
        return number
    named = [name for name in visible.split(",") if name.strip() not in ("", "-1")]
    return min(number, len(named))


def check_room(resources: Resources, places: Mapping[str, str], *, alone: bool) -> None:
    """Refuses resources of a pack that this machine can never give.

    Args:
        resources: What a pack is to have.
        places: Where each of them was read from.
        alone: Packs train in this process, one at a time on one GPU at the most.

    Raises:
        BadInputError: Says what was asked for and what there is.
    """
    cpus = usable_cpus()
    if resources.cpus_per_pack > cpus:
        raise BadInputError(
            f"cpus_per_pack must be at most {cpus}, the CPU cores that can be used on this "
            f"machine, not {resources.cpus_per_pack}",
            places.get("cpus_per_pack", ""),
        )
    if resources.gpus_per_pack:
        from lps_sweep.train import gpus_for_pack  # whether torch can use them, torch alone knows

        where = places.get("gpus_per_pack", "")
        gpus_for_pack(resources.gpus_per_pack, alone=alone, where=where)


def workers_here(resources: Resources) -> Workers:
    """How many packs this machine trains at a time."""
    found = gpus_here()
    wanted = 1.0 if resources.gpus_per_pack is None else resources.gpus_per_pack
    gpus = wanted if found else 0.0
    return Workers(max(1, room(usable_cpus(), found, resources.cpus_per_pack, gpus)), gpus)


def estimate(
    configs: Iterable[Config],
    costs: Mapping[Kind, Cost],
    workers: Workers,
    trunks: Iterable[Config] = (),
) -> Estimate:
    """The cost of one trial of each of `configs`, and of the trunks that `trunks` need.

    A pre-training is left out where its time is not known. It needs no worker but one.
    """
    epochs: Counter[Kind] = Counter()
    trials: Counter[Kind] = Counter()
    for config in configs:
        kind = _kind_of_config(config)
        epochs[kind] += num_epochs(config)
        trials[kind] += 1
    sizes = [costs[kind].size if kind in costs else None for kind in trials]
    known = [size for size in sizes if size is not None]
    mean = sum(known) / len(known) if known else None
    size = None if mean is None else round(mean * trials.total())
    if not trials:
        return Estimate(0.0, 0.0, 0)
    if not epochs.keys() <= costs.keys():
        return Estimate(None, None, size)
    training = sum(count * costs[kind].epoch_s for kind, count in epochs.items()) / 3600
    pretraining = _pretraining(trunks, costs)
    return Estimate(
        hours=training / workers.number + (pretraining or 0.0),
        gpu_hours=(training + (pretraining or 0.0)) * workers.gpus,
        size=size,
        pretrain_hours=pretraining,
    )


def hours_text(hours: float) -> str:
    """Hours in words: seconds, minutes or hours."""
    if hours * 60 < 2:
        return f"{hours * 3600:.0f} seconds"
    return f"{hours * 60:.0f} minutes" if hours < 2 else f"{hours:.1f} hours"


def _pretraining(trunks: Iterable[Config], costs: Mapping[Kind, Cost]) -> float | None:
    total = 0.0
    for config in trunks:
        cost = costs.get(_kind_of_config(config))
        if cost is None or cost.pretrain_epoch_s is None:
            return None
        total += config.pretrain.pretrain_epochs * cost.pretrain_epoch_s / 3600
    return total


_kind_of_config: Callable[[Config], Kind] = functools.lru_cache(maxsize=None)(
    lambda config: kind_of(flat(config))
)
