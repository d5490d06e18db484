from __future__ import annotations

import pytest

from lps_sweep.errors import BadInputError
from lps_sweep.plan import Stopping
from tests.plan.space_cases import check_refused, space_of

SPACE = """\
name: stopping
preset: digits
set: {epochs: 30, labeled_holdout: 0.2}
seeds: [0, 1]
grid: {C: [1, 2, 3]}
stopping:
  rule: asha
  metric: acc_holdout
  first_epoch: 2
  reduction: 4
"""
SEARCH = """\
name: stopping
preset: digits
set: {labeled_holdout: 0.2}
seeds: [0]
optuna: {objective: oracle.acc_all, domains: {C: {low: 1, high: 2}}}
stopping: {rule: median, metric: acc_holdout, first_epoch: 2}
"""


def test_a_rule_is_read() -> None:
    stopping = space_of(SPACE).stopping
    assert stopping == Stopping(rule="asha", metric="acc_holdout", first_epoch=2, reduction=4)
    assert stopping.rungs(30) == (2, 8)
    assert stopping.rungs(33) == (2, 8, 32)
    assert space_of(SPACE.partition("stopping:\n")[0]).stopping is None


def test_the_last_epoch_is_no_rung() -> None:
    median = Stopping(rule="median", first_epoch=3, every_epochs=2)
    assert median.rungs(7) == (3, 5)
    assert median.rungs(8) == (3, 5, 7)
    assert Stopping(rule="halving", first_epoch=2, reduction=2).rungs(8) == (2, 4)
    assert Stopping(rule="halving", first_epoch=2, reduction=2).rungs(9) == (2, 4, 8)


def test_rules_that_differ_have_texts_that_differ() -> None:
    rules = [
        Stopping(rule=rule, first_epoch=first, reduction=reduction, compare=compare)
        for rule in ("asha", "halving")
        for first in (1, 2)
        for reduction in (2, 3)
        for compare in ("seed", "all")
        if not (rule == "halving" and compare == "all")
    ]
    rules += [Stopping(rule="median", min_trials=m, every_epochs=e) for m in (1, 2) for e in (1, 2)]
    assert len({rule.text() for rule in rules}) == len(rules)
    assert rules[0].text() == "asha by acc_holdout, first_epoch=1, reduction=2, compare=seed"


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("  rule: asha", "  rule: asah", 7, "halving, asha, median"),
        ("  rule: asha", "  rulle: asha", 7, "'rule'"),
        ("  rule: asha\n", "", 6, "halving, asha, median"),
        ("  first_epoch: 2\n", "", 6, "first_epoch"),
        ("acc_holdout\n", "acc_novel\n", 8, "'oracle.acc_novel'"),
        ("acc_holdout\n", "view_agreement\n", 8, "one of"),
        (", labeled_holdout: 0.2", "", 8, "labeled_holdout"),
        ("first_epoch: 2", "first_epoch: 0", 9, ">= 1"),
        ("first_epoch: 2", "first_epoch: 30", 9, "30"),
        ("reduction: 4", "reduction: 4\n  min_trials: 3", 11, "median"),
        ("rule: asha", "rule: median", 10, "halving and asha"),
        ("asha", "halving\n  compare: all", 8, "asha and median"),
    ],
)
def test_a_wrong_rule_is_refused(old: str, new: str, line: int, words: str) -> None:
    assert SPACE.count(old) == 1
    check_refused(SPACE.replace(old, new), line, words)


@pytest.mark.parametrize(
    "block", ["arms: {a: {}, b: {epochs: 25}}", "zip: {epochs: [20, 30], tau: [0.2, 0.3]}"]
)
def test_trials_of_several_lengths_are_refused(block: str) -> None:
    text = SPACE.replace("grid: {C: [1, 2, 3]}", block).replace("epochs: 30, ", "")
    with pytest.raises(BadInputError, match="epochs"):
        space_of(text)


def test_a_search_can_have_a_rule_with_one_objective() -> None:
    assert space_of(SEARCH).stopping is not None
    several = SEARCH.replace("oracle.acc_all", "[oracle.acc_all, oracle.acc_novel]")
    with pytest.raises(BadInputError, match="objective"):
        space_of(several)
    with pytest.raises(BadInputError, match="epochs"):
        space_of(SEARCH.replace("{C: {low: 1", "{epochs: {low: 1"))
