"""SimCLR + k-means: the pre-trained network as it is, and clusters of its features."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import torch
import torch.nn.functional as F
from sklearn.cluster import KMeans
from threadpoolctl import threadpool_limits
from torch import Tensor

from lps_sweep.methods.protocol import Objective, StepContext, StepLoss, TailOutput
from lps_sweep.methods.simclr_kmeans.config import SimCLRKMeansConfig


def clusters(features: Tensor, num_clusters: int, config: SimCLRKMeansConfig) -> Tensor:
    """Cluster ids (N,) int64 of the directions of `features` (N, d), on the CPU.

    On one thread: with several, scikit-learn adds up in an order that changes from run to run.

    Raises:
        ValueError: There are fewer rows than clusters.
    """
    directions = F.normalize(features.float(), dim=1).numpy()
    with threadpool_limits(limits=1):
        kmeans = KMeans(num_clusters, n_init=config.n_init, random_state=config.kmeans_seed)
        return torch.from_numpy(kmeans.fit_predict(directions)).long()


class SimCLRKMeansObjective(Objective):
    """SimCLR + k-means; see `lps_sweep.methods.protocol.Objective`.

    The unlabeled training images are put into K clusters, K being the number of classes assumed.
    """

    views: ClassVar[tuple[str, ...]] = ()
    aligned: ClassVar[bool] = False

    def __init__(
        self, config: SimCLRKMeansConfig, num_classes: int, device: torch.device | str
    ) -> None:
        self._config = config
        self._num_classes = num_classes
        self._nothing = torch.zeros((), device=device)

    def loss(
        self,
        outputs: Mapping[str, TailOutput],  # noqa: ARG002
        labels: Tensor,  # noqa: ARG002
        context: StepContext,  # noqa: ARG002
    ) -> StepLoss:
        """Zero, without gradient: there is nothing to train."""
        return StepLoss(self._nothing, {})

    def summarise(
        self,
        sums: Mapping[str, Tensor],  # noqa: ARG002
        num_steps: int,  # noqa: ARG002
    ) -> dict[str, float]:
        """Nothing was trained, so nothing is to be told."""
        return {}

    def read(self, output: TailOutput) -> dict[str, Tensor]:
        """The features, in float32."""
        return {"features": output.features.float()}

    def predict(self, kept: Mapping[str, Tensor]) -> Tensor:
        """The clusters of the images, which are computed anew."""
        return clusters(kept["features"], self._num_classes, self._config)

    def state(self) -> dict[str, Tensor]:
        """Nothing: clusters depend on the features and the settings alone."""
        return {}

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Takes up nothing."""


OBJECTIVE = SimCLRKMeansObjective
"""What the table of methods hands out."""
