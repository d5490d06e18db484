"""SimCLR + k-means: the pre-trained network as it is, and clusters of its features."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from lps_sweep.methods.kmeans import kmeans
from lps_sweep.methods.protocol import NOTHING, Objective, TailOutput
from lps_sweep.methods.simclr_kmeans.config import SimCLRKMeansConfig


def clusters(features: Tensor, num_clusters: int, config: SimCLRKMeansConfig) -> Tensor:
    """Cluster ids (N,) int64 of the directions of `features` (N, d), on the CPU.

    Raises:
        ValueError: There are fewer rows than clusters.
    """
    directions = F.normalize(features.float(), dim=1)
    return kmeans(directions, num_clusters, n_init=config.n_init, seed=config.kmeans_seed)


class SimCLRKMeansObjective(Objective):
    """SimCLR + k-means; see `lps_sweep.methods.protocol.Objective`.

    The unlabeled training images are put into K clusters, K being the number of classes assumed.
    """

    views: ClassVar[tuple[str, ...]] = ()
    aligned: ClassVar[bool] = False

    def __init__(
        self,
        config: SimCLRKMeansConfig,
        num_classes: int,
        device: torch.device | str,
    ) -> None:
        super().__init__(config, num_classes, device)
        self._config = config
        self._num_classes = num_classes

    def read(self, output: TailOutput) -> dict[str, Tensor]:
        """The features, in float32."""
        return {"features": output.features.float()}

    def predict(
        self,
        kept: Mapping[str, Tensor],
        labeled: Mapping[str, Tensor] = NOTHING,  # noqa: ARG002
    ) -> Tensor:
        """The clusters of the images, which are computed anew."""
        return clusters(kept["features"], self._num_classes, self._config)


OBJECTIVE = SimCLRKMeansObjective
"""What the table of methods hands out."""
