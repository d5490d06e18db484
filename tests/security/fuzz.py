"""Fuzzing of search spaces: ``python -m tests.security.fuzz --count 10000 --seed 0``.

Every case is one of the repository's own search spaces after some mutations. It must be refused
with a `BadInputError` that names the file, or planned; within five million calls, and without
200 MB of memory more than before the first case. What is neither is kept as a file.
"""

from __future__ import annotations

import argparse
import random
import resource
import signal
import sys
import tempfile
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from lps_sweep.errors import BadInputError
from lps_sweep.files import is_name
from lps_sweep.plan import Content, PlannedTrial, expand, read_space
from tests.counted import counted_calls
from tests.security.mutations import mutated

SPACES = Path(__file__).parents[2] / "search_spaces"
LIMIT_CALLS = 5_000_000
LIMIT_MB = 200.0
HANG_S = 120
EXPANDED = 1000
"""Most trials of a plan that is expanded, not only counted."""


@dataclass
class Tally:
    """What came of the cases.

    Attributes:
        accepted: Planned.
        refused: With an error that names the file.
        failures: Number of the case -> what was wrong.
        most_calls: Most calls of a case.
        growth_mb: Memory beyond that before the first case, at its highest.
    """

    accepted: int = 0
    refused: int = 0
    failures: dict[int, str] = field(default_factory=dict)
    most_calls: int = 0
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
            trials = expand(space, lambda config: Content("data", f"{config.split}"))
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
    if trials and not space.search:
        assert len({trial.trial_id for trial in trials}) == len(trials), "two trials are one"
        number = sum(1 + len(trial.twins) for trial in trials)
        assert number == space.num_trials, "a wrong number of trials"
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
    try:
        signal.alarm(HANG_S)
        with counted_calls() as calls:
            accepted = judge(file)
    except Exception as error:
        return "".join(traceback.format_exception(error, limit=-3))
    finally:
        signal.alarm(0)
    tally.most_calls = max(tally.most_calls, calls.number)
    tally.accepted += accepted
    tally.refused += not accepted
    return f"{calls.number} calls" if calls.number > LIMIT_CALLS else ""


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
    parser = argparse.ArgumentParser(prog="python -m tests.security.fuzz", description=__doc__)
    parser.add_argument("--count", type=int, default=10_000, metavar="N")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, default=Path("fuzz-failures"), metavar="FOLDER")
    parsed = parser.parse_args(arguments)
    tally = run(parsed.count, parsed.seed, parsed.keep)
    for number, reason in tally.failures.items():
        print(f"{parsed.keep / f'{parsed.seed}-{number}.yaml'}: {reason}")
    print(
        f"{parsed.count} cases, seed {parsed.seed}: {tally.accepted} planned, {tally.refused} "
        f"refused, {len(tally.failures)} failures; at most {tally.most_calls} calls, memory "
        f"{tally.growth_mb:.0f} MB"
    )
    return 1 if tally.failures else 0


if __name__ == "__main__":
    sys.exit(main())
