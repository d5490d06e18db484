"""Was anything lost? Decides I1 to I9 from the truth and from what a results folder claims.

- I1: each planned configuration is there once, with one outcome.
- I2: every acknowledged epoch and end is recorded; no epoch twice for one attempt.
- I3: no row without truth: each recorded epoch and outcome was reported with these metrics, and
  none came from an attempt after it was given up.
- I4: no trial is taken up after it was done.
- I5: a trial that goes on trains no more acknowledged epochs again than a checkpoint interval has.
- I6: every file that is referred to has its recorded hash.
- I7: the final table is that of an uninterrupted run.
- I8: no process, lock or temporary file is left.
- I9: each driver ended with a right exit code and message.

No import of lps_sweep.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.faults.recorded import Recorded, read_ledger
from tests.faults.truth import read

Event = dict[str, Any]


@dataclass(frozen=True)
class Finding:
    """A broken rule, with what broke it."""

    rule: str
    fact: str


def check(truth: Path, results: Path, reference: Path | None = None) -> list[Finding]:
    """What is wrong with `results`; `reference` is the folder of an uninterrupted run."""
    straight = read_ledger(reference) if reference else None
    return judge(read(truth), read_ledger(results), straight)


def judge(
    events: Sequence[Event], recorded: Recorded, reference: Recorded | None = None
) -> list[Finding]:
    """What is wrong with the claims `recorded`, in the order of the rules."""
    rules = {
        "I1": _planned_once(events, recorded),
        "I2": _nothing_lost(events, recorded),
        "I3": [*_nothing_invented(events, recorded), *_nothing_late(events, recorded)],
        "I4": _no_start_after_done(events),
        "I5": _little_redone(events),
        "I6": recorded.damaged,
        "I7": _same_table(recorded, reference) if reference else (),
        "I8": [*recorded.left_over, *_living(events)],
        "I9": _right_exits(events),
    }
    return [Finding(rule, fact) for rule, facts in rules.items() for fact in facts]


def _of(events: Sequence[Event], *kinds: str) -> list[Event]:
    return [event for event in events if event["kind"] in kinds]


def _planned_once(events: Sequence[Event], recorded: Recorded) -> Iterable[str]:
    plan = _of(events, "plan")[-1]
    if len(recorded.planned) != plan["trials"]:
        yield f"{len(recorded.planned)} trials are planned, not {plan['trials']}"
    for number in (0, 1):
        counted = Counter(one[number] for one in recorded.planned)
        yield from (f"planned {n} times: {what}" for what, n in counted.items() if n > 1)
    ends = Counter(trial for trial, _, _ in recorded.outcomes)
    for trial, _ in recorded.planned:
        if ends[trial] != 1:
            yield f"trial {trial} has {ends[trial]} outcomes"


def _nothing_lost(events: Sequence[Event], recorded: Recorded) -> Iterable[str]:
    kept = {(trial, epoch) for trial, epoch, _, _ in recorded.epochs}
    for event in _of(events, "acknowledged"):
        if (event["trial"], event["epoch"]) not in kept:
            yield f"epoch {event['epoch']} of trial {event['trial']} is lost"
    ends = {trial: status for trial, status, _ in recorded.outcomes}
    for event in _of(events, "finished"):
        if ends.get(event["trial"]) != event["status"]:
            yield f"the end of trial {event['trial']} ({event['status']}) is lost"
    rows = Counter((trial, epoch, attempt) for trial, epoch, attempt, _ in recorded.epochs)
    yield from (f"recorded {n} times: {row}" for row, n in rows.items() if n > 1)


def _nothing_invented(events: Sequence[Event], recorded: Recorded) -> Iterable[str]:
    reported = {(e["trial"], e["epoch"], _fixed(e["metrics"])) for e in _of(events, "reported")}
    for trial, epoch, _, metrics in recorded.epochs:
        if (trial, epoch, _fixed(metrics)) not in reported:
            yield f"nobody reported epoch {epoch} of trial {trial} with these metrics"
    ends = {(e["trial"], e["status"], _fixed(e["metrics"])) for e in _of(events, "finishing")}
    for trial, status, metrics in recorded.outcomes:
        if (trial, status, _fixed(metrics)) not in ends:
            yield f"nobody reported that trial {trial} is {status} with these metrics"


def _nothing_late(events: Sequence[Event], recorded: Recorded) -> Iterable[str]:
    rows: dict[tuple[str, int], set[int]] = {}
    for trial, epoch, attempt, _ in recorded.epochs:
        rows.setdefault((trial, attempt), set()).add(epoch)
    for event in _of(events, "given up"):
        for trial, attempt, epochs in event["attempts"]:
            late = rows.get((trial, attempt), set()) - set(epochs)
            if late:
                yield f"epochs {sorted(late)} of trial {trial} came late, from attempt {attempt}"


def _fixed(metrics: Any) -> tuple[tuple[str, float | None], ...]:
    return tuple(sorted(metrics.items()))


def _no_start_after_done(events: Sequence[Event]) -> Iterable[str]:
    ended: set[str] = set()
    for event in events:
        if event["kind"] == "finished":
            ended.add(event["trial"])
        elif event["kind"] == "run":
            ended.update(event["outcomes"])
        elif event["kind"] == "forgiven":
            ended.discard(event["trial"])
        elif event["kind"] == "start" and event["trial"] in ended:
            yield f"trial {event['trial']} was taken up again after its end"


def _little_redone(events: Sequence[Event]) -> Iterable[str]:
    redo = _of(events, "plan")[-1]["redo"]
    reached: dict[str, int] = {}
    for event in events:
        if event["kind"] == "acknowledged":
            trial = event["trial"]
            reached[trial] = max(event["epoch"], reached.get(trial, 0))
        elif event["kind"] == "forgiven":
            reached.pop(event["trial"], None)
        elif event["kind"] == "start":
            again = reached.get(event["trial"], 0) - event["epoch"]
            if again > redo:
                yield f"trial {event['trial']} trained {again} acknowledged epochs again"


def _same_table(recorded: Recorded, reference: Recorded) -> Iterable[str]:
    ours, straight = recorded.table(), reference.table()
    yield from (f"only here: {row}" for row in ours if row not in straight)
    yield from (f"only in the uninterrupted run: {row}" for row in straight if row not in ours)


def _living(events: Sequence[Event]) -> Iterable[str]:
    for event in _of(events, "exit"):
        pid = event.get("pid")
        if pid and _alive(pid):
            yield f"process {pid} is still there"

    for event in _of(events, "left"):
        yield from (f"{what} is left" for what in event["what"])


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _right_exits(events: Sequence[Event]) -> Iterable[str]:
    for event in _of(events, "exit"):
        if event["code"] not in event["expected"]:
            yield f"exit code {event['code']}, not one of {event['expected']}"
        says, text = event.get("says", ""), event.get("text", "")
        if says not in text:
            yield f"{says!r} is not in the message {text!r}"
        if "Traceback" in text:
            yield f"a traceback in place of a message: {text!r}"
