"""All benchmarks, or some: ``python -m benchmarks [b3 b6/k5 ...] [--cpu] [--json FILE]``."""

from __future__ import annotations

import argparse
import importlib
import sys
import time
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch

from benchmarks import output
from benchmarks.frame import Case, Measurement, Setting, SkipError
from benchmarks.machine import machine_facts
from lps_sweep.train import set_up_device, usable_gpus

MODULES = {
    "b1": "augmentation",
    "b2": "augmentation:gpu_cases",
    "b3": "loss",
    "b4": "solo_step",
    "b5": "epoch",
    "b6": "packing",
    "b7": "overhead",
    "b9": "sharing",
    "b10": "packing:unfrozen_cases",
    "b11": "sweep",
    "b12": "roofline",
    "b13": "resume",
    "b14": "precision",
    "b15": "planning",
    "peer": "peer",
}
"""Name of a benchmark -> its module here, with the function of its cases if it is not `cases`."""

ALONE = ("peer",)
"""What takes an hour or more, and is measured only where it is asked for."""

SIZES = {"pairs": 1, "levels": 2, "epochs": 1}
"""What can be asked for of `peer`, and the least of it."""


def cases_of(setting: Setting, wanted: Sequence[str]) -> Iterator[tuple[str, Case]]:
    """The cases that are asked for, in the order in which they are.

    Raises:
        ValueError: Something asked for does not exist.
    """
    for name in wanted or [name for name in MODULES if name not in ALONE]:
        benchmark, _, only = name.partition("/")
        if benchmark not in MODULES:
            raise ValueError(f"no benchmark {benchmark!r}; there are {', '.join(MODULES)}")
        cases = _cases_in(MODULES[benchmark], setting)
        chosen = [case for case in cases if only in ("", case.name)]
        if not chosen:
            names = ", ".join(case.name for case in cases)
            raise ValueError(f"{benchmark} has no case {only!r} here; it has {names}")
        yield from ((benchmark, case) for case in chosen)


def _cases_in(place: str, setting: Setting) -> Sequence[Case]:
    """The cases of a module; one to be skipped if a package that it needs is missing."""
    module, _, function = place.partition(":")
    try:
        found = importlib.import_module(f"benchmarks.{module}")
    except ModuleNotFoundError as error:
        reason = f"{error.name} is not installed"

        def skip(_: Setting) -> Measurement:
            raise SkipError(reason)

        return [Case("all", module, skip)]
    cases: Sequence[Case] = getattr(found, function or "cases")(setting)
    return cases


def carry_out(benchmark: str, case: Case, setting: Setting) -> output.Record:
    """One case; whatever goes wrong is part of the record."""
    set_up_device(str(setting.device), num_threads=1)
    skipped = case.obstacle(setting)
    found, error, started = Measurement(()), "", time.monotonic()
    if not skipped:
        try:
            found = case.measure(setting)
        except SkipError as reason:
            skipped = str(reason)
        except Exception as caught:
            traceback.print_exc()
            error = f"{type(caught).__name__}: {caught}"
    return {
        "benchmark": benchmark,
        "case": case.name,
        "title": case.title,
        "device": setting.device.type,
        "quick": setting.quick,
        "sizes": dict(setting.sizes),
        "skipped": skipped,
        "error": error,
        **output.record_of(found),
        "wall_s": round(time.monotonic() - started, 1),
        "baseline_triples_per_s_and_core": baseline_rate(),
        **machine_facts(setting.device),
    }


def baseline_rate() -> float | str:
    """Triples per second and core of the reference-style baseline, or why there is no number."""
    try:
        from benchmarks.reference_style.views import triples_per_second
    except ModuleNotFoundError as error:
        return f"{error.name} not installed"
    return triples_per_second()


def is_done(record: output.Record, benchmark: str, case: Case, setting: Setting) -> bool:
    """Whether `record` is a valid measurement of this case in this setting."""
    key = ("benchmark", "case", "device", "quick")
    asked = (benchmark, case.name, setting.device.type, setting.quick)
    same_size = record.get("sizes", {}) == setting.sizes
    return bool(record["valid"]) and same_size and tuple(record[name] for name in key) == asked


def parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "wanted",
        nargs="*",
        metavar="CASE",
        help="b1 to b15, or one case, as b6/k5, all if none; or peer, which takes an hour or more",
    )
    parser.add_argument("--cpu", action="store_true", help="use no GPU, also where there is one")
    parser.add_argument("--quick", action="store_true", help="reduced, to try the code: no result")
    parser.add_argument(
        "--json",
        type=Path,
        metavar="FILE",
        help="add each case to FILE when it is over, a line each, and leave out what is in it",
    )
    parser.add_argument("--minutes", type=float, help="begin no further case after so many")
    for name, least in SIZES.items():
        at_least = (
            f"of peer alone: {name}, {least} at least; fewer than all are another measurement"
        )
        parser.add_argument(
            f"--{name}", type=int, metavar="N", choices=range(least, 100), help=at_least
        )
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs what is asked for; 1 if a check failed or something went wrong."""
    line = parser()
    given = line.parse_args(arguments)
    found = usable_gpus()
    on_cuda = found.number > 0 and not given.cpu
    if found.driver and found.trouble and not given.cpu:
        print(f"on the CPU: {found.trouble}", file=sys.stderr)
    sizes = {name: value for name in SIZES if (value := getattr(given, name)) is not None}
    setting = Setting(torch.device("cuda" if on_cuda else "cpu"), given.quick, sizes)
    try:
        cases = list(cases_of(setting, given.wanted))
    except ValueError as error:
        line.error(str(error))
    before = output.read(given.json) if given.json else []
    good, started = True, time.monotonic()
    for benchmark, case in cases:
        known = [record for record in before if is_done(record, benchmark, case, setting)]
        minutes = (time.monotonic() - started) / 60
        if not known and given.minutes is not None and minutes > given.minutes:
            print(f"{benchmark}/{case.name}: not begun, the time is over", flush=True)
            continue
        record = known[-1] if known else carry_out(benchmark, case, setting)
        print(output.told(record), flush=True)
        if given.json and not known:
            output.append(given.json, record)
        good = good and bool(record["skipped"] or record["valid"])
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
