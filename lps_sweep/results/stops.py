"""The decision of a rule to end a trial, as the ledger keeps it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lps_sweep.errors import StorageError


@dataclass(frozen=True)
class Stop:
    """A rule's decision to end a trial.

    Attributes:
        sweep: The sweep whose rule it was.
        rule: The rule with all its numbers and the metric, in words.
        rung: Number of the comparison, from 1.
        epoch: The epoch after which it was made, from 1.
        rank: Place of the trial in it, from 1, the best.
        compared: Trials that were compared, this one among them.
        value: What was compared of the trial.
        bar: What it would have needed.
    """

    sweep: str
    rule: str
    rung: int
    epoch: int
    rank: int
    compared: int
    value: float
    bar: float

    def text(self) -> str:
        """The decision in words, on one line, numbers to six digits."""
        return (
            f"sweep {self.sweep}, {self.rule}: rung {self.rung} at epoch {self.epoch}, "
            f"rank {self.rank} of {self.compared}, {self.value:.6g} below {self.bar:.6g}"
        )


_TEXT = re.compile(
    r"sweep (?P<sweep>\S+), (?P<rule>[^:]+): rung (?P<rung>\d{1,9}) at epoch (?P<epoch>\d{1,9}), "
    r"rank (?P<rank>\d{1,9}) of (?P<compared>\d{1,9}), (?P<value>\S{1,24}) below (?P<bar>\S{1,24})"
)
_KINDS = {"rung": int, "epoch": int, "rank": int, "compared": int, "value": float, "bar": float}


def read_stop(recorded: Mapping[str, Any] | None, text: str | None, path: Path) -> Stop | None:
    """What is `recorded` in a ledger at `path`; of one before version 3, what its `text` says.

    Raises:
        StorageError: What is recorded is no decision.
    """
    found = recorded
    if recorded is None and (match := _TEXT.fullmatch(text or "")):
        found = match.groupdict()
    try:
        return Stop(**{n: _KINDS.get(n, str)(v) for n, v in found.items()}) if found else None
    except (TypeError, ValueError) as error:
        if recorded is None:
            return None
        raise StorageError(f"{path} is damaged: a decision cannot be read ({error})") from error
