"""The first clusters of DTC."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from torch import Tensor

from lps_sweep.methods.dtc.start import first_clusters

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
