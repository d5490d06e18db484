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
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from tests.faults import truth
from tests.faults.checker import check
from tests.faults.figures import Result, counted, figures, recoveries, table
from tests.faults.harness import REDO, Case, passages, warm_up
from tests.faults.kinds import EPOCHS, Setting
from tests.faults.kinds import KINDS as OF_PROCESS
from tests.faults.ray_kinds import RAY_KINDS
from tests.faults.soak import Soak, summary

TRIALS = 4
KINDS = {**OF_PROCESS, **RAY_KINDS}


def carry_out(kind: str, number: int, setting: Setting, folder: Path) -> Result:
    """One case, from the plan to the checker."""
    about = KINDS[kind]
    draw = random.Random(f"{setting.seed} {kind} {number}")
    case = Case.at(folder, epochs=EPOCHS, redo=EPOCHS if about.damages else REDO)
    injected, repaired = about.fault(case, draw, setting, number)
    case.run()
    findings = check(case.truth, case.results, setting.reference(real=about.real))
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
        recovery_s=list(recoveries(events)),
        findings=texts,
    )


def run_matrix(
    quick: bool, seed: int, notes: Path, memory: Path | None, only: str = ""
) -> list[Result]:
    """All cases, or those of the kinds that have `only` in their names.

    Those in `notes` are not done again.
    """
    kinds = {kind: about for kind, about in KINDS.items() if only in kind}
    notes.parent.mkdir(parents=True, exist_ok=True)
    lines = notes.read_text(encoding="utf-8").splitlines() if notes.exists() else []
    results = [Result(**json.loads(line)) for line in lines]
    known = {(result.kind, result.number) for result in results}
    with tempfile.TemporaryDirectory(prefix="lps-faults-", dir=memory) as name:
        folder = Path(name)
        warm_up(folder / "warm")
        straight = Case.at(folder / "straight", epochs=EPOCHS)
        setting = Setting(straight, passages(straight), seed, folder / "real")
        for kind, about in kinds.items():
            for number in range(about.few if quick else about.many):
                if (kind, number) in known:
                    continue
                place = number * len(setting.passed) // about.few if quick else number
                result = carry_out(kind, place, setting, folder / "case")
                result = Result(**{**asdict(result), "number": number})
                results.append(result)
                with notes.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(asdict(result)) + "\n")
                shutil.rmtree(folder / "case")
            print(f"{kind}: done", file=sys.stderr, flush=True)
    return results


def run_soak(minutes: float, seed: int, notes: Path | None) -> int:
    """A soak; 0 if the checker found nothing."""
    notes = notes or Path("results") / "benchmarks" / f"soak-{seed}.jsonl"
    notes.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="lps-soak-") as name:
        rounds = Soak(minutes, seed, Path(name), notes).run()
    print(summary(rounds))
    return 1 if any(one.findings for one in rounds) else 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the matrix and prints the table; 0 if the checker found nothing."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--quick", action="store_true", help="about a tenth of the cases")
    parser.add_argument("--seed", type=int, default=0, help="of all draws (default: 0)")
    parser.add_argument("--only", default="", metavar="TEXT", help="kinds with TEXT in their names")
    parser.add_argument("--notes", type=Path, help="file of the cases that are over")
    parser.add_argument("--json", type=Path, help="file that takes the figures, for programs")
    parser.add_argument("--anew", action="store_true", help="forget the cases that are over")
    parser.add_argument(
        "--soak", type=float, metavar="MINUTES", help="sweep after sweep, a fault every 20 s"
    )
    given = parser.parse_args(arguments)
    name = f"faults-{given.seed}{'-quick' if given.quick else ''}.jsonl"
    notes = given.notes or Path("results") / "benchmarks" / name
    if given.anew:
        notes.unlink(missing_ok=True)
    memory = Path("/dev/shm") if Path("/dev/shm").is_dir() else None
    if given.soak:
        return run_soak(given.soak, given.seed, given.notes)
    results = run_matrix(given.quick, given.seed, notes, memory, given.only)
    rows = figures(results, list(KINDS))
    print(table(rows))
    if given.json:
        from benchmarks.machine import machine_facts

        about = {"seed": given.seed, "machine": machine_facts(), "figures": rows}
        given.json.write_text(json.dumps(about, indent=1), encoding="utf-8")
    red = [result for result in results if result.findings]
    for result in red:
        print(f"{result.kind} {result.number}: " + "; ".join(result.findings))
    return 1 if red else 0


if __name__ == "__main__":
    sys.exit(main())
