"""How trials whose process died are tried again, until each has failed or finished alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil

from lps_sweep.results import Attempt
from lps_sweep.sweep.executor import Blame

LOSSES = 3
"""Nodes that a trial may be on when they are lost, and come no further between, before it is taken
for the cause."""

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

    def is_over(self, blame: Blame, trial_ids: Sequence[str]) -> bool:
        """Notes the end of a pack; True if its one trial is not to be tried again in this run.

        A broken device is no trial's fault; but should one of them break it, it is found by that.

        Args:
            blame: What the pack has to do with its end.
            trial_ids: Its members that were still training.
        """
        if blame is Blame.NONE:
            return False
        if blame is Blame.MEMORY:
            for trial_id in trial_ids:
                self.out_of_memory(trial_id, len(trial_ids))
            return len(trial_ids) == 1
        return self.died(trial_ids, certain=blame is not Blame.POSSIBLE)

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


class Losses:
    """Counts the nodes that were lost with a trial on them."""

    def __init__(self) -> None:
        self._counts: dict[str, tuple[int, int]] = {}

    def blame(self, reached: Mapping[str, int]) -> Blame:
        """Notes a loss, which is nobody's fault unless it befalls a trial again and again.

        Args:
            reached: The trials that were on the node, and their epochs when they came there.
        """
        for trial_id, epoch in reached.items():
            before, count = self._counts.get(trial_id, (epoch, 0))
            self._counts[trial_id] = (epoch, count + 1 if epoch <= before else 1)
        often = max(self._counts[trial_id][1] for trial_id in reached) > LOSSES
        return Blame.CERTAIN if often else Blame.NONE
