from __future__ import annotations

import functools
import itertools
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from lps_sweep.methods.openncd import grouping
from tests.methods.losses.slow import Matrix, cosine
from tests.mutants import mutant

NUM_GROUPS = 3


class Cloud:
    """Images and nine prototypes in three bundles; the labeled images, first, are of two kinds."""

    def __init__(self, seed: int = 0, labels: tuple[int, ...] = (1, 1, 0, 0, 1)) -> None:
        generator = torch.Generator().manual_seed(seed)
        kinds = [*(2 if label else 0 for label in labels), *[0, 1, 2] * 6]

        def around(kinds: list[int], noise: float) -> Tensor:
            rows = torch.eye(4, dtype=torch.float64)[kinds]
            return rows + noise * torch.randn(rows.shape, dtype=torch.float64, generator=generator)

        self.kinds, self.kinds_of_prototypes = kinds, [1, 0, 2, 1, 0, 2, 1, 1, 0]
        self.prototypes = 3 * around(self.kinds_of_prototypes, 0.25)
        cosines = F.normalize(around(kinds, 0.35), dim=1) @ F.normalize(self.prototypes, dim=1).T
        self.nearest = cosines.topk(3, dim=1).indices
        self.labels = torch.tensor(labels, dtype=torch.int64)


def slow_graph(nearest: list[list[int]], num_prototypes: int) -> Matrix:
    def entry(a: int, b: int) -> float:
        of_a, of_b, both = (
            sum(wanted <= set(row) for row in nearest) for wanted in ({a}, {b}, {a, b})
        )
        return both / min(of_a, of_b) if both else 0.0

    return [[entry(a, b) for b in range(num_prototypes)] for a in range(num_prototypes)]


def groups_of(cloud: Cloud, module: ModuleType = grouping, **values: Any) -> list[int]:
    given = {"num_seen": 2, "num_groups": NUM_GROUPS, "graph_mix": 0.8, **values}
    found: Tensor = module.group_prototypes(cloud.nearest, cloud.labels, cloud.prototypes, **given)
    assert found.dtype == torch.int64
    return found.tolist()


@functools.cache
def slow_groups(seed: int, labels: tuple[int, ...], graph_mix: float) -> list[int]:
    """The partition of smallest normalised cut, and the names that put most labels right."""
    cloud, num_seen = Cloud(seed, labels), max(labels) + 1
    prototypes = cloud.prototypes.tolist()
    graph = np.array(slow_graph(cloud.nearest.tolist(), 9)) * graph_mix
    graph += [[(1 - graph_mix) * (cosine(a, b) + 1) / 2 for b in prototypes] for a in prototypes]
    np.fill_diagonal(graph, 0)

    def cut(partition: tuple[int, ...]) -> float:
        found = 0.0
        for group in range(NUM_GROUPS):
            inside = np.array(partition) == group
            found += graph[inside][:, ~inside].sum() / graph[inside].sum()
        return found

    partitions = itertools.product(range(NUM_GROUPS), repeat=9)
    some = (p for p in partitions if set(p) == set(range(NUM_GROUPS)) and p[0] == 0)
    clusters = min(some, key=cut)
    of_labeled = [clusters[row[0]] for row in cloud.nearest[: len(cloud.labels)].tolist()]

    def right(classes: tuple[int, ...]) -> int:
        """How many labels are right if class c is the cluster at place c."""
        pairs = zip(of_labeled, cloud.labels.tolist(), strict=True)
        return sum(classes[label] == cluster for cluster, label in pairs)

    classes = max(itertools.permutations(range(NUM_GROUPS), num_seen), key=right)
    names = {cluster: label for label, cluster in enumerate(classes)}
    for cluster in clusters:
        names.setdefault(cluster, len(names))
    return [names[cluster] for cluster in clusters]


