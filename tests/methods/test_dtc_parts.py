"""The first clusters of DTC, its assignments and targets, and the ensemble."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from torch import Tensor

from lps_sweep.methods.dtc import core
from lps_sweep.methods.dtc.start import first_clusters
from tests.methods.losses.dtc import slow_ensemble

NUM_ROWS, DIM, K = 9, 6, 3


def features(seed: int = 0) -> Tensor:
    """Nine rows around three points, far from the origin, in axes of very different lengths."""
    generator = torch.Generator().manual_seed(seed)
    points = torch.randn(K, DIM, generator=generator, dtype=torch.float64)
    noise = torch.randn(NUM_ROWS, DIM, generator=generator, dtype=torch.float64)
    stretch = torch.tensor([9.0, 3.0, 1.0, 0.5, 0.2, 0.1], dtype=torch.float64)
    return (2 * points[torch.arange(NUM_ROWS) % K] + noise) * stretch + 40.0


def smallest_inertia(rows: Tensor) -> float:
    """Over all ways to put the rows into K clusters, none of them empty."""
    found = []
    for ids in itertools.product(range(K), repeat=len(rows) - 1):
        groups = [rows[torch.tensor((0, *ids)) == k] for k in range(K)]
        if all(len(group) for group in groups):
            found.append(sum(float((g - g.mean(0)).square().sum()) for g in groups))
    return min(found)


def test_the_outputs_are_the_components_of_largest_variance() -> None:
    given = features()
    values, vectors = np.linalg.eigh(np.cov(given.numpy().T, bias=True))

    start = first_clusters(given, K, n_init=20, seed=0)

    wanted = (given.numpy() - given.numpy().mean(0)) @ vectors[:, ::-1][:, :K]
    assert np.allclose(np.abs(start.outputs.numpy()), np.abs(wanted), atol=1e-10)
    assert np.allclose(start.outputs.numpy().var(0), values[::-1][:K])
    assert np.allclose(start.outputs.numpy().mean(0), 0)


def test_the_clusters_are_the_best_of_all_and_the_centres_their_means() -> None:
    start = first_clusters(features(), K, n_init=20, seed=0)

    assert start.ids.dtype == torch.int64
    for k in range(K):
        torch.testing.assert_close(start.centres[k], start.outputs[start.ids == k].mean(0))
    inertia = (start.outputs - start.centres[start.ids]).square().sum().item()
    assert inertia == pytest.approx(smallest_inertia(start.outputs))


@pytest.mark.parametrize("seed", range(3))
def test_the_seed_decides(seed: int) -> None:
    given = torch.randn(300, 20, generator=torch.Generator().manual_seed(1))

    first = first_clusters(given, 12, n_init=1, seed=seed)
    again = first_clusters(given, 12, n_init=1, seed=seed)
    other = first_clusters(given, 12, n_init=1, seed=seed + 1)

    assert torch.equal(first.ids, again.ids)
    assert torch.equal(first.centres, again.centres)
    assert not torch.equal(first.ids, other.ids)
    assert first.centres.dtype == torch.float32


@pytest.mark.parametrize("num_clusters", [DIM + 2, NUM_ROWS])
def test_more_clusters_than_components_leave_places_empty(num_clusters: int) -> None:
    given = features()

    start = first_clusters(given, num_clusters, n_init=20, seed=0)

    assert start.outputs.shape == (NUM_ROWS, num_clusters)
    assert start.centres.shape == (num_clusters, num_clusters)
    assert not start.outputs[:, DIM:].any()
    centred = given - given.mean(0)
    assert start.outputs.square().sum().item() == pytest.approx(centred.square().sum().item())
    assert set(start.ids.tolist()) == set(range(num_clusters))


def test_fewer_rows_than_clusters_are_an_error() -> None:
    with pytest.raises(ValueError, match="n_samples=9"):
        first_clusters(features(), NUM_ROWS + 1, n_init=1, seed=0)


def test_equal_distances_give_equal_shares() -> None:
    q = core.log_assignments(torch.zeros(2, 4), torch.eye(4)).exp()

    assert q.flatten().tolist() == pytest.approx([0.25] * 8)
    assert core.target_distribution(q).flatten().tolist() == pytest.approx([0.25] * 8)
    near = core.log_assignments(torch.tensor([[1.0, 0.0]]), torch.tensor([[1.0, 0.0], [0.0, 0.0]]))
    assert near.exp().tolist()[0] == pytest.approx([2 / 3, 1 / 3])


def test_targets_are_sharper_and_favour_small_clusters() -> None:
    q = torch.tensor([[0.6, 0.4], [0.9, 0.1], [0.9, 0.1]], dtype=torch.float64)

    p = core.target_distribution(q)

    assert p[0].tolist() == pytest.approx([0.36 / 2.4 / (0.36 / 2.4 + 0.16 / 0.6), 0.64], abs=1e-3)
    assert p[1, 0] > q[1, 0]
    nobodys = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    assert core.target_distribution(nobodys).tolist() == nobodys.tolist()


def test_a_row_on_its_centre_and_far_rows_are_finite() -> None:
    outputs = torch.tensor([[0.0, 0.0], [1e15, -1e15]], requires_grad=True)
    centres = torch.tensor([[0.0, 0.0], [1.0, 2.0]], requires_grad=True)

    log_q = core.log_assignments(outputs, centres)
    gradients = torch.autograd.grad(log_q.sum(), (outputs, centres))

    assert log_q[1].exp().tolist() == pytest.approx([0.5, 0.5])
    assert all(bool(g.isfinite().all()) for g in gradients)


def test_the_ensemble_is_the_weighted_mean_of_the_epochs() -> None:
    epochs = list(torch.rand(3, 5, 4))
    ensemble = nothing = torch.zeros(5, 4)
    for count, assignments in enumerate(epochs, start=1):
        ensemble = core.moved(ensemble, assignments, 0.6)
        found = core.corrected(ensemble, 0.6, torch.tensor(float(count)))
        wanted = torch.tensor(slow_ensemble([epoch.tolist() for epoch in epochs[:count]], 0.6))
        torch.testing.assert_close(found, wanted, atol=1e-6, rtol=0)
    assert torch.equal(core.corrected(nothing, 0.6, torch.tensor(0.0)), nothing)
    newest = core.corrected(core.moved(nothing, nothing + 0.5, 0.0), 0.0, torch.tensor(1.0))
    assert torch.equal(newest, nothing + 0.5)
