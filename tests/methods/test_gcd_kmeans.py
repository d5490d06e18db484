from __future__ import annotations

import functools
import itertools
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from sklearn.cluster import KMeans
from torch import Tensor

from lps_sweep.methods.gcd import kmeans
from tests.mutants import mutant

SETTINGS: dict[str, Any] = {"n_init": 20, "max_iterations": 100, "tolerance": 1e-4, "seed": 0}


def cloud(noise: float = 0.5, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """5 labeled directions of classes 0 and 1, one of them an outlier, and 14 of four kinds."""
    generator = torch.Generator().manual_seed(seed)
    kinds = torch.tensor([0, 0, 1, 1, 2, *[0, 1, 2, 3] * 3, 2, 3])
    rows = torch.eye(5, dtype=torch.float64)[kinds]
    noise_of = torch.randn(rows.shape, dtype=torch.float64, generator=generator)
    directions = F.normalize(rows + noise * noise_of, dim=1)
    return directions[:5], torch.tensor([0, 0, 1, 1, 0]), directions[5:]


def found(
    rows: tuple[Tensor, Tensor, Tensor], module: ModuleType = kmeans, **values: Any
) -> kmeans.Clustering:
    of: kmeans.Clustering = module.semi_supervised_kmeans(*rows, 4, **{**SETTINGS, **values})
    return of


def slow_lloyd(
    rows: tuple[Tensor, Tensor, Tensor], starts: list[int], iterations: int
) -> tuple[float, list[int], list[list[float]]]:
    """Inertia, ids and centres of the best iteration, from these unlabeled rows."""
    labeled, labels, unlabeled = (x.numpy() for x in rows)
    centres = [labeled[labels == c].mean(0) for c in range(2)] + [unlabeled[i] for i in starts]
    best: tuple[float, list[int], list[list[float]]] = (np.inf, [], [])
    for _ in range(iterations):
        to = np.array([[((x - c) ** 2).sum() for c in centres] for x in unlabeled])
        ids = to.argmin(1)
        inertia = to.min(1).sum()
        inertia += sum(((x - centres[c]) ** 2).sum() for x, c in zip(labeled, labels, strict=True))
        new = []
        for c, centre in enumerate(centres):
            mine = [*labeled[labels == c], *unlabeled[ids == c]]
            new.append(np.mean(mine, axis=0) if mine else centre)
        moved = sum(np.linalg.norm(a - b) for a, b in zip(new, centres, strict=True))
        if inertia < best[0]:
            best = (float(inertia), ids.tolist(), np.array(new).tolist())
        centres = new
        if moved**2 < 1e-4:
            break
    return best


@functools.cache
def slow(seed: int, iterations: int) -> tuple[float, list[int], list[list[float]]]:
    """The best of all pairs of unlabeled rows as first centres."""
    rows = cloud(seed=seed)
    pairs = itertools.combinations(range(len(rows[2])), 2)
    return min((slow_lloyd(rows, list(pair), iterations) for pair in pairs), key=lambda run: run[0])


def check(module: ModuleType = kmeans) -> None:
    for seed, iterations, n_init in ((1, 100, 100), (2, 100, 100), (3, 1, 1000)):
        rows = cloud(seed=seed)
        inertia, ids, centres = slow(seed, iterations)
        of = found(rows, module, n_init=n_init, max_iterations=iterations)
        assert of.inertia.item() == pytest.approx(inertia, abs=1e-9)
        # clusters without a class may come in either order
        order = [0, 1, 2, 3] if of.ids[ids.index(2)] == 2 else [0, 1, 3, 2]
        assert of.ids.tolist() == [order[i] for i in ids]
        assert of.centres[order].tolist() == [pytest.approx(c, abs=1e-9) for c in centres]
    with torch.random.fork_rng():
        whatever = []
        for seed in range(6):
            torch.manual_seed(seed)
            whatever.append(found(cloud(), module, n_init=1).centres)
    assert all(torch.equal(centres, whatever[0]) for centres in whatever)


def test_agrees_with_the_slow_reference_from_all_starts() -> None:
    check()


DEFECTS = (
    "rows.sums.index_add( => (rows.sums * 1.1).index_add(",
    "rows.sums.index_add( => torch.zeros_like(rows.sums).index_add(",
    "counts = rows.counts +  => counts = ",
    "if inertia < best.inertia => if inertia > best.inertia or best.inertia.isinf()",
    "Clustering(ids, means, inertia) => Clustering(ids, centres, inertia)",
    "rows.squares - 2 * ( => rows.squares - (",
    "nearest.double().sum() + of_labeled => nearest.double().sum()",
    "centres.square().sum(1) / 2 => centres.square().sum(1)",
    "score.max(dim=0) => score.min(dim=0)",
    "return min(runs => return max(runs",
    "shift.square() < tolerance => shift < 1e3",
    "score[moved] = centres[moved] => score[~moved] = centres[~moved]",
    "manual_seed(seed) => manual_seed(torch.randint(2**31, ()).item())",
)


@pytest.mark.parametrize("defect", DEFECTS)
def test_a_defect_is_seen(defect: str) -> None:
    changed = mutant(kmeans, *defect.split(" => "))

    with pytest.raises((AssertionError, RuntimeError)):
        check(changed)


def test_first_centres_are_means_of_classes_and_unlabeled_rows_that_are_far() -> None:
    labeled = torch.tensor([[1.0, 0.0], [3.0, 0.0]])
    unlabeled = torch.tensor([[2.0, 0.0]] * 50 + [[-50.0, 9.0]])
    rows = kmeans._Rows.of(labeled, torch.tensor([1, 1]), unlabeled, 3)

    for seed in range(20):
        centres = kmeans._first_centres(rows, torch.Generator().manual_seed(seed))
        assert centres[1].tolist() == [2.0, 0.0]
        assert centres[0].tolist() == [-50.0, 9.0]  # all others lie on the class centre


def test_first_centres_are_drawn_in_proportion_to_squared_distances() -> None:
    unlabeled = torch.tensor([[1.0], [3.0]], dtype=torch.float64)
    rows = kmeans._Rows.of(unlabeled[:1] * 0, torch.tensor([0]), unlabeled, 2)
    generator = torch.Generator().manual_seed(0)

    drawn = [kmeans._first_centres(rows, generator)[1].item() for _ in range(2000)]

    assert set(drawn) == {1.0, 3.0}
    assert drawn.count(3.0) / 2000 == pytest.approx(0.9, abs=0.025)


def test_without_labels_it_is_k_means() -> None:
    unlabeled = cloud(noise=0.1)[2]
    none = torch.zeros(0, 5, dtype=torch.float64), torch.zeros(0, dtype=torch.int64)

    of = found((*none, unlabeled))

    wanted = KMeans(4, n_init=20, random_state=0, algorithm="lloyd").fit(unlabeled.numpy())
    assert of.inertia.item() == pytest.approx(wanted.inertia_)
    pairs = set(zip(of.ids.tolist(), wanted.labels_.tolist(), strict=True))
    assert len(pairs) == 4


def test_with_all_classes_known_each_id_is_a_class() -> None:
    labeled = torch.eye(4, dtype=torch.float64)
    unlabeled = F.normalize(labeled.flip(0) + 0.1, dim=1)

    of = found((labeled, torch.arange(4), unlabeled), n_init=1)

    assert of.ids.tolist() == [3, 2, 1, 0]


def test_a_cluster_that_loses_its_rows_leaves_numbers() -> None:
    same = torch.ones(6, 5, dtype=torch.float64)

    of = found((same[:2], torch.tensor([0, 1]), same))

    assert bool(of.centres.isfinite().all())
    assert of.inertia.item() == pytest.approx(0.0, abs=1e-12)
    assert set(of.ids.tolist()) <= set(range(4))


def test_rows_that_are_not_numbers_end_it_without_an_error() -> None:
    labeled, labels, unlabeled = cloud()

    of = found((labeled, labels, unlabeled * torch.nan))

    assert of.ids.shape == (len(unlabeled),)


def test_the_same_bits_again_whatever_the_threads_and_generators() -> None:
    rows = tuple(x.float() if x.is_floating_point() else x for x in cloud())
    threads, state = torch.get_num_threads(), torch.random.get_rng_state()
    first = found(rows)  # type: ignore[arg-type]

    assert torch.equal(torch.random.get_rng_state(), state)
    assert torch.get_num_threads() == threads
    torch.set_num_threads(1)
    again = found(rows)  # type: ignore[arg-type]
    torch.set_num_threads(threads)

    assert torch.equal(first.ids, again.ids)
    assert torch.equal(first.centres, again.centres)
    others = [found(rows, n_init=1, seed=seed) for seed in range(6)]  # type: ignore[arg-type]
    assert len({other.inertia.item() for other in others}) > 1


def test_a_run_ends_after_its_iterations() -> None:
    rows = cloud(noise=1.0)

    short, whole = found(rows, n_init=1, max_iterations=1), found(rows, n_init=1)

    assert short.inertia > whole.inertia
