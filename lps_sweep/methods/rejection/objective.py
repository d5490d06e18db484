"""What methods that know the seen classes alone have in common: the head and the evaluation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor, nn

from lps_sweep.methods.protocol import NOTHING, Objective, Parts, TailOutput
from lps_sweep.methods.rejection.config import RejectionConfig
from lps_sweep.methods.rejection.ids import open_world_ids
from lps_sweep.models import LinearHead


class RejectingObjective(Objective):
    """A linear classifier of the seen classes; see `lps_sweep.methods.protocol.Objective`.

    In an evaluation an image of high `score` gets the seen class predicted. The others are put
    into clusters, one for each novel class assumed.
    """

    aligned: ClassVar[bool] = True

    def __init__(
        self, config: RejectionConfig, num_classes: int, device: torch.device | str
    ) -> None:
        super().__init__(config, num_classes, device)
        self._rejection = config
        self._n_init = config.n_init

    def build(self, parts: Parts) -> None:
        """The tail, and a linear head with an output for each seen class."""
        self.take(parts)
        self._num_seen, self._last_epoch = parts.num_seen, parts.num_epochs - 1
        head = LinearHead(parts.feature_dim, parts.num_seen, parts.generator)
        self.head: nn.Module = head.to(parts.device)

    def start_epoch(self, epoch: int) -> bool:
        """After all epochs but the last one, a single run of k-means has to do."""
        self._n_init = self._rejection.n_init if epoch == self._last_epoch else 1
        return super().start_epoch(epoch)

    def score(self, probabilities: Tensor) -> Tensor:
        """(B,), in 0..1: how sure it is, by (B, S) probabilities, that images are of seen classes.

        Here it is the largest probability.
        """
        return probabilities.amax(dim=1)

    def read(self, output: TailOutput) -> dict[str, Tensor]:
        """The seen class predicted, its score and the features, in float32."""
        score = self.score(torch.softmax(output.logits.float(), dim=1))
        return super().read(output) | {"score": score, "features": output.features.float()}

    def predict(
        self,
        kept: Mapping[str, Tensor],
        labeled: Mapping[str, Tensor] = NOTHING,  # noqa: ARG002
    ) -> Tensor:
        """Seen classes of the images of high score, clusters of the others."""
        return open_world_ids(
            kept["ids"],
            kept["score"] >= self._rejection.rejection_threshold,
            kept["features"],
            self._num_seen,
            self.num_classes,
            cluster_on=self._rejection.cluster_on,
            n_init=self._n_init,
            seed=self._rejection.kmeans_seed,
        )
