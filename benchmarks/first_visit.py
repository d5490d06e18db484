"""A first visit to a GPU, the most valuable first: what `first_visit.sh` runs; see docs/gpu.md.

Each item is a process with a time limit, so that one that dies or hangs does not stop the next. A
line of `STATE` says how it ended; started again, items that are done are left out, and those that
failed come last.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import output

ROOT = Path(__file__).parent.parent
STATE = "first_visit.jsonl"
LOG = "first_visit.log"
FIGURES = "benchmarks.jsonl"
"""The three files of the folder; what else is made lies beside it, and goes."""

SKIPPED = 77
MOST_LOGGED = 200_000
"""Characters of an item's output, from its end, that are kept."""


@dataclass(frozen=True)
class Item:
    """Something to look at.

    Attributes:
        name: In a word.
        command: What python is to run; FIGURES, FOLDER and DEVICE are filled in.
        limit_s: Seconds after which it is killed.
    """

    name: str
    command: tuple[str, ...]
    limit_s: float


def looked_at(name: str, limit_s: float) -> Item:
    """An item of `visit_items`."""
    return Item(name, ("-m", "benchmarks.visit_items", name, "FOLDER"), limit_s)


def measured(name: str, limit_s: float) -> Item:
    """A case of the benchmarks; on a CPU a quick one of the benchmark tries the way."""
    return Item(name, ("-m", "benchmarks", "CASE", "--json", "FIGURES"), limit_s)


def gpu_tests() -> tuple[str, ...]:
    """All files with tests for a GPU, since others need packages that may not be there."""
    files = sorted((ROOT / "tests").rglob("test_*.py"))
    marked = [str(f.relative_to(ROOT)) for f in files if "mark.gpu" in f.read_text("utf-8")]
    plain = ("-p", "no:xdist", "-p", "no:cacheprovider", "-o", "addopts=")
    no_plugins = ("-W", "ignore::pytest.PytestConfigWarning")  # of which there are settings
    return ("-m", "pytest", *plain, *no_plugins, "-q", "-rf", "-m", "gpu", *marked)


ITEMS = (
    looked_at("card", 60),
    Item("tests", gpu_tests(), 240),
    looked_at("memory", 60),
    looked_at("garbage", 60),
    looked_at("bits", 90),
    looked_at("uploads", 60),
    looked_at("resumed", 150),
    looked_at("halves", 150),
    looked_at("elsewhere", 120),
    *(measured(name, 90) for name in ("b12/card", "b3", "b2", "b6/k1", "b6/k5", "b4/frozen")),
)


def on_gpu() -> bool:
    """Whether there is one, asked in a process of its own."""
    code = "import torch; raise SystemExit(not torch.cuda.is_available())"
    with contextlib.suppress(subprocess.TimeoutExpired):  # a driver that hangs
        asked = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60)
        return asked.returncode == 0
    return False


def filled(item: Item, out: Path, folder: Path, gpu: bool) -> list[str]:
    """The command line of an item."""
    case = [item.name] if gpu else [item.name.partition("/")[0], "--cpu", "--quick"]
    words: dict[str, list[str]] = {
        "CASE": case,
        "FIGURES": [str(out / FIGURES)],
        "FOLDER": [str(folder)],
    }
    return [sys.executable, *(w for word in item.command for w in words.get(word, [word]))]


def look(item: Item, command: Sequence[str], limit_s: float, log: Path) -> Mapping[str, object]:
    """Runs an item with all its processes, at most so long; how it ended."""
    started = time.monotonic()
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    with tempfile.TemporaryFile("w+", errors="replace") as output:
        process = subprocess.Popen(
            command, cwd=ROOT, stdout=output, stderr=output, env=environment, process_group=0
        )
        try:
            code = process.wait(limit_s)
            status = {0: "ok", SKIPPED: "skipped"}.get(code, f"failed ({code})")
        except subprocess.TimeoutExpired:
            status = f"killed after {limit_s:.0f} s"
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        output.seek(0)
        text = output.read()[-MOST_LOGGED:]
    with log.open("a", encoding="utf-8") as file:
        file.write(f"=== {item.name}: {status}\n{text}\n")
    last = ([line for line in text.splitlines() if line.strip()] or [""])[-1]
    took = round(time.monotonic() - started, 1)
    return {"item": item.name, "status": status, "seconds": took, "last": last.strip()[:300]}


def known(state: Path, gpu: bool) -> dict[str, str]:
    """How each item that was begun ended; ``begun`` if nobody knows.

    What was looked at without a GPU says nothing of a visit with one.
    """
    records = [record for record in output.read(state) if record["gpu"] == gpu]
    return {record["item"]: record["status"] for record in records}


def in_order(items: Sequence[Item], before: Mapping[str, str]) -> list[Item]:
    """The items that are left: those never begun, then those that failed or were cut off."""
    fresh = [item for item in items if item.name not in before]
    done = {"ok", "skipped"}
    return fresh + [i for i in items if i.name in before and before[i.name] not in done]


def visit(items: Sequence[Item], out: Path, minutes: float, patience: float = 1.0) -> int:
    """Looks at what is left; 0 if all of it is as it should be."""
    started = time.monotonic()
    state, gpu = out / STATE, on_gpu()
    before = known(state, gpu)
    with tempfile.TemporaryDirectory() as folder:
        for item in in_order(items, before):
            left = 60 * minutes - (time.monotonic() - started)
            if left < 10:
                print(f"{item.name}: not begun, the time is over", flush=True)
                continue
            output.append(state, {"item": item.name, "status": "begun", "gpu": gpu})
            command = filled(item, out, Path(folder), gpu)
            found = look(item, command, min(patience * item.limit_s, left), out / LOG)
            output.append(state, {**found, "gpu": gpu})
            print("{item:10} {status:10} {seconds:6} s  {last}".format(**found), flush=True)
    ends = known(state, gpu)
    return 0 if all(ends.get(item.name) in ("ok", "skipped") for item in items) else 1


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="first_visit.sh", description=__doc__)
    out = Path(os.environ.get("OUT") or "first_visit")
    parser.add_argument("--out", type=Path, default=out, help="folder for state, log and figures")
    parser.add_argument("--earlier", type=Path, help="such a folder of an earlier visit")
    parser.add_argument("--minutes", type=float, default=9.5, help="begin nothing after so many")
    parser.add_argument("--patience", type=float, default=1.0, help="times each time limit")
    parser.add_argument("--only", nargs="*", metavar="ITEM", help=" ".join(i.name for i in ITEMS))
    given = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # who is looked at ends too
    given.out.mkdir(parents=True, exist_ok=True)
    if given.earlier and not (given.out / STATE).exists():
        for name in (STATE, LOG, FIGURES):
            with contextlib.suppress(FileNotFoundError):
                shutil.copyfile(given.earlier / name, given.out / name)
    wanted = [item for item in ITEMS if not given.only or item.name in given.only]
    return visit(wanted, given.out.absolute(), given.minutes, given.patience)


if __name__ == "__main__":
    sys.exit(main())
