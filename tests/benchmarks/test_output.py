"""Records as JSON lines, as a table, and in full."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from benchmarks import output
from benchmarks.frame import Check, Measurement, Ratio

RATIO = Ratio("old way", "new way", (4.0, 6.0), (2.0, 2.0), low=2.0)
GOOD = Measurement([Check("equal", 0.0)], [RATIO], {"ms": {"a": 1234.5, "b": 0.12345}}, "CPU time")
BAD = Measurement([Check("equal", math.nan)], [RATIO], clock="CPU time")


def record(measurement: Measurement, **facts: Any) -> dict[str, Any]:
    return {
        "benchmark": "b0",
        "case": "case",
        "title": "a title",
        "skipped": "",
        "error": "",
        "baseline_triples_per_s_and_core": 951.4,
        **output.record_of(measurement),
        **facts,
    }


def test_a_table_has_ratio_spread_gate_checks_and_the_baselines_rate() -> None:
    row = output.table([record(GOOD)]).splitlines()[-1]
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells == [
        *("b0/case", "new way", "old way", "2.50 (2.00 to 3.00, 2 pairs)"),
        *("at least 2", "1 ok", "951.4"),
    ]


def test_a_void_timing_has_no_ratio_anywhere() -> None:
    found = record(BAD)
    assert "ratio" not in found["ratios"][0]
    assert found["ratios"][0]["baseline_s"] == [4.0, 6.0]
    for text in (output.table([found]), output.details(found)):
        assert "void" in text
        assert "FAILED" in text
        assert "2.50" not in text
    assert json.loads(json.dumps(found, allow_nan=False))["valid"] is False


def test_reasons_are_told() -> None:
    skipped = record(Measurement(()), skipped="needs a CUDA device")
    assert "| skipped: needs a CUDA device |" in output.table([skipped])
    assert "skipped: needs a CUDA device" in output.details(skipped)
    failed = record(Measurement(()), error="ValueError: no")
    assert "FAILED: ValueError: no" in output.table([failed])
    assert "failed: ValueError: no" in output.details(failed)


def test_no_speed_up_is_claimed_of_a_range_with_1() -> None:
    close = Measurement([Check("equal", 0.0)], [Ratio("a", "b", (1.0, 1.2), (1.1, 1.0), low=2.0)])
    row = output.table([record(close)]).splitlines()[-1]
    assert "no difference shown" in row
    assert "at least 2: MISSED" in row


def test_details_show_checks_and_facts() -> None:
    text = output.details(record(GOOD))
    assert "ok: equal: 0 (<= 0)" in text
    assert "ms: a 1,234, b 0.1235" in text
    assert "old way / new way: 2.50" in text
    assert "baseline 951.4 triples per s and core" in text


def test_records_survive_an_interruption(tmp_path: Path) -> None:
    path = tmp_path / "new" / "results.json"
    assert output.read(path) == []
    output.append(path, {"n": 1})
    with path.open("a") as file:
        file.write('{"n": 2, "cut o')
    output.append(path, {"n": 3})
    assert output.read(path) == [{"n": 1}, {"n": 3}]
