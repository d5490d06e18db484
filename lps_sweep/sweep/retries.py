"""How trials whose process died are tried again, until each has failed or finished alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil

from lps_sweep.results import Attempt

OUT_OF_MEMORY = "out of memory: "
"""How the end of an attempt begins that ran out of memory together with others."""


@dataclass
class Retries:
    """What is known of trials that died hard (killed, crashed, out of memory).

    A pack that dies is tried again as it is, then in halves, down to single trials; only a trial
    that died alone `max_attempts` times is failed. Who ran out of memory goes on in packs of half
    the size, and is failed if it was alone. Where several packs ran when the executor itself gave
    up, none is blamed: each is run once with nothing beside it.

    Attributes:
        max_attempts: Deaths of a trial alone before it is failed.
        limits: Largest pack that a trial may still be in.
        apart: Trials whose pack must run with nothing beside it.
    """

    max_attempts: int
    limits: dict[str, int] = field(default_factory=dict)
    apart: set[str] = field(default_factory=set)
    _alone: Counter[str] = field(default_factory=Counter)

    def died(self, trial_ids: Sequence[str], *, certain: bool) -> bool:
        """Notes that a pack of `trial_ids` died; True if its trial is to be failed now.

        Args:
            trial_ids: Its members that were still training.
            certain: Whether it is known that this pack died, and not the executor around it.
        """
        if not certain:
            self.apart.update(trial_ids)
            return False
        self.apart.difference_update(trial_ids)
        size = len(trial_ids)
        if size == 1:
            self._alone[trial_ids[0]] += 1
            self.limits[trial_ids[0]] = 1
            return self._alone[trial_ids[0]] >= self.max_attempts
        again = any(trial_id in self.limits for trial_id in trial_ids)
        for trial_id in trial_ids:
            self.limits[trial_id] = ceil(size / 2) if again else size
        return False

    def out_of_memory(self, trial_id: str, pack_size: int) -> bool:
        """Notes that a trial ran out of memory; True if it was alone and is to be failed."""
        self.limits[trial_id] = ceil(pack_size / 2)
        return pack_size == 1

    def remember(self, last: Mapping[str, Attempt]) -> None:
        """Takes over what an earlier run found out, from the last attempt at each trial."""
        short = {t: a.pack_id for t, a in last.items() if a.ended.startswith(OUT_OF_MEMORY)}
        sizes = Counter(short.values())
        for trial_id, pack_id in short.items():
            self.out_of_memory(trial_id, sizes[pack_id])
