"""What trials cost: read from what is recorded, or measured by a probe."""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from lps_sweep.config import Config, field_table, flat
from lps_sweep.plan import SHARED_COST
from lps_sweep.results import Ledger, PackTimes
from lps_sweep.sweep.store import Folder, store_of

NUM_MEASURED = 20
"""Finished trials whose files are measured."""

Kind = tuple[Any, ...]
"""Trials of one kind need the same time for an epoch."""


@dataclass(frozen=True)
class Cost:
    """What trials of a kind cost; an epoch of a pack, with evaluation, takes `epoch_s`.

    Attributes:
        shared_s: Seconds of an epoch that all members of a pack share.
        own_s: Seconds of an epoch that each member adds.
        start_s: Seconds of a pack beside its epochs.
        size: Bytes of the files that a trial leaves; None where it is not known.
        pretrain_epoch_s: Seconds of an epoch of pre-training; None where it is not known.
    """

    shared_s: float
    own_s: float
    start_s: float = 0.0
    size: float | None = None
    pretrain_epoch_s: float | None = None

    def epoch_s(self, num_members: int) -> float:
        """Seconds of an epoch of a pack."""
        return self.shared_s + num_members * self.own_s


def num_epochs(config: Config) -> int:
    """Epochs to the end: one for a method that trains nothing."""
    return config.loop.epochs if getattr(config.method, "trains", True) else 1


def kind_of(values: Mapping[str, Any]) -> Kind:
    """What decides how long an epoch takes, of the flat values of a configuration."""
    method = str(values.get("method", "lps"))
    got = ((name, values.get(name, default)) for name, default in _costly(method))
    return (method, *((name, tuple(v) if isinstance(v, list) else v) for name, v in got))


kind_of_config: Callable[[Config], Kind] = functools.lru_cache(maxsize=None)(
    lambda config: kind_of(flat(config))
)


@functools.cache
def _costly(method: str) -> tuple[tuple[str, Any], ...]:
    return tuple(
        (name, info.default)
        for name, info in field_table(method).items()
        if info.section in ("data", "trunk", "loop")
        and name != "epochs"
        and not (info.param.location or info.param.beside)
    )


def recorded_costs(ledger: Ledger, results: Path) -> dict[Kind, Cost]:
    """The cost of each kind of trial of which an epoch is recorded in the results folder."""
    packs: dict[Kind, list[PackTimes]] = defaultdict(list)
    for pack in ledger.pack_times():
        packs[kind_of(pack.config)].append(pack)
    finished = [trial_id for trial_id, status in ledger.known().items() if status == "done"]
    size = _size(results, finished[:NUM_MEASURED])
    return {kind: Cost(*_parts(of_kind), size) for kind, of_kind in packs.items()}


def _parts(packs: Sequence[PackTimes]) -> tuple[float, float, float]:
    """Seconds of an epoch that members share and that each adds; seconds beside the epochs.

    A member's share of an epoch is a line over the part of a pack that it is. Where the sizes of
    packs do not tell its slope, `SHARED_COST` does.
    """
    beside = [max(0.0, pack.beside) for pack in packs if pack.beside is not None]
    start_s = median(beside) if beside else 0.0
    number = sum(pack.number for pack in packs)
    mean_s = sum(pack.seconds for pack in packs) / number
    mean_part = sum(pack.number / pack.size for pack in packs) / number
    if max(p.size for p in packs) >= 2 * min(p.size for p in packs):
        apart = [(pack.number, 1 / pack.size - mean_part, pack.seconds) for pack in packs]
        square = sum(n * part**2 for n, part, _ in apart)
        shared_s = sum(part * seconds for _, part, seconds in apart) / square
        if shared_s > 0 and (own_s := mean_s - shared_s * mean_part) > 0:
            return shared_s, own_s, start_s
    own_s = mean_s / (1 + SHARED_COST * mean_part)
    return SHARED_COST * own_s, own_s, start_s


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
