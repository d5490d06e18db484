"""What a measurement is made of: ratios, checks, turns."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch

from benchmarks.frame import Case, Check, Measurement, Ratio, Setting, Times, in_turns, seconds

CPU = torch.device("cpu")


def test_a_ratio_is_the_baselines_time_over_ours_pair_by_pair() -> None:
    ratio = Ratio("slow", "fast", baseline_s=(6.0, 2.0, 8.0), ours_s=(2.0, 1.0, 2.0))
    assert ratio.values == [3.0, 2.0, 4.0]
    assert ratio.median == 3.0
    assert ratio.shows_difference
    assert ratio.reaches_gate is None
    facts = ratio.facts()
    assert (facts["ratio"], facts["range"], facts["pairs"]) == (3.0, [2.0, 4.0], 3)


@pytest.mark.parametrize(
    ("baseline", "shown"), [((1.1, 1.2), True), ((1.0, 1.2), False), ((0.8, 0.9), True)]
)
def test_a_range_that_includes_1_shows_no_difference(
    baseline: tuple[float, ...], shown: bool
) -> None:
    assert Ratio("a", "b", baseline, (1.0, 1.0)).shows_difference is shown


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


def test_a_measurement_without_checks_is_not_valid() -> None:
    assert not Measurement(()).valid
    assert Measurement([Check("equal", 0.0)]).valid
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


def test_seconds_on_a_cpu_are_those_of_the_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    used = iter([10.0, 12.5])
    monkeypatch.setattr("time.process_time", lambda: next(used))
    assert seconds(lambda: None, CPU) == 2.5


def test_only_a_gpu_will_do() -> None:
    case = Case("x", "x", lambda _: Measurement(()), needs_cuda=True)
    assert case.obstacle(Setting(CPU)) == "needs a CUDA device"
    assert case.obstacle(Setting(torch.device("cuda"))) == ""
    assert Case("x", "x", lambda _: Measurement(())).obstacle(Setting(CPU)) == ""


def test_a_full_measurement_has_at_least_five_pairs() -> None:
    assert Setting(CPU).pairs >= 5
    assert Setting(CPU, quick=True).pairs < 5
