"""The first clusters of DTC: principal components of features, then k-means."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from sklearn.decomposition import PCA
from threadpoolctl import threadpool_limits
from torch import Tensor

from lps_sweep.methods.kmeans import kmeans


@dataclass(frozen=True)
class FirstClusters:
    """Where DTC starts from, on the CPU, in the precision of the features.

    Attributes:
        outputs: (N, K), the features in their K first principal components.
        centres: (K, K), the means of the clusters.
        ids: (N,) int64, the cluster of each row.
    """

    outputs: Tensor
    centres: Tensor
    ids: Tensor


def first_clusters(features: Tensor, num_clusters: int, n_init: int, seed: int) -> FirstClusters:
    """Centred features in K components, not whitened, and K clusters of them.

    There are no more components than features or rows; where K is larger, the places of the
    others are 0, since no variance is left for them.

    Args:
        features: (N, d), finite, on the CPU.
        num_clusters: K.
        n_init: Runs of k-means, of which the best is taken.
        seed: Of k-means, and of the components where scikit-learn draws to find them.

    Raises:
        ValueError: There are fewer rows than clusters.
    """
    num_components = min(num_clusters, *features.shape)
    with threadpool_limits(limits=1):
        components = PCA(num_components, random_state=seed).fit_transform(features.numpy())
    outputs = torch.from_numpy(components).to(features.dtype)
    outputs = F.pad(outputs, (0, num_clusters - num_components))
    ids = kmeans(outputs, num_clusters, n_init=n_init, seed=seed)
    sums = outputs.new_zeros(num_clusters, num_clusters).index_add_(0, ids, outputs)
    return FirstClusters(outputs, sums / ids.bincount().unsqueeze(1), ids)
