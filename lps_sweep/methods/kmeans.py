"""k-means with the same result on every machine load."""

from __future__ import annotations

import torch
from sklearn.cluster import KMeans
from threadpoolctl import threadpool_limits
from torch import Tensor


def kmeans(features: Tensor, num_clusters: int, *, n_init: int, seed: int) -> Tensor:
    """Cluster ids (N,) int64 of the rows of `features` (N, d), on the CPU.

    On one thread: with several, scikit-learn adds up in an order that changes from run to run.

    Args:
        features: (N, d), on the CPU.
        num_clusters: At least 1.
        n_init: Runs, of which the best is taken.
        seed: Seed of the first centres.

    Raises:
        ValueError: There are fewer rows than clusters.
    """
    with threadpool_limits(limits=1):
        fitted = KMeans(num_clusters, n_init=n_init, random_state=seed)
        return torch.from_numpy(fitted.fit_predict(features.numpy())).long()
