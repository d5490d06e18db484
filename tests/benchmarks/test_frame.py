"""What a measurement is made of: ratios, checks, turns."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from benchmarks import output
from benchmarks.frame import Check, Measurement, Ratio, Setting, Times, in_turns
from benchmarks.states import difference, relative_error

CPU = torch.device("cpu")


def test_a_ratio_is_the_baselines_time_over_ours_pair_by_pair() -> None:
    ratio = Ratio("slow", "fast", baseline_s=(6.0, 2.0, 8.0), ours_s=(2.0, 1.0, 2.0))
    facts = ratio.facts()
    assert (facts["ratio"], facts["range"], facts["pairs"]) == (3.0, [2.0, 4.0], 3)
    assert ratio.reaches_gate is None
    assert ratio.shows_difference
    assert not Ratio("a", "b", (1.0, 1.2), (1.0, 1.0)).shows_difference, "the range includes 1"
    assert Ratio("a", "b", (0.8, 0.9), (1.0, 1.0)).shows_difference


@pytest.mark.parametrize(
    ("low", "high", "reached"), [(2.0, 2.0, True), (2.1, None, False), (None, 1.9, False)]
)
def test_a_gate_is_held_by_the_median(low: float, high: float, reached: bool) -> None:
    ratio = Ratio("a", "b", (1.0, 2.0, 9.0), (1.0, 1.0, 1.0), low, high)
    assert ratio.reaches_gate is reached


def test_the_baseline_is_the_first_side_unless_pairs_are_given() -> None:
    times = Times({"slow": (6.0, 4.0), "fast": (2.0, 2.0), "other": (3.0, 1.0)}, "CPU time")
    found = times.measurement([Check("equal", 0.0)], low=2.0)
    assert [(r.baseline, r.ours, r.low) for r in found.ratios] == [
        ("slow", "fast", 2.0),
        ("slow", "other", None),
    ]
    (ratio,) = times.measurement([], versus=[("other", "fast")]).ratios
    assert ratio.values == [1.5, 0.5]
    assert times.ms("other", 2) == 500


def test_a_check_that_found_no_number_fails() -> None:
    assert Check("equal", 0.0).passes
    assert not Check("equal", 1e-300).passes
    assert not Check("equal", math.nan).passes
    assert not Check("equal", math.nan, high=math.inf).passes
    assert not Check("equal", -math.inf, low=0.0, high=1.0).passes
    assert not Check.above("differs", 0.0, 1e-9).passes
    assert Check.above("differs", 0.1, 1e-9).passes
    assert [Check.number("trials", n, 3).passes for n in (2, 3, 4)] == [False, True, False]
    assert not Measurement(()).valid, "it checked nothing"
    assert not Measurement([Check("equal", 0.0), Check("equal", 1.0)]).valid


def test_sides_take_turns_and_change_places_and_the_untimed_turn_is_left_out() -> None:
    order: list[tuple[str, int]] = []

    def clock(call: Callable[[], object], _: torch.device) -> float:
        call()
        return 10.0 + order[-1][1]

    sides = {name: lambda pair, name=name: order.append((name, pair)) for name in ("a", "b")}
    times = in_turns(sides, Setting(CPU, quick=True), clock, "a clock")
    assert order == [("a", -1), ("b", -1), ("b", 0), ("a", 0), ("a", 1), ("b", 1)]
    assert times == Times({"a": (10.0, 11.0), "b": (10.0, 11.0)}, "a clock")


def test_differences_of_states() -> None:
    state = {"a": torch.tensor([1.0, 2.0]), "b": [1, {"c": 0.5}]}
    assert difference(state, {"a": torch.tensor([1.0, 2.0]), "b": [1, {"c": 0.5}]}) == 0.0
    assert difference(state, {"a": torch.tensor([1.0, 2.5]), "b": [1, {"c": 0.5}]}) == 0.5
    assert difference(state, {"a": torch.tensor([1.0, 2.0]), "b": [1, {"c": 0.75}]}) == 0.25


def test_what_cannot_be_compared_is_infinitely_far() -> None:
    state = {"a": torch.tensor([1.0, 2.0]), "b": [1, {"c": 0.5}]}
    for other in (
        {"a": torch.tensor([1.0, math.nan]), "b": [1, {"c": 0.5}]},
        {"a": torch.tensor([1.0, 2.0]), "b": [1]},
        {"a": torch.tensor([1.0]), "b": [1, {"c": 0.5}]},
        {"a": torch.tensor([1.0, 2.0]).double(), "b": [1, {"c": 0.5}]},
        {},
    ):
        assert difference(state, other) == math.inf
    assert difference({}, {}) == math.inf
    assert difference({"a": "x"}, {"a": "y"}) == math.inf


def test_relative_errors() -> None:
    right = torch.tensor([3.0, 4.0], requires_grad=True)
    assert relative_error(right + torch.tensor([0.0, 0.5]), right) == 0.1
    assert relative_error(torch.zeros(2), torch.zeros(2)) == 0.0
    assert relative_error(torch.ones(2), torch.zeros(2)) == math.inf
    assert relative_error(torch.tensor([math.nan, 4.0]), right) == math.inf


def test_records_survive_an_interruption(tmp_path: Path) -> None:
    path = tmp_path / "new" / "results.json"
    assert output.read(path) == []
    output.append(path, {"n": 1})
    with path.open("a") as file:
        file.write('{"n": 2, "cut o')
    output.append(path, {"n": 3})
    assert output.read(path) == [{"n": 1}, {"n": 3}]


def test_what_was_found_is_told_and_a_void_timing_has_no_ratio_anywhere() -> None:
    about = {"benchmark": "b0", "case": "case", "title": "a title", "skipped": "", "error": ""}
    about["baseline_triples_per_s_and_core"] = "951.4"
    for found, ratio in ((0.0, "2.50 (2.00 to 3.00, 2 pairs)"), (math.nan, "new way: void")):
        timed = Ratio("old way", "new way", (4.0, 6.0), (2.0, 2.0), low=2.0)
        record = output.record_of(Measurement([Check("equal", found)], [timed], {"ms": 1234.5}))
        assert json.loads(json.dumps(record, allow_nan=False))["valid"] is (found == 0)
        assert ("ratio" in record["ratios"][0]) is (found == 0)
        assert record["ratios"][0]["baseline_s"] == [4.0, 6.0]
        assert ratio in output.told({**about, **record})
    assert "no CUDA" in output.told({**about, **record, "skipped": "no CUDA"})
    close = Measurement([Check("equal", 0.0)], [Ratio("a", "b", (1.0, 1.2), (1.1, 1.0), low=2.0)])
    assert "no difference shown" in output.told({**about, **output.record_of(close)})
