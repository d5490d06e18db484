"""Faults of a driver that trains in its own process: kills, its files, and time."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from lps_sweep import cli
from tests.faults import disorder, flaky, truth
from tests.faults.clock import Jumping, scatter_times
from tests.faults.harness import DIED, KILLED, Case, in_child
from tests.faults.waking import fall_asleep

EPOCHS = 6


@dataclass(frozen=True)
class Setting:
    """What all cases share: an undisturbed sweep, the failpoints that it passed, and the seed.

    `real` is a folder for an undisturbed sweep of the real trainer, run when it is first needed.
    """

    straight: Case
    passed: list[str]
    seed: int
    real: Path

    def reference(self, *, real: bool) -> Path:
        """The results of an undisturbed sweep."""
        if not real:
            return self.straight.results
        if not self.real.exists():
            from tests.faults.processes import run_straight

            run_straight(self.real, EPOCHS)
        return self.real / "results"


Fault = Callable[[Case, random.Random, Setting, int], tuple[int, int]]
"""Disturbs a case; how many faults took effect, and how many repairs were needed so far."""


@dataclass(frozen=True)
class Kind:
    """A kind of fault.

    Attributes:
        fault: Disturbs a case, whose last run is the caller's.
        many: Number of cases.
        few: Number of cases of the quick matrix.
        damages: A trial in training may have to begin again.
        real: The trainer is the real one.
    """

    fault: Fault
    many: int
    few: int
    damages: bool = False
    real: bool = False


DAMAGED = STORAGE = 5
"""Exit code of `check` where something is wrong, and of a run whose files cannot be reached."""
REQUESTS = 40
"""Fewer than a store is asked for in an undisturbed sweep."""


def killed_at_a_failpoint(
    case: Case, draw: random.Random, setting: Setting, number: int
) -> tuple[int, int]:
    """One kill, at one passage after the other."""
    del draw
    place = f"*:{number % len(setting.passed) + 1}"
    return int(case.run(place, expected=(0, DIED)) == DIED), 0


def killed_again_and_again(
    case: Case, draw: random.Random, setting: Setting, number: int
) -> tuple[int, int]:
    """Six kills, five of them while the driver resumes."""
    del number
    longest = len(setting.passed) // 3
    codes = [case.run(f"*:{draw.randint(1, longest)}", expected=(0, DIED)) for _ in range(6)]
    return codes.count(DIED), 0


def killed_by_sigkill(
    case: Case, draw: random.Random, setting: Setting, number: int
) -> tuple[int, int]:
    """Five SIGKILLs at random times, to processes of their own."""
    del setting, number
    codes = [
        case.run(
            expected=(0, KILLED), kill_after_s=draw.uniform(0.2, 1.8), epoch_s=0.1, separate=True
        )
        for _ in range(5)
    ]
    return codes.count(KILLED), 0


def disk_full(case: Case, draw: random.Random, setting: Setting, number: int) -> tuple[int, int]:
    """No space left from one write on; then there is space again."""
    del draw
    writes = [i for i, name in enumerate(setting.passed, 1) if name.startswith(("file", "ledger"))]
    place = f"*:{writes[number % len(writes)]}:enospc"
    return int(case.run(place, expected=(5,), says="No space left on device") == DAMAGED), 0


def bit_in_a_checkpoint(
    case: Case, draw: random.Random, setting: Setting, number: int
) -> tuple[int, int]:
    """A bit flips in a checkpoint while the driver is dead.

    A trial in training has to notice by itself; of a finished one, `check` is asked afterwards.
    """
    del number
    die_halfway(case, draw, setting)
    files = sorted(case.results.glob("checkpoints/*/epoch-*.pt"))
    flipped = flip(draw.choice(files), draw) if files else 0
    forgive(case)
    case.run()
    return flipped, repair(case)


def bit_in_the_ledger(
    case: Case, draw: random.Random, setting: Setting, number: int
) -> tuple[int, int]:
    """A bit flips in the ledger or its log while the driver is dead; then check and repair."""
    del number
    die_halfway(case, draw, setting)
    files = [case.results / f"ledger.sqlite{end}" for end in ("", "-wal")]
    flipped = flip(draw.choice([file for file in files if file.exists()]), draw)
    forgive(case)
    return flipped, repair(case)


def ledger_deleted(
    case: Case, draw: random.Random, setting: Setting, number: int
) -> tuple[int, int]:
    """The ledger and its log are deleted."""
    die_halfway(case, draw, setting)
    del number
    for path in case.results.glob("ledger.sqlite*"):
        path.unlink()
    forgive(case)
    return 1, repair(case)


LIMIT_S = 0.3


def hangs(case: Case, draw: random.Random, setting: Setting, number: int) -> tuple[int, int]:
    """Three epochs hang, one after the other, each until its time is over."""
    del setting, number
    limits = {"epoch_time_limit_s": LIMIT_S, "max_attempts": 50}
    case.resources(max_pack_size=2, checkpoint_interval_s=1, **limits)
    for _ in range(3):
        disorder.plan(case.truth, "sleep", skip=draw.randrange(2 * EPOCHS // 3))
        case.run(failpoint="outcome.inserted:1", expected=(0, DIED))
    return sum(event["kind"] == "disorder" for event in truth.read(case.truth)), 0


def wakes_late(case: Case, draw: random.Random, setting: Setting, number: int) -> tuple[int, int]:
    """Packs are given up for lost, and hand over rows when others have gone on with their work."""
    del setting, number
    case.resources(max_pack_size=2, checkpoint_interval_s=1, max_attempts=100)
    case.run(prepare=fall_asleep(case, draw))
    return sum(event["kind"] == "woke" for event in truth.read(case.truth)), 0


def clock_jumps(case: Case, draw: random.Random, setting: Setting, number: int) -> tuple[int, int]:
    """Three drivers are killed, and each lives with a wall clock that is wrong at each look.

    So are the times of all files, which such a clock would have given them.
    """
    del number
    longest = len(setting.passed) // 2
    for _ in range(3):
        place = f"*:{draw.randint(1, longest)}"
        case.run(place, expected=(0, DIED), prepare=Jumping(draw).install)
        scatter_times(case.results, draw)
    case.run(prepare=Jumping(draw).install)
    return 4, 0


def store_fails(case: Case, draw: random.Random, setting: Setting, number: int) -> tuple[int, int]:
    """A store beside the driver's folder fails now and then, or is gone from a request on."""
    del setting
    stored = replace(case, store=f"{flaky.SCHEME}{case.truth.parent / 'store'}")
    if number % 2:
        return int(stored.run(prepare=lambda: flaky.fail_now_and_then(draw)) == 0), 0
    requests = draw.randint(1, REQUESTS)
    end = stored.run(
        prepare=lambda: flaky.fail_after(requests), expected=(STORAGE,), says="503 slow down"
    )
    return int(end == STORAGE), 0


