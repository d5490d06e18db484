"""Faults injected into a sweep, and what they cost: the figures of docs/reliability.md.

Real command line, driver and ledger with a trainer that trains nothing (tests/faults); what is
lost is decided by the checker there, which shares no code with the product. Each case is noted in
a file when it is over, so that an interrupted matrix goes on where it was.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import statistics
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.fault_kinds import DAMAGES, KINDS, Setting
from tests.faults import truth
from tests.faults.checker import check
from tests.faults.harness import REDO, Case, passages, warm_up

TRIALS = 4
EPOCHS = 6


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
        recovery_s: Seconds from each new start of the driver to its first trial, or its end.
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


def carry_out(kind: str, number: int, setting: Setting, folder: Path) -> Result:
    """One case, from the plan to the checker."""
    fault, _, _ = KINDS[kind]
    draw = random.Random(f"{setting.seed} {kind} {number}")
    case = Case.at(folder, epochs=EPOCHS, redo=EPOCHS if kind in DAMAGES else REDO)
    injected, repaired = fault(case, draw, setting, number)
    case.run()
    findings = check(case.truth, case.results, setting.straight.results)
    events = truth.read(case.truth)
    texts = [f"{finding.rule}: {finding.fact}" for finding in findings]
    lost, duplicated, rerun = counted(texts)
    return Result(
        kind=kind,
        number=number,
        injected=injected,
        trials=TRIALS,
        acknowledged=len({(e["trial"], e["epoch"]) for e in events if e["kind"] == "acknowledged"}),
        lost=lost,
        duplicated=duplicated,
        rerun=rerun,
        repaired=repaired,
        recovery_s=list(_recoveries(events)),
        findings=texts,
    )


def counted(findings: Sequence[str]) -> tuple[int, int, int]:
    """What the checker says, in numbers: lost, duplicated, finished trials run again."""
    lost = sum(text.endswith("lost") or "has 0 outcomes" in text for text in findings)
    duplicated = sum(" times: " in text for text in findings)
    return lost, duplicated, sum(text.startswith("I4") for text in findings)


def _recoveries(events: Sequence[dict[str, Any]]) -> Iterator[float]:
    """Seconds from each start of a driver but the first to its first trial, or its end."""
    runs = [number for number, event in enumerate(events) if event["kind"] == "run"]
    for number in runs[1:]:
        for event in events[number:]:
            if event["kind"] == "start" or (event["kind"] == "exit" and event["code"] == 0):
                yield event["at"] - events[number]["at"]
                break
            if event["kind"] == "exit":
                break


def table(results: Sequence[Result]) -> str:
    """The figures, a line per kind of fault."""
    names = ("injected", "trials", "acknowledged", "lost", "duplicated", "rerun", "repaired")
    lines = [
        "| fault | cases | injected | trials | epochs acknowledged | lost | duplicated "
        "| finished trials run again | repairs | recovery median (s) | p99 (s) |",
        "|---|" + "---:|" * 10,
    ]
    for kind in (*KINDS, "all"):
        some = [r for r in results if kind in (r.kind, "all")]
        seconds = sorted(s for r in some for s in r.recovery_s)
        sums = [sum(getattr(r, name) for r in some) for name in names]
        median = statistics.median(seconds) if seconds else float("nan")
        late = seconds[min(len(seconds) - 1, int(0.99 * len(seconds)))] if seconds else median
        cells = [kind, len(some), *sums, f"{median:.2f}", f"{late:.2f}"]
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines)


def run_matrix(quick: bool, seed: int, notes: Path, memory: Path | None) -> list[Result]:
    """All cases, of which those in `notes` are not done again."""
    notes.parent.mkdir(parents=True, exist_ok=True)
    lines = notes.read_text(encoding="utf-8").splitlines() if notes.exists() else []
    results = [Result(**json.loads(line)) for line in lines]
    known = {(result.kind, result.number) for result in results}
    with tempfile.TemporaryDirectory(prefix="lps-faults-", dir=memory) as name:
        folder = Path(name)
        warm_up(folder / "warm")
        straight = Case.at(folder / "straight", epochs=EPOCHS)
        setting = Setting(straight, passages(straight), seed)
        for kind, (_, many, few) in KINDS.items():
            for number in range(few if quick else many):
                if (kind, number) in known:
                    continue
                spread = number * len(setting.passed) // few if quick else number
                result = carry_out(kind, spread if quick else number, setting, folder / "case")
                result = Result(**{**asdict(result), "number": number})
                results.append(result)
                with notes.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(asdict(result)) + "\n")
                shutil.rmtree(folder / "case")
            print(f"{kind}: done", file=sys.stderr, flush=True)
    return results


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the matrix and prints the table; 0 if the checker found nothing."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--quick", action="store_true", help="about a tenth of the cases")
    parser.add_argument("--seed", type=int, default=0, help="of all draws (default: 0)")
    parser.add_argument("--notes", type=Path, help="file of the cases that are over")
    parser.add_argument("--anew", action="store_true", help="forget the cases that are over")
    given = parser.parse_args(arguments)
    name = f"faults-{given.seed}{'-quick' if given.quick else ''}.jsonl"
    notes = given.notes or Path("results") / "benchmarks" / name
    if given.anew:
        notes.unlink(missing_ok=True)
    memory = Path("/dev/shm") if Path("/dev/shm").is_dir() else None
    results = run_matrix(given.quick, given.seed, notes, memory)
    print(table(results))
    red = [result for result in results if result.findings]
    for result in red:
        print(f"{result.kind} {result.number}: " + "; ".join(result.findings))
    return 1 if red else 0


if __name__ == "__main__":
    sys.exit(main())
