"""Fuzzing of search spaces: ``python -m benchmarks.fuzz --count 10000 --seed 0``.

Every case is one of the repository's own search spaces after some mutations. It must be refused
with a `BadInputError` that names the file, or planned; within a second of computing, and without
200 MB of memory more than before the first case. What is neither is kept as a file.
"""

from __future__ import annotations

import argparse
import random
import resource
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from benchmarks.mutations import mutated
from lps_sweep.errors import BadInputError
from lps_sweep.files import is_name
from lps_sweep.plan import Content, PlannedTrial, expand, read_space

SPACES = Path(__file__).parents[1] / "search_spaces"
LIMIT_S = 1.0
LIMIT_MB = 200.0
HANG_S = 20
EXPANDED = 1000
"""Most trials of a plan that is expanded, not only counted."""


@dataclass
class Tally:
    """What came of the cases.

    Attributes:
        accepted: Planned.
        refused: With an error that names the file.
        failures: Number of the case -> what was wrong.
        slowest_s: Most seconds of computing of a case.
        growth_mb: Memory beyond that before the first case, at its highest.
    """

    accepted: int = 0
    refused: int = 0
    failures: dict[int, str] = field(default_factory=dict)
    slowest_s: float = 0.0
    growth_mb: float = 0.0


class HangError(Exception):
    """A case did not end."""


def corpus() -> list[str]:
    """The repository's search spaces."""
    return [path.read_text(encoding="utf-8") for path in sorted(SPACES.rglob("*.yaml"))]


def case(texts: Sequence[str], seed: int, number: int) -> bytes:
    """Case `number` of a run with `seed`; does not depend on the other cases."""
    return mutated(texts, random.Random(f"{seed}:{number}"))


def judge(file: Path) -> bool:
    """Reads and plans `file`; whether it was accepted.

    Raises:
        AssertionError: A plan that cannot be right, or a refusal that does not name the file.
    """
    try:
        space = read_space(file)
        trials: tuple[PlannedTrial, ...] = ()
        if space.num_trials <= EXPANDED:
            trials = expand(space, lambda _: Content("data", "split"))
    except BadInputError as error:
        refusal = str(error)
    else:
        refusal = ""
    if refusal:
        assert refusal.startswith(f"{file}"), f"it does not name the file: {refusal}"
        assert "Located(" not in refusal, f"it shows the inside: {refusal}"
        return False
    assert is_name(space.name), f"a sweep called {space.name!r}"
    assert 1 <= space.num_trials <= 100_000, f"{space.num_trials} trials"
    assert len({trial.trial_id for trial in trials}) == len(trials), "two trials are one"
    if trials and not space.search:
        assert len(trials) == space.num_trials, "a wrong number of trials"
    return True


def run(count: int, seed: int, keep: Path) -> Tally:
    """Judges `count` cases; failing ones are kept in the folder `keep`."""
    tally, texts = Tally(), corpus()
    with tempfile.TemporaryDirectory(prefix="lps-fuzz-") as folder, _alarms():
        file = Path(folder) / "space.yaml"
        file.write_text(texts[0], encoding="utf-8")
        judge(file)  # what is loaded once counts for no case
        before_mb = _peak_mb()
        for number in range(count):
            content = case(texts, seed, number)
            file.write_bytes(content)
            reason = _reason(file, tally)
            tally.growth_mb = _peak_mb() - before_mb
            if not reason and tally.growth_mb > LIMIT_MB:
                reason = f"{tally.growth_mb:.0f} MB of memory"
                before_mb = _peak_mb()
            if reason:
                tally.failures[number] = reason
                keep.mkdir(parents=True, exist_ok=True)
                (keep / f"{seed}-{number}.yaml").write_bytes(content)
    return tally


def _reason(file: Path, tally: Tally) -> str:
    """Why the case is a failure; empty if it is none."""
    started = time.process_time()
    try:
        signal.alarm(HANG_S)
        accepted = judge(file)
    except Exception as error:
        return "".join(traceback.format_exception(error, limit=-3))
    finally:
        signal.alarm(0)
    seconds = time.process_time() - started
    tally.slowest_s = max(tally.slowest_s, seconds)
    tally.accepted += accepted
    tally.refused += not accepted
    return f"{seconds:.2f} s of computing" if seconds > LIMIT_S else ""


@contextmanager
def _alarms() -> Iterator[None]:
    def ring(_: int, __: FrameType | None) -> None:
        raise HangError(f"no end after {HANG_S} s")

    before = signal.signal(signal.SIGALRM, ring)
    try:
        yield
    finally:
        signal.signal(signal.SIGALRM, before)


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the fuzzer; 1 if a case failed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fuzz", description=__doc__)
    parser.add_argument("--count", type=int, default=10_000, metavar="N")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, default=Path("fuzz-failures"), metavar="FOLDER")
    parsed = parser.parse_args(arguments)
    started = time.perf_counter()
    tally = run(parsed.count, parsed.seed, parsed.keep)
    for number, reason in tally.failures.items():
        print(f"{parsed.keep / f'{parsed.seed}-{number}.yaml'}: {reason}")
    print(
        f"{parsed.count} cases, seed {parsed.seed}: {tally.accepted} planned, {tally.refused} "
        f"refused, {len(tally.failures)} failures; slowest {tally.slowest_s:.2f} s, memory "
        f"{tally.growth_mb:.0f} MB, {time.perf_counter() - started:.0f} s in all"
    )
    return 1 if tally.failures else 0


if __name__ == "__main__":
    sys.exit(main())
