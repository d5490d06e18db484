"""k-means in which the labeled rows keep their class, as GCD predicts."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from threadpoolctl import threadpool_limits
from torch import Tensor


@dataclass(frozen=True)
class Clustering:
    """One result of k-means.

    Attributes:
        ids: (N_u,) int64, cluster of each unlabeled row; an id that is a label is that class.
        centres: (K, d), after the update that follows the assignment of `ids`.
        inertia: 0-d float64, sum of squared distances, of the labeled rows too, before it.
    """

    ids: Tensor
    centres: Tensor
    inertia: Tensor


@dataclass(frozen=True)
class _Rows:
    """What all runs share: the unlabeled rows, and sums over the labeled rows of each class."""

    unlabeled: Tensor
    sums: Tensor
    counts: Tensor
    squares: Tensor

    @classmethod
    def of(cls, labeled: Tensor, labels: Tensor, unlabeled: Tensor, num_clusters: int) -> _Rows:
        sums = unlabeled.new_zeros(num_clusters, unlabeled.shape[1]).index_add_(0, labels, labeled)
        squares = labeled.double().square().sum() + unlabeled.double().square().sum()
        return cls(unlabeled, sums, torch.bincount(labels, minlength=num_clusters), squares)


def semi_supervised_kmeans(
    labeled: Tensor,
    labels: Tensor,
    unlabeled: Tensor,
    num_clusters: int,
    *,
    n_init: int,
    max_iterations: int,
    tolerance: float,
    seed: int,
) -> Clustering:
    """The run of smallest inertia, on the CPU and on one thread: the same bits at each call.

    The first centre of a class with labels is the mean of its rows, that of any other cluster is
    drawn from the unlabeled rows as k-means++ does, the class centres being there already. Each
    iteration assigns the unlabeled rows to the nearest centre and moves every centre to the mean
    of its labeled and unlabeled rows. Kept is the iteration of smallest inertia. A cluster that
    loses all its rows keeps its centre.

    Args:
        labeled: (N_l, d).
        labels: (N_l,) int64, below K.
        unlabeled: (N_u, d), N_u >= 1.
        num_clusters: K.
        n_init: Runs, each with other first centres.
        max_iterations: Most iterations of a run.
        tolerance: A run ends once the squared sum of the distances that the centres moved is less.
        seed: Of the draws.
    """
    generator = torch.Generator().manual_seed(seed)
    with threadpool_limits(limits=1):
        rows = _Rows.of(labeled, labels, unlabeled, num_clusters)
        runs = (
            _lloyd(rows, _first_centres(rows, generator), max_iterations, tolerance)
            for _ in range(n_init)
        )
        return min(runs, key=lambda run: run.inertia.item())


def _first_centres(rows: _Rows, generator: torch.Generator) -> Tensor:
    """(K, d): means of the classes with labels, and k-means++ for the others."""
    centres = rows.sums / rows.counts.clamp(min=1).unsqueeze(1)
    known = rows.counts > 0
    squares = rows.unlabeled.square().sum(1, keepdim=True)

    def squared_distances(to: Tensor) -> Tensor:
        apart = squares - 2 * (rows.unlabeled @ to.T) + to.square().sum(1)
        return apart.clamp(min=0).amin(1).double()

    nearest = torch.full((len(squares),), torch.inf, dtype=torch.float64)
    if known.any():
        nearest = squared_distances(centres[known])
    for cluster in (~known).nonzero().flatten().tolist():
        # Without any centre yet, all chances are equal.
        mass = torch.where(nearest.isinf(), 1.0, nearest).cumsum(0)
        draw = torch.rand(1, generator=generator, dtype=torch.float64) * mass[-1]
        row = torch.searchsorted(mass, draw).clamp(max=len(mass) - 1)
        centres[cluster] = rows.unlabeled[row]
        nearest = torch.minimum(nearest, squared_distances(rows.unlabeled[row]))
    return centres


def _lloyd(rows: _Rows, centres: Tensor, max_iterations: int, tolerance: float) -> Clustering:
    """The iteration of smallest inertia from the given first centres."""
    num_clusters = len(centres)
    score = rows.unlabeled.new_empty(num_clusters, len(rows.unlabeled))
    moved = torch.ones(num_clusters, dtype=torch.bool)
    nobody = torch.zeros(len(rows.unlabeled), dtype=torch.int64)
    best = Clustering(nobody, centres, torch.tensor(torch.inf, dtype=torch.float64))
    for _ in range(max_iterations):
        # A row's squared distance from a centre is its square less twice this.
        halves = centres.square().sum(1) / 2
        score[moved] = centres[moved] @ rows.unlabeled.T - halves[moved].unsqueeze(1)
        nearest, ids = score.max(dim=0)
        of_labeled = (centres * rows.sums).sum() - torch.dot(rows.counts.to(halves.dtype), halves)
        inertia = rows.squares - 2 * (nearest.double().sum() + of_labeled)
        counts = rows.counts + torch.bincount(ids, minlength=num_clusters)
        means = rows.sums.index_add(0, ids, rows.unlabeled) / counts.clamp(min=1).unsqueeze(1)
        means = torch.where(counts.unsqueeze(1) > 0, means, centres)
        if inertia < best.inertia:
            best = Clustering(ids, means, inertia)
        shift = (means - centres).norm(dim=1).sum()
        moved, centres = (means != centres).any(1), means
        if shift.square() < tolerance:
            break
    return best
