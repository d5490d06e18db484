"""A search under the same name whose domain, or what is around it, is another one than before."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest

from lps_sweep.plan import SearchSpace
from lps_sweep.sweep.preview import preview
from lps_sweep.sweep.run import Outcome
from tests.sweep.cases import run
from tests.sweep.fakes import FakeExecutor
from tests.sweep.search import search_cases
from tests.sweep.search.search_cases import swept

SHAPE = "lambda_novel_shape: {choices: [constant, linear, cosine]}"
START = "lambda_novel_start: {low: 0.2, high: 0.6, when: {lambda_novel_shape: linear}}"


search = partial(search_cases.search, sampler="random", seeds="[0]", count=6)


def said(space: SearchSpace, results: Path, executor: FakeExecutor) -> tuple[Outcome, list[str]]:
    lines: list[str] = []
    return run(space, results, executor, said=lines), lines


def test_what_diverged_far_outside_is_neither_counted_nor_trained_at_a_new_seed(
    tmp_path: Path,
) -> None:
    results = tmp_path / "r"
    diverges = FakeExecutor(status_of=lambda _: "diverged")
    wild = search(tmp_path, "lr: {low: 1.0e+200, high: 1.0e+300, log: true}")
    outcome, lines = said(wild, results, diverges)
    assert (outcome.counts.diverged, len(lines)) == (6, 1)
    assert "nothing" in lines[0], "a hint, where a search learnt from no trial"
    assert lines == preview(wild, results).notes
    assert said(wild, results, FakeExecutor())[1] == lines

    tame = search(tmp_path, "lr: {low: 0.05, high: 0.2}", seeds="[0, 1]")
    plan = preview(tame, results)
    assert (plan.num_trials, plan.outcomes, plan.epochs_left) == (12, {}, 24)
    (line,) = plan.notes
    assert line.startswith("6 configurations")
    assert "lr" in line
    assert "0.05 to 0.2" in line
    executor = FakeExecutor()
    outcome, lines = said(tame, results, executor)
    assert lines == [line]
    assert (outcome.counts.planned, outcome.counts.done, outcome.ran) == (12, 12, 12)
    assert all(0.05 <= float(str(one["lr"])) <= 0.2 for one in swept(results))
    assert (preview(tame, results).notes, said(tame, results, FakeExecutor())[0].ran) == ([], 0)


MIXED = f"C: {{low: 1, high: 20}}, {SHAPE}, {START}"
CHANGES = {
    "a choice less": (f"C: {{low: 1, high: 20}}, {SHAPE.replace(', cosine', '')}, {START}", True),
    "wider and logarithmic": (MIXED.replace("20}", "30, log: true}"), False),
    "choices for numbers": (MIXED.replace("low: 1, high: 20", "choices: [1, 10]"), True),
    "a parameter more": (f"{MIXED}, tau: {{low: 0.1, high: 1}}", True),
    "a parameter less": (f"{SHAPE}, {START}", True),
    "another condition": (MIXED.replace("shape: linear", "shape: [linear, cosine]"), True),
    "another order": (f"{SHAPE}, {START}, C: {{low: 1, high: 20}}", False),
}


@pytest.mark.parametrize(("domains", "leaves_out"), CHANGES.values(), ids=CHANGES)
def test_changes_of_the_domain(tmp_path: Path, domains: str, leaves_out: bool) -> None:
    results = tmp_path / "r"
    run(search(tmp_path, MIXED), results, FakeExecutor())
    before = swept(results)
    space = search(tmp_path, domains)
    assert space.search is not None
    names = {domain.name for domain in space.search.domains}
    notes = preview(space, results).notes
    assert bool(notes) == leaves_out
    outcome = run(space, results, FakeExecutor())
    assert (outcome.counts.planned, outcome.counts.done) == (6, 6)
    kept = [one for one in swept(results) if one in before]
    assert outcome.ran >= 5 - len(kept), "the default configuration may be known already"
    assert all(set(one) == names for one in swept(results))
    assert not notes or int(notes[0].split()[0]) >= 6 - len(kept)
    assert (run(space, results, FakeExecutor()).ran, preview(space, results).notes) == (0, [])


@pytest.mark.parametrize("change", [{"sampler": "tpe"}, {"seed": 5}])
def test_a_change_of_how_it_searches_leaves_nothing_out(
    tmp_path: Path, change: dict[str, Any]
) -> None:
    results = tmp_path / "r"
    run(search(tmp_path, MIXED, count=4), results, FakeExecutor())
    before = swept(results)
    other = search(tmp_path, MIXED, **change)
    assert preview(other, results).notes == []
    assert run(other, results, FakeExecutor()).ran == 2
    assert swept(results)[:4] == before


def test_one_cell_less_is_said_and_the_others_go_on(tmp_path: Path) -> None:
    results, domain = tmp_path / "r", "C: {low: 1, high: 20}"
    grid = "grid: {labeled_ratio: [0.3, 0.5]}"
    run(search(tmp_path, domain, blocks=grid, count=3), results, FakeExecutor())
    less = search(tmp_path, domain, blocks=grid.replace("0.3, ", ""), count=3)
    assert preview(less, results).notes[0].startswith("3 configurations")
    outcome, lines = said(less, results, FakeExecutor())
    assert (outcome.counts.planned, outcome.ran, len(lines)) == (3, 0, 1)
    narrow = search(tmp_path, "C: {low: 1, high: 1.5}", blocks=grid, count=3)
    assert run(narrow, results, FakeExecutor()).counts.planned == 6
    assert all(float(str(one["C"])) <= 1.5 for one in swept(results))


def test_a_changed_value_of_all_trials_asks_the_same_of_the_new_ones(tmp_path: Path) -> None:
    results, domain = tmp_path / "r", "C: {low: 1, high: 20}"
    run(search(tmp_path, domain), results, FakeExecutor())
    before = swept(results)
    longer = search(tmp_path, domain, epochs=3)
    assert preview(longer, results).notes == []
    assert run(longer, results, FakeExecutor()).ran == 6
    assert swept(results) == before


def test_settings_that_are_one_are_asked_for_once(tmp_path: Path) -> None:
    domains = "novel_classes: {choices: [0, 5, 0.99, 2, 2.5e-1, 0.4]}, tau: {choices: [0.2, 0.4]}"
    space = search(tmp_path, domains.replace("2.5e-1", "1"), count=9)
    outcome = run(space, tmp_path / "r", FakeExecutor())
    assert (outcome.counts.planned, outcome.counts.done) == (6, 6), "three numbers, two values"
    assert run(space, tmp_path / "r", FakeExecutor()).ran == 0
    assert len(swept(tmp_path / "r")) == 6


def test_twin_cells_are_searched_once(tmp_path: Path) -> None:
    grid = "grid: {novel_classes: [0, 5, 2]}"
    space = search(tmp_path, "C: {low: 1, high: 20}", blocks=grid, count=3)
    plan = preview(space, tmp_path / "r")
    assert (plan.num_trials, len(plan.notes)) == (6, 1)
    for ran in (6, 0):
        outcome = run(space, tmp_path / "r", FakeExecutor())
        assert (outcome.counts.planned, outcome.counts.done, outcome.ran) == (6, 6, ran)
