"""Open-world ids of a classifier that knows the seen classes alone."""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from lps_sweep.methods.kmeans import kmeans


def open_world_ids(
    seen_ids: Tensor,
    accepted: Tensor,
    features: Tensor,
    num_seen: int,
    num_classes: int,
    *,
    cluster_on: Literal["directions", "features"] = "directions",
    n_init: int = 10,
    seed: int = 0,
) -> Tensor:
    """Ids (N,) int64: `seen_ids` where accepted, clusters S to K - 1 elsewhere (section 4.1).

    The rejected rows are put into K - S clusters by k-means. Where they are fewer than that, each
    is a cluster of its own; without novel classes nothing is rejected.

    Args:
        seen_ids: (N,) int64, below S.
        accepted: (N,) bool.
        features: (N, d), on the CPU.
        num_seen: S.
        num_classes: K, the number of classes assumed.
        cluster_on: Whether features are brought to length 1 first.
        n_init: Runs of k-means, of which the best is taken.
        seed: Seed of the first centres.
    """
    num_clusters = num_classes - num_seen
    rejected = (~accepted).nonzero().squeeze(1)
    if num_clusters < 1 or rejected.numel() == 0:
        return seen_ids
    rows = features[rejected]
    if cluster_on == "directions":
        rows = F.normalize(rows, dim=1)
    if len(rows) <= num_clusters:
        clusters = torch.arange(len(rows))
    else:
        clusters = kmeans(rows, num_clusters, n_init=n_init, seed=seed)
    return seen_ids.index_copy(0, rejected, num_seen + clusters)
