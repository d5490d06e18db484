"""Open-world ids of a classifier of the seen classes."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest
import torch
from torch import Tensor

from lps_sweep.methods.rejection import ids as module
from lps_sweep.methods.rejection.ids import open_world_ids
from tests.methods.golden import fixmatch as golden
from tests.methods.golden.cases import FILE, difference, load
from tests.methods.golden.numbering import by_first_row
from tests.methods.losses.slow import Matrix
from tests.mutants import mutant

SEEN = torch.tensor([0, 1, 1, 0, 1, 0, 0, 1, 0])
ACCEPTED = torch.tensor([True, False, True, False, False, False, False, True, False])
FEATURES = torch.tensor(
    [[9.0, 9], [1, 0.1], [5, 5], [8, 0.2], [0.1, 1], [0.2, 9], [2, 2.1], [1, 1], [7, 7]]
)


def ids(num_classes: int, accepted: Tensor = ACCEPTED, **values: Any) -> Tensor:
    return open_world_ids(SEEN, accepted, FEATURES, 2, num_classes, **values)


def slow_clusters(rows: Matrix, num_clusters: int) -> list[int]:
    """The partition of smallest inertia of all there are, numbered by first row."""
    best: tuple[float, list[int]] = (math.inf, [])
    for ids in itertools.product(range(num_clusters), repeat=len(rows)):
        if set(ids) == set(range(num_clusters)):
            best = min(best, (_inertia(rows, ids), list(ids)))
    order = list(dict.fromkeys(best[1]))
    return [order.index(i) for i in best[1]]


def _inertia(rows: Matrix, ids: tuple[int, ...]) -> float:
    total = 0.0
    for cluster in set(ids):
        members = [row for row, i in zip(rows, ids, strict=True) if i == cluster]
        centre = [sum(column) / len(members) for column in zip(*members, strict=True)]
        total += sum(math.dist(row, centre) ** 2 for row in members)
    return total


def test_accepted_rows_keep_their_class_and_the_others_are_clusters_from_s() -> None:
    found = ids(5)

    assert found[ACCEPTED].tolist() == SEEN[ACCEPTED].tolist()
    assert set(found[~ACCEPTED].tolist()) == {2, 3, 4}


@pytest.mark.parametrize("cluster_on", ["directions", "features"])
def test_clusters_are_those_of_smallest_inertia(cluster_on: str) -> None:
    rows = FEATURES[~ACCEPTED].double()
    if cluster_on == "directions":
        rows = rows / rows.norm(dim=1, keepdim=True)

    found = ids(5, cluster_on=cluster_on)[~ACCEPTED]

    assert by_first_row(found).tolist() == slow_clusters(rows.tolist(), 3)


def test_the_two_forms_differ() -> None:
    forms = [by_first_row(ids(5, cluster_on=f), 2) for f in ("directions", "features")]

    assert not torch.equal(*forms)


@pytest.mark.parametrize("num_rejected", [1, 2, 3])
def test_few_rejected_rows_are_clusters_of_their_own(num_rejected: int) -> None:
    accepted = torch.ones(9, dtype=torch.bool)
    accepted[:num_rejected] = False

    found = ids(5, accepted)

    assert found[:num_rejected].tolist() == [2, 3, 4][:num_rejected]
    assert torch.equal(found[num_rejected:], SEEN[num_rejected:])


def test_with_nothing_to_cluster_ids_are_those_of_the_classifier() -> None:
    assert torch.equal(ids(5, torch.ones(9, dtype=torch.bool)), SEEN)
    assert torch.equal(ids(2), SEEN)
    assert torch.equal(ids(1), SEEN)


def test_with_everything_rejected_all_rows_are_clusters() -> None:
    assert set(ids(5, torch.zeros(9, dtype=torch.bool)).tolist()) == {2, 3, 4}


def test_the_result_is_the_same_each_time() -> None:
    assert torch.equal(ids(4, n_init=1, seed=3), ids(4, n_init=1, seed=3))


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("kmeans(rows, num_clusters,", "kmeans(rows, num_clusters - 1,"),
        ("num_seen + clusters", "clusters"),
        ("(~accepted)", "accepted"),
        ('== "directions"', '!= "directions"'),
        ("rows = features[rejected]", "rows = features[: len(rejected)]"),
    ],
)
def test_a_mutation_is_seen(right: str, wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(golden, "open_world_ids", mutant(module, right, wrong).open_world_ids)
    cases = [c for c in load(FILE) if c["name"] == "open_world_evaluation"]

    assert [difference(case)[0] for case in cases] == [float("inf")]
