"""Measurements as lines for people, and as lines of JSON that survive an interruption."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # without torch, whoever needs but the lines
    from benchmarks.frame import Measurement

Record = dict[str, Any]


def record_of(measurement: Measurement) -> Record:
    """What was found, as JSON. A void timing has its seconds, and no ratio."""
    ratios = [ratio.facts() for ratio in measurement.ratios]
    if not measurement.valid:
        kept = ("baseline", "ours", "baseline_s", "ours_s")
        ratios = [{name: ratio[name] for name in kept} for ratio in ratios]
    return {
        "valid": measurement.valid,
        "checks": [check.facts() for check in measurement.checks],
        "ratios": ratios,
        "facts": dict(measurement.facts),
        "clock": measurement.clock,
    }


def append(path: Path, record: Mapping[str, Any]) -> None:
    """Adds a line to the file, and sees to it that it is on the disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    torn = path.exists() and not path.read_bytes().endswith(b"\n") and path.stat().st_size > 0
    with path.open("a", encoding="utf-8") as file:
        file.write(("\n" if torn else "") + json.dumps(record) + "\n")
        file.flush()
        os.fsync(file.fileno())


def read(path: Path) -> list[Record]:
    """The records of a file; lines that were cut off are left out."""
    found = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    return found


def told(record: Mapping[str, Any]) -> str:
    """All that a case found, in lines: checks, facts, and a line for each ratio."""
    name = f"{record['benchmark']}/{record['case']}"
    if record["skipped"]:
        return f"{name}: skipped: {record['skipped']}"
    if record["error"]:
        return f"{name}: FAILED: {record['error']}"
    lines = [f"{name}: {record['title']}"]
    for check in record["checks"]:
        bounds = ((check["low"], ">="), (check["high"], "<="))
        limits = ", ".join(f"{sign} {shown(end)}" for end, sign in bounds if end is not None)
        mark = "ok" if check["passes"] else "FAILED"
        lines.append(f"  {mark}: {check['name']}: {shown(check['value'])} ({limits})")
    lines += [f"  {fact}: {shown(value)}" for fact, value in record["facts"].items()]
    rate = shown(record["baseline_triples_per_s_and_core"])
    for ratio in record["ratios"]:
        text = _ratio(ratio) if "ratio" in ratio else "void"
        lines.append(
            f"  {ratio['baseline']} / {ratio['ours']}: {text}; {record['clock']}; "
            f"baseline {rate} triples per s and core"
        )
    return "\n".join(lines)


def shown(value: object) -> str:
    """A number with four digits at most, a list or mapping of them, or a word."""
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {shown(part)}" for name, part in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(shown(part) for part in value)
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    return str(value)


def _ratio(ratio: Mapping[str, Any]) -> str:
    """The median with its range, and the gate."""
    least, most = ratio["range"]
    text = f"{ratio['ratio']:.2f} ({least:.2f} to {most:.2f}, {ratio['pairs']} pairs)"
    if not ratio["shows_difference"]:
        text += ", no difference shown"
    ends = zip(("at least", "at most"), ratio["gate"], strict=True)
    if gate := " and ".join(f"{word} {end:g}" for word, end in ends if end is not None):
        text += f"; gate {gate}" + ("" if ratio["reaches_gate"] else ": MISSED")
    return text