def check(module: ModuleType = grouping) -> None:
    settings = ((0, (1, 1, 0, 0, 1), 1.0), (1, (1, 1, 0, 0, 1), 0.6), (2, (0, 0), 0.8))
    for seed, labels, graph_mix in settings:
        cloud, num_seen = Cloud(seed, labels), max(labels) + 1
        found = groups_of(cloud, module, graph_mix=graph_mix, num_seen=num_seen)
        assert found == slow_groups(seed, labels, graph_mix)
        graph = module.prototype_graph(cloud.nearest.numpy(), 9)
        assert graph.tolist() == [
            pytest.approx(row, abs=1e-12) for row in slow_graph(cloud.nearest.tolist(), 9)
        ]


def test_agrees_with_the_slow_reference() -> None:
    check()


DEFECTS = (
    "np.minimum.outer(count, count) => np.maximum.outer(count, count)",
    "np.minimum.outer(count, count) => (np.add.outer(count, count) - together)",
    "together / np => together**2 / np",
    "graph_mix * graph + (1 - graph_mix) * cosines => cosines",
    "names = match(table) => names = np.arange(num_groups); names[num_seen:] = -1",
    "names = match(table) => names = match(-table)",
    "nearest[: len(labels), 0] => nearest[-len(labels) :, 0]",
    "nearest[: len(labels), 0] => nearest[: len(labels), 2]",
    "np.argsort(first) => np.argsort(-first)",
    "num_seen + np.arange(len(others)) => np.arange(len(others))",
)


@pytest.mark.parametrize("defect", DEFECTS)
def test_a_defect_is_seen(defect: str) -> None:
    changed = mutant(grouping, *defect.split(" => "))

    with pytest.raises(AssertionError):
        check(changed)


def test_a_group_without_labeled_images_takes_no_class() -> None:
    """Labels follow the third kind and the first, and none the second."""
    cloud = Cloud(labels=(0, 1, 1, 0, 0))

    groups = groups_of(cloud)

    of_kind = dict(zip(cloud.kinds_of_prototypes, groups, strict=True))
    assert of_kind == {2: 1, 0: 0, 1: 2}
    turned = Cloud(labels=(1, 0, 0, 1, 1))
    turned.labels = 1 - turned.labels
    of_kind = dict(zip(turned.kinds_of_prototypes, groups_of(turned), strict=True))
    assert of_kind == {2: 0, 0: 1, 1: 2}


def test_classes_of_which_no_image_is_labeled_get_groups_of_their_own() -> None:
    cloud = Cloud()

    groups = groups_of(cloud, num_seen=3)

    assert sorted(set(groups)) == [0, 1, 2]
    named = dict(zip(cloud.kinds_of_prototypes, groups, strict=True))
    assert (named[2], named[0]) == (1, 0)


def test_prototypes_that_are_nobodys_leave_the_graph_finite() -> None:
    nearest = np.array([[0, 1], [1, 0], [1, 2]])

    graph = grouping.prototype_graph(nearest, 4)

    assert graph.tolist() == [[1, 1, 0, 0], [1, 1, 1, 0], [0, 1, 1, 0], [0, 0, 0, 0]]
    cloud = Cloud()
    cloud.nearest = cloud.nearest.clamp(max=7)
    assert sorted(set(groups_of(cloud, graph_mix=1.0))) == [0, 1, 2]


def test_the_same_groups_again_whatever_the_generators() -> None:
    generator = torch.Generator().manual_seed(0)
    cloud = Cloud()
    cloud.prototypes = torch.randn(50, 8, generator=generator)
    cloud.nearest = torch.randn(300, 50, generator=generator).topk(4, dim=1).indices
    state = np.random.get_state()[1].tolist()  # type: ignore[index]
    first = groups_of(cloud, num_groups=10)

    assert np.random.get_state()[1].tolist() == state  # type: ignore[index]
    np.random.seed(5)
    torch.manual_seed(5)
    assert groups_of(cloud, num_groups=10) == first
    assert set(first) == set(range(10))