KINDS = {
    "kill at a failpoint": Kind(killed_at_a_failpoint, 300, 40),
    "kills while it resumes": Kind(killed_again_and_again, 100, 10),
    "SIGKILL at a random time": Kind(killed_by_sigkill, 25, 4),
    "disk full": Kind(disk_full, 200, 25),
    "bit in a checkpoint": Kind(bit_in_a_checkpoint, 60, 10, damages=True),
    "bit in the ledger": Kind(bit_in_the_ledger, 200, 20, damages=True),
    "ledger deleted": Kind(ledger_deleted, 40, 6, damages=True),
    "epoch hangs": Kind(hangs, 30, 4),
    "worker wakes late": Kind(wakes_late, 100, 10),
    "clock jumps": Kind(clock_jumps, 60, 6),
    "store fails": Kind(store_fails, 40, 4),
}


def die_halfway(case: Case, draw: random.Random, setting: Setting) -> None:
    """Kills the driver somewhere in the last two thirds of its run."""
    third = len(setting.passed) // 3
    case.run(f"*:{draw.randint(third, 3 * third)}", expected=(0, DIED))


def flip(path: Path, draw: random.Random) -> int:
    """Flips one bit; 1, or 0 where there is none."""
    content = bytearray(path.read_bytes())
    if not content:
        return 0
    content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
    path.write_bytes(content)
    return 1


def forgive(case: Case) -> None:
    """What was not finished when the damage was done may be trained again from the start."""
    events = truth.read(case.truth)
    finished = {e["trial"] for e in events if e["kind"] == "finished"}
    for trial in {e["trial"] for e in events if e["kind"] == "start"} - finished:
        truth.write(case.truth, "forgiven", trial=trial)


def repair(case: Case) -> int:
    """Asks `check`, and has the folder repaired if there is need; 1 if there was."""
    output = case.truth.with_suffix(".out")
    asked = ["check", str(case.results)]
    _, code = in_child(lambda: cli.main(asked), output)
    if code != DAMAGED:
        return 0
    _, mended = in_child(lambda: cli.main([*asked, "--repair"]), output)
    truth.write(case.truth, "exit", code=mended, expected=[0], text=output.read_text())
    return 1
