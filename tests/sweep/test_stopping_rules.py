"""The rules against slow references, over random values and orders of arrival."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

from lps_sweep.sweep.stopping_rules import Verdict, asha, halving, median

DRAWS = 300


def cases(seed: int) -> Iterator[tuple[random.Random, dict[str, float]]]:
    """Values of up to 40 trials, often equal ones."""
    for number in range(DRAWS):
        draw = random.Random(f"{seed} {number}")
        levels = draw.choice([2, 5, 1000])
        count = draw.randint(1, 40)
        yield draw, {f"t{i}": draw.randrange(levels) / 8 for i in range(count)}


def batches(draw: random.Random, names: Sequence[str]) -> Iterator[list[str]]:
    """The names in a random order, in groups of random sizes."""
    order = draw.sample(list(names), len(names))
    while order:
        size = draw.randint(1, 5)
        yield order[:size]
        order = order[size:]


def goes_on(values: dict[str, float], name: str, kept: int) -> bool:
    """Whether fewer than `kept` are better, counted one by one."""
    better = 0
    for value in values.values():
        if value > values[name]:
            better += 1
    return better < kept


def test_asha_lets_those_go_on_that_fewer_than_their_share_beat() -> None:
    ended_some = 0
    for draw, values in cases(1):
        reduction = draw.randint(2, 5)
        here: dict[str, float] = {}
        for batch in batches(draw, list(values)):
            here |= {name: values[name] for name in batch}
            ended = {v.trial_id for v in asha(here, batch, reduction=reduction)}
            for name in batch:
                few = len(here) < reduction
                assert (name not in ended) == (few or goes_on(here, name, len(here) // reduction))
            assert ended <= set(batch), "who came before is not judged again"
            ended_some += bool(ended)
    assert ended_some > DRAWS


def test_asha_one_after_the_other_the_worst_first_ends_none_and_the_best_first_many() -> None:
    def promoted(order: Sequence[int]) -> int:
        here: dict[str, float] = {}
        count = 0
        for value in order:
            here[str(value)] = float(value)
            count += not asha(here, [str(value)], reduction=3)
        return count

    assert promoted(range(30)) == 30, "each is the best so far"
    assert promoted(range(30, 0, -1)) == 2, "only those before there were three"


def test_asha_within_one_report_knows_no_order() -> None:
    for draw, values in cases(2):
        order = draw.sample(list(values), len(values))
        shuffled = {name: values[name] for name in order}
        one = asha(values, values, reduction=3)
        assert {v.trial_id: v for v in asha(shuffled, order, reduction=3)} == {
            v.trial_id: v for v in one
        }


def test_halving_keeps_the_planned_number_whatever_the_order() -> None:
    for draw, values in cases(3):
        reduction, rung = draw.randint(2, 4), draw.randint(1, 3)
        planned = len(values) + draw.randint(0, 3)
        kept = max(1, int(planned / reduction**rung))
        order = draw.sample(list(values), len(values))
        found = halving(
            {n: values[n] for n in order}, order, reduction=reduction, rung=rung, planned=planned
        )
        ended = {v.trial_id for v in found}
        assert ended == {name for name in values if not goes_on(values, name, kept)}
        left = len(values) - len(ended)
        assert left >= min(kept, len(values)) >= 1
        if len(set(values.values())) == len(values):
            assert left == min(kept, len(values))


def test_halving_judges_only_those_that_can_still_end() -> None:
    values = {"done": 1.0, "good": 3.0, "bad": 2.0, "worst": 0.0}
    found = halving(values, ["good", "bad", "worst"], reduction=2, rung=1, planned=4)
    assert found == [Verdict("worst", 4, 4, 0.0, 2.0)]
    none = halving(values, ["good", "bad", "worst"], reduction=2, rung=1, planned=8)
    assert none == [], "what failed before has the last places"


def test_equal_values_are_not_told_apart() -> None:
    values = dict.fromkeys("abcdef", 1.0)
    assert asha(values, values, reduction=2) == []
    assert halving(values, values, reduction=2, rung=2, planned=6) == []
    curves = {name: [1.0, 1.0] for name in "abcdef"}
    assert median(curves, curves, min_trials=1) == []


def test_median_against_a_reference() -> None:
    ended_some = 0
    for draw, values in cases(4):
        epochs, min_trials = draw.randint(1, 5), draw.randint(1, 6)
        curves = {
            n: [draw.choice([v, v / 2, 2 * v]) for _ in range(epochs)] for n, v in values.items()
        }
        judged = draw.sample(list(curves), draw.randint(1, len(curves)))
        found = {v.trial_id: v for v in median(curves, judged, min_trials=min_trials)}
        for name in judged:
            others = sorted(sum(c) / len(c) for n, c in curves.items() if n != name)
            size = len(others)
            if size < min_trials:
                assert name not in found
                continue
            middle = (others[(size - 1) // 2] + others[size // 2]) / 2
            best = sorted(curves[name])[-1]
            assert (name in found) == (best < middle), (best, middle)
            if name in found:
                assert found[name].bar == middle
                assert found[name].rank == 1 + sum(other > best for other in others)
        assert found.keys() <= set(judged)
        ended_some += len(found)
    assert ended_some > 100


def test_a_verdict_says_rank_number_and_bar() -> None:
    values = {"a": 5.0, "b": 4.0, "c": 4.0, "d": 1.0, "e": 0.5, "f": 0.1}
    assert asha(values, ["d", "f"], reduction=3) == [
        Verdict("d", 4, 6, 1.0, 4.0),
        Verdict("f", 6, 6, 0.1, 4.0),
    ]
