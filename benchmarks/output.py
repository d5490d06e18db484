"""Measurements as a table for people, and as lines of JSON that survive an interruption."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

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
    if not path.exists():
        return []
    found = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    return found


def table(records: Iterable[Mapping[str, Any]]) -> str:
    """A row for each ratio, and one for each case without; Markdown."""
    head = "baseline, triples per s and core"
    lines = [
        f"| case | what | against | ratio, median (range) | gate | checks | {head} |",
        "|---|---|---|---|---|---|---|",
    ]
    for record in records:
        name = f"{record['benchmark']}/{record['case']}"
        rate = shown(record["baseline_triples_per_s_and_core"])
        for what, against, ratio, gate in _cells(record):
            cells = [name, what, against, ratio, gate, _verdict(record), rate]
            lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def details(record: Mapping[str, Any]) -> str:
    """All that a case found, in lines."""
    lines = [f"{record['benchmark']}/{record['case']}: {record['title']}"]
    if record["skipped"]:
        return f"{lines[0]}\n  skipped: {record['skipped']}"
    if record["error"]:
        return f"{lines[0]}\n  failed: {record['error']}"
    for check in record["checks"]:
        bounds = [f"{sign} {shown(check[side])}" for side, sign in (("low", ">="), ("high", "<="))
                  if check[side] is not None]  # fmt: skip
        mark = "ok" if check["passes"] else "FAILED"
        lines.append(f"  {mark}: {check['name']}: {shown(check['value'])} ({', '.join(bounds)})")
    for name, value in record["facts"].items():
        lines.append(f"  {name}: {shown(value)}")
    rate = shown(record["baseline_triples_per_s_and_core"])
    for what, against, ratio, gate in _cells(record) if record["ratios"] else ():
        text = f"  {against} / {what}: {ratio}" + (f"; gate {gate}" if gate else "")
        lines.append(f"{text}; {record['clock']}; baseline {rate} triples per s and core")
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


def _cells(record: Mapping[str, Any]) -> list[tuple[str, str, str, str]]:
    """Ours, baseline, ratio and gate, for each ratio."""
    if not record.get("ratios"):
        return [(record["title"], "", _without(record), "")]
    rows = []
    for ratio in record["ratios"]:
        text = "void" if "ratio" not in ratio else _ratio(ratio)
        rows.append((ratio["ours"], ratio["baseline"], text, _gate(ratio)))
    return rows


def _without(record: Mapping[str, Any]) -> str:
    return f"skipped: {record['skipped']}" if record["skipped"] else "-"


def _ratio(ratio: Mapping[str, Any]) -> str:
    low, high = ratio["range"]
    text = f"{ratio['ratio']:.2f} ({low:.2f} to {high:.2f}, {ratio['pairs']} pairs)"
    return text if ratio["shows_difference"] else f"{text}, no difference shown"


def _gate(ratio: Mapping[str, Any]) -> str:
    low, high = ratio.get("gate", (None, None))
    if low is None and high is None:
        return ""
    words = [f"{word} {end:g}" for word, end in (("at least", low), ("at most", high))
             if end is not None]  # fmt: skip
    return " and ".join(words) + ("" if ratio["reaches_gate"] else ": MISSED")


def _verdict(record: Mapping[str, Any]) -> str:
    if record["skipped"]:
        return "-"
    if record["error"]:
        return f"FAILED: {record['error'].splitlines()[0]}"
    failed = [check["name"] for check in record["checks"] if not check["passes"]]
    return "FAILED: " + "; ".join(failed) if failed else f"{len(record['checks'])} ok"
