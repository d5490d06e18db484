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


def test_what_was_found_is_told_with_checks_facts_gate_and_the_baselines_rate() -> None:
    lines = [line.strip() for line in output.told(record(GOOD)).splitlines()]
    assert lines == [
        "b0/case: a title",
        "ok: equal: 0 (<= 0)",
        "ms: a 1,234, b 0.1235",
        "old way / new way: 2.50 (2.00 to 3.00, 2 pairs); gate at least 2; CPU time; "
        "baseline 951.4 triples per s and core",
    ]


def test_a_void_timing_has_no_ratio_anywhere() -> None:
    found = record(BAD)
    assert "ratio" not in found["ratios"][0]
    assert found["ratios"][0]["baseline_s"] == [4.0, 6.0]
    text = output.told(found)
    assert "FAILED: equal" in text
    assert "new way: void" in text
    assert json.loads(json.dumps(found, allow_nan=False))["valid"] is False


def test_reasons_are_told() -> None:
    for reason in ({"skipped": "needs a CUDA device"}, {"error": "ValueError: no"}):
        assert next(iter(reason.values())) in output.told(record(Measurement(()), **reason))


def test_no_speed_up_is_claimed_of_a_range_with_1() -> None:
    close = Measurement([Check("equal", 0.0)], [Ratio("a", "b", (1.0, 1.2), (1.1, 1.0), low=2.0)])
    assert "no difference shown; gate at least 2: MISSED" in output.told(record(close))


def test_records_survive_an_interruption(tmp_path: Path) -> None:
    path = tmp_path / "new" / "results.json"
    assert output.read(path) == []
    output.append(path, {"n": 1})
    with path.open("a") as file:
        file.write('{"n": 2, "cut o')
    output.append(path, {"n": 3})
    assert output.read(path) == [{"n": 1}, {"n": 3}]
