"""Faults of a driver that trains in its own process, and of its files."""

from __future__ import annotations

import random
from pathlib import Path

from lps_sweep import cli
from tests.faults import truth
from tests.faults.harness import DIED, KILLED, Case, in_child
from tests.faults.setting import Kind, Setting

DAMAGED = 5
"""Exit code of `check` where something is wrong."""


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


KINDS = {
    "kill at a failpoint": Kind(killed_at_a_failpoint, 300, 40),
    "kills while it resumes": Kind(killed_again_and_again, 100, 10),
    "SIGKILL at a random time": Kind(killed_by_sigkill, 25, 4),
    "disk full": Kind(disk_full, 200, 25),
    "bit in a checkpoint": Kind(bit_in_a_checkpoint, 60, 10, damages=True),
    "bit in the ledger": Kind(bit_in_the_ledger, 200, 20, damages=True),
    "ledger deleted": Kind(ledger_deleted, 40, 6, damages=True),
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
