"""What a matrix of faults has cost, in numbers."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Result:
    """What became of one sweep.

    Attributes:
        kind: Of fault.
        number: Of the case among those of its kind.
        injected: Faults that took effect.
        trials: Trials of the sweep.
        acknowledged: Epochs that the driver had taken note of, each counted once.
        lost: Acknowledged epochs and ends that are not there, and trials without outcome.
        duplicated: Trials, outcomes or epochs of an attempt that are there twice.
        rerun: Finished trials that were taken up again.
        repaired: Times that `check --repair` was needed.
        recovery_s: Seconds from each blow to a worker or node, or else from each new start of the
            driver, to the next beginning of a trial, or the end.
        findings: All that the checker says, for people.
    """

    kind: str
    number: int
    injected: int
    trials: int
    acknowledged: int
    lost: int
    duplicated: int
    rerun: int
    repaired: int
    recovery_s: list[float]
    findings: list[str]


def counted(findings: Sequence[str]) -> tuple[int, int, int]:
    """What the checker says, in numbers: lost, duplicated, finished trials run again."""
    lost = sum(text.endswith("lost") or "has 0 outcomes" in text for text in findings)
    duplicated = sum(" times: " in text for text in findings)
    return lost, duplicated, sum(text.startswith("I4") for text in findings)


def recoveries(events: Sequence[Mapping[str, Any]]) -> Iterator[float]:
    """Seconds from each fault to the next beginning of a trial, or to the end of all.

    After a blow to a worker or a node the beginning is that of a trial that was in training.
    """
    blows = [n for n, event in enumerate(events) if event["kind"] in ("struck", "disorder")]
    for number in blows:
        hit = in_training(events[:number])
        for event in events[number:]:
            if event["kind"] == "start" and event["trial"] in hit:
                yield event["at"] - events[number]["at"]
                break
    starts = [n for n, event in enumerate(events) if event["kind"] == "run"][1:]
    for number in starts if not blows else ():
        for event in events[number:]:
            if event["kind"] == "start" or (event["kind"] == "exit" and event["code"] == 0):
                yield event["at"] - events[number]["at"]
                break
            if event["kind"] == "exit":
                break


def in_training(events: Sequence[Mapping[str, Any]]) -> set[str]:
    """The trials that were begun and have not come to their end."""
    begun = {event["trial"] for event in events if event["kind"] == "start"}
    return begun - {event["trial"] for event in events if event["kind"] == "finished"}


NAMES = {
    "kind": "fault",
    "cases": "cases",
    "injected": "injected",
    "trials": "trials",
    "acknowledged": "epochs acknowledged",
    "lost": "lost",
    "duplicated": "duplicated",
    "rerun": "finished trials run again",
    "repaired": "repairs",
    "median_s": "recovery median (s)",
    "p99_s": "p99 (s)",
}
"""The columns of the table by their names in JSON."""


def figures(results: Sequence[Result], kinds: Sequence[str]) -> list[dict[str, Any]]:
    """A row for each of `kinds` that has results, and one for all."""
    rows = []
    for kind in (*kinds, "all"):
        some = [result for result in results if kind in (result.kind, "all")]
        if not some:
            continue
        seconds = sorted(s for result in some for s in result.recovery_s)
        row: dict[str, Any] = {"kind": kind, "cases": len(some)}
        for name in list(NAMES)[2:-2]:
            row[name] = sum(getattr(result, name) for result in some)
        row["median_s"] = statistics.median(seconds) if seconds else None
        late = min(len(seconds) - 1, int(0.99 * len(seconds)))
        row["p99_s"] = seconds[late] if seconds else None
        rows.append(row)
    return rows


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """The figures as a table in Markdown."""
    lines = ["| " + " | ".join(NAMES.values()) + " |", "|---|" + "---:|" * (len(NAMES) - 1)]
    for row in rows:
        cells = ("-" if row[name] is None else row[name] for name in NAMES)
        texts = (f"{cell:.2f}" if isinstance(cell, float) else str(cell) for cell in cells)
        lines.append("| " + " | ".join(texts) + " |")
    return "\n".join(lines)
