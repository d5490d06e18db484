"""Trials that a rule ended: what was decided, in words that can be read back, and by what."""

from __future__ import annotations

import re
import sqlite3
from dataclasses import dataclass

Curve = dict[int, float | None]
"""A metric by epoch, from 1; None where it has no finite value."""

_TEXT = re.compile(
    r"sweep (?P<sweep>\S+), (?P<rule>[^:]+): rung (?P<rung>\d{1,9}) at epoch (?P<epoch>\d{1,9}), "
    r"rank (?P<rank>\d{1,9}) of (?P<compared>\d{1,9}), (?P<value>\S{1,24}) below (?P<bar>\S{1,24})"
)


@dataclass(frozen=True)
class Stop:
    """Why a rule ended a trial; its `text` is what the ledger keeps with the outcome.

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
            f"{prefix(self.sweep, self.rule)}rung {self.rung} at epoch {self.epoch}, "
            f"rank {self.rank} of {self.compared}, {self.value:.6g} below {self.bar:.6g}"
        )

    @classmethod
    def read(cls, text: str) -> Stop | None:
        """What `text` says; nothing if it is no such text."""
        match = _TEXT.fullmatch(text)
        if match is None:
            return None
        found = match.groupdict()
        try:
            value, bar = float(found["value"]), float(found["bar"])
        except ValueError:
            return None
        return cls(
            sweep=found["sweep"],
            rule=found["rule"],
            rung=int(found["rung"]),
            epoch=int(found["epoch"]),
            rank=int(found["rank"]),
            compared=int(found["compared"]),
            value=value,
            bar=bar,
        )


def prefix(sweep: str, rule: str) -> str:
    """How the texts of all stops by `rule` of `sweep` begin, and of no others."""
    return f"sweep {sweep}, {rule}: "


def stop_texts(connection: sqlite3.Connection) -> dict[str, str]:
    """The trials of all sweeps that a rule ended, each with the text of the decision."""
    return dict(connection.execute("SELECT trial_id, error FROM outcomes WHERE status = 'stopped'"))


def curves(connection: sqlite3.Connection, sweep: str, metric: str) -> dict[str, Curve]:
    """`metric` of the planned trials by epoch, of the newest attempt that reached it."""
    rows = connection.execute(
        "SELECT e.trial_id, e.epoch, json_extract(e.metrics, ?) FROM planned p"
        " JOIN epochs e USING (trial_id) WHERE p.sweep = ? AND p.position IS NOT NULL"
        " ORDER BY p.position, e.epoch, e.attempt",
        (f'$."{metric}"', sweep),
    )
    found: dict[str, Curve] = {}
    for trial_id, epoch, value in rows:
        number = float(value) if isinstance(value, int | float) else None
        found.setdefault(trial_id, {})[epoch] = number
    return found
