"""How OpenNCD finds which prototypes belong together, and which group is which class."""

from __future__ import annotations

import warnings

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array
from sklearn.cluster import SpectralClustering
from threadpoolctl import threadpool_limits
from torch import Tensor

from lps_sweep.metrics import match

SPECTRAL_SEED = 0
"""Seed of spectral clustering (reference behaviour)."""


def prototype_graph(nearest: NDArray[np.int64], num_prototypes: int) -> NDArray[np.float64]:
    """How often two prototypes are adjacent, of the times that the rarer one is anybody's.

    (P, P), symmetric, 0 to 1; the diagonal is 1, and all of a prototype that is nobody's is 0.

    Args:
        nearest: (N, n), each image's n nearest prototypes.
        num_prototypes: P.
    """
    num_rows, num_nearest = nearest.shape
    starts = np.arange(num_rows + 1) * num_nearest
    data = np.ones(nearest.size, dtype=np.int64), nearest.ravel(), starts
    k_hot = csr_array(data, shape=(num_rows, num_prototypes))
    together: NDArray[np.int64] = (k_hot.T @ k_hot).toarray()
    count = together.diagonal()
    return together / np.maximum(np.minimum.outer(count, count), 1)


def group_prototypes(
    nearest: Tensor,
    labels: Tensor,
    prototypes: Tensor,
    *,
    num_seen: int,
    num_groups: int,
    graph_mix: float,
) -> Tensor:
    """The group of each prototype, (P,) int64, on the CPU and with the same result at each call.

    Spectral clustering of the graph puts the prototypes into K groups. The S seen classes are then
    matched with the groups in which most of their labeled images are, over all K groups; the
    groups left over are numbered from S on, by their first prototype.

    Args:
        nearest: (N, n) int64, each image's n nearest prototypes, the nearest first; labeled images
            come first.
        labels: (N_l,) int64, their labels, below S.
        prototypes: (P, d), of any length; P > K.
        num_seen: S, at most K.
        num_groups: K.
        graph_mix: Share of `prototype_graph` in the graph; cosines, from 0 to 1, have the rest. The
            diagonal has no effect.
    """
    directions = torch.nn.functional.normalize(prototypes.double(), dim=1).numpy()
    graph = prototype_graph(nearest.numpy(), len(directions))
    cosines = np.clip((directions @ directions.T + 1) / 2, 0.0, 1.0)
    clusters = _spectral(graph_mix * graph + (1 - graph_mix) * cosines, num_groups)
    table = np.zeros((num_groups, num_seen), dtype=np.int64)
    np.add.at(table, (clusters[nearest[: len(labels), 0].numpy()], labels.numpy()), 1)
    names = match(table)
    groups, first = np.unique(clusters, return_index=True)
    others = [group for group in groups[np.argsort(first)] if names[group] < 0]
    names[others] = num_seen + np.arange(len(others))
    return torch.from_numpy(names[clusters])


def _spectral(graph: NDArray[np.float64], num_groups: int) -> NDArray[np.int64]:
    """On one thread, as in `lps_sweep.methods.kmeans`."""
    spectral = SpectralClustering(num_groups, affinity="precomputed", random_state=SPECTRAL_SEED)
    with threadpool_limits(limits=1), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Graph is not fully connected")
        return np.asarray(spectral.fit_predict(graph), dtype=np.int64)
