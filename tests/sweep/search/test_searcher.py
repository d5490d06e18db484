from __future__ import annotations

import math
from collections.abc import Mapping

import pytest

from lps_sweep.config import Value
from lps_sweep.plan.domains import Domain
from lps_sweep.plan.search import Search
from lps_sweep.sweep.search.asked import Point
from lps_sweep.sweep.search.searcher import Searcher

NUMBERS = (Domain("C", "float", 0.5, 30.0, log=True), Domain("tau", "float", 0.1, 1.0))
MIXED = (
    Domain("lambda_novel_shape", "choice", choices=("constant", "linear", "cosine")),
    Domain(
        "lambda_novel_start",
        "float",
        0.2,
        0.6,
        when={"lambda_novel_shape": ("linear", "cosine")},
    ),
    Domain("C", "float", 1.0, 20.0),
)
DEFAULTS: Mapping[str, Value] = {
    "C": 10.0,
    "tau": 0.4,
    "lambda_novel_shape": "linear",
    "lambda_novel_start": 0.4,
}


def search_of(
    sampler: str, domains: tuple[Domain, ...] = NUMBERS, num_objectives: int = 1
) -> Search:
    objectives = ("oracle.acc_seen", "oracle.acc_novel")[:num_objectives]
    return Search(objectives=objectives, domains=domains, sampler=sampler, startup=4, seed=7)


def measure(point: Point, num_objectives: int = 1) -> tuple[float, ...]:
    c, tau = float(str(point["C"])), float(str(point.get("tau", 0.4)))
    first = 100 - abs(math.log(c / 6)) - 10 * abs(tau - 0.5)
    return (first, -first / 2)[:num_objectives]


def run(search: Search, batches: int, together: int = 1) -> list[list[Point]]:
    searcher = Searcher(search, DEFAULTS)
    asked = []
    for _ in range(batches):
        points = searcher.ask(together)
        for point in points:
            searcher.tell(point, measure(point, len(search.objectives)))
        asked.append(points)
    return asked


def resumed(search: Search, before: list[list[Point]], batches: int) -> list[list[Point]]:
    searcher = Searcher(search, DEFAULTS)
    num_objectives = len(search.objectives)
    for points in before:
        searcher.replay(points, [measure(point, num_objectives) for point in points])
    asked = []
    for _ in range(batches):
        points = searcher.ask(len(before[0]))
        for point in points:
            searcher.tell(point, measure(point, num_objectives))
        asked.append(points)
    return asked


SAMPLERS = ["tpe", "gp", "random", "quasi_random"]


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("together", [1, 3])
@pytest.mark.slow
def test_a_resumed_search_asks_for_what_an_uninterrupted_one_does(
    sampler: str, together: int
) -> None:
    search = search_of(sampler)
    whole = run(search, 8, together)
    assert resumed(search, whole[:5], 3) == whole[5:]


def test_cmaes_resumes_with_its_own_state() -> None:
    pytest.importorskip("cmaes")
    search = search_of("cmaes")
    whole = run(search, 14)
    assert resumed(search, whole[:9], 5) == whole[9:]


def test_two_objectives_resume_too() -> None:
    search = search_of("tpe", num_objectives=2)
    whole = run(search, 9)
    assert resumed(search, whole[:6], 3) == whole[6:]


@pytest.mark.parametrize("sampler", ["tpe", "random"])
def test_a_conditional_parameter_is_there_only_under_its_condition(sampler: str) -> None:
    points = [point for batch in run(search_of(sampler, MIXED), 15) for point in batch]
    shapes = {point["lambda_novel_shape"] for point in points}
    assert shapes == {"constant", "linear", "cosine"}
    for point in points:
        constant = point["lambda_novel_shape"] == "constant"
        assert ("lambda_novel_start" in point) is not constant


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_the_first_configuration_is_the_default_one(sampler: str) -> None:
    assert run(search_of(sampler), 1) == [[{"C": 10.0, "tau": 0.4}]]


def test_a_default_outside_the_domains_is_not_asked_for() -> None:
    domains = (Domain("C", "float", 0.5, 5.0),)
    (point,) = run(search_of("random", domains), 1)[0]
    assert 0.5 <= float(str(point["C"])) <= 5.0


@pytest.mark.slow
def test_a_small_space_is_asked_for_once_and_then_done() -> None:
    domains = (
        Domain("C", "choice", choices=(1.0, 5.0, 10.0)),
        Domain("tau", "choice", choices=(0.2, 0.4)),
    )
    points = [point for batch in run(search_of("tpe", domains), 12) for point in batch]
    assert len(points) == 6
    assert len({tuple(sorted(point.items())) for point in points}) == 6


def test_a_failed_configuration_leaves_no_value_and_is_not_asked_for_again() -> None:
    domains = (Domain("C", "choice", choices=(1.0, 5.0)),)
    searcher = Searcher(search_of("tpe", domains), DEFAULTS)
    first, second = searcher.ask(2)
    searcher.tell(first, None)
    searcher.tell(second, (1.0,))
    assert searcher.ask(1) == []


def test_after_a_change_of_the_search_the_recorded_configurations_count() -> None:
    before = run(search_of("random"), 6)
    changed = Search(
        objectives=("oracle.acc_seen",), domains=NUMBERS, sampler="tpe", startup=4, seed=8
    )
    after = resumed(changed, before, 3)
    known = {tuple(sorted(point.items())) for batch in before for point in batch}
    assert all(tuple(sorted(point.items())) not in known for batch in after for point in batch)
