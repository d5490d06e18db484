"""GCD as training uses it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from lps_sweep.methods.gcd.config import GCDConfig
from lps_sweep.methods.gcd.core import gcd_terms
from lps_sweep.methods.gcd.kmeans import semi_supervised_kmeans
from lps_sweep.methods.hyper import Hyper
from lps_sweep.methods.protocol import (
    NOTHING,
    Objective,
    Parts,
    StepContext,
    StepLoss,
    TailOutput,
)
from lps_sweep.models import Projector


class GCDObjective(Objective):
    """GCD, for training; see `lps_sweep.methods.protocol.Objective`.

    The logits of an output are projections: GCD has no classifier. An evaluation runs k-means on
    directions of features; ids below S are classes, since the labeled images keep theirs.
    """

    views: ClassVar[tuple[str, ...]] = ("weak1", "weak2")
    aligned: ClassVar[bool] = True
    reads_labeled: ClassVar[bool] = True
    centres: Tensor

    def __init__(self, config: GCDConfig, num_classes: int, device: torch.device | str) -> None:
        super().__init__(config, num_classes, device)
        self._hyper = Hyper.of(config, device, torch.float32)
        self._n_init = config.n_init

    def build(self, parts: Parts) -> None:
        """The tail, the projector, and a place for the centres of the newest k-means."""
        self.take(parts)
        self._last_epoch = parts.num_epochs - 1
        sizes = parts.feature_dim, self.config.projector_width, self.config.projector_dim
        self.head = Projector(*sizes, parts.generator).to(parts.device)
        centres = torch.zeros(self.num_classes, parts.feature_dim, device=parts.device)
        self.register_buffer("centres", centres)

    def start_epoch(self, epoch: int) -> bool:
        """After all epochs but the last one, a single run of k-means has to do."""
        self._n_init = self.config.n_init if epoch == self._last_epoch else 1
        return super().start_epoch(epoch)

    def loss(
        self,
        outputs: Mapping[str, TailOutput],
        labels: Tensor,
        context: StepContext,  # noqa: ARG002
    ) -> StepLoss:
        """The loss of one batch."""
        weak1, weak2 = (outputs[view].logits for view in self.views)
        terms = gcd_terms(weak1, weak2, labels, self._hyper)
        named = {name: term.detach() for name, term in vars(terms).items()}
        return StepLoss(terms.total, {"loss_total": named.pop("total"), **named})

    def read(self, output: TailOutput) -> dict[str, Tensor]:
        """The directions of the features, in float32."""
        return {"directions": F.normalize(output.features.float(), dim=1)}

    def confidence(self, output: TailOutput) -> Tensor | None:  # noqa: ARG002
        """None: its logits are projections."""
        return None

    def predict(
        self, kept: Mapping[str, Tensor], labeled: Mapping[str, Tensor] = NOTHING
    ) -> Tensor:
        """The clusters of the unlabeled images, which are computed anew."""
        found = semi_supervised_kmeans(
            labeled["directions"],
            labeled["labels"],
            kept["directions"],
            self.num_classes,
            n_init=self._n_init,
            max_iterations=self.config.kmeans_iterations,
            tolerance=self.config.kmeans_tolerance,
            seed=self.config.kmeans_seed,
        )
        self.centres.copy_(found.centres)
        return found.ids

    def classify(self, kept: Mapping[str, Tensor]) -> Tensor:
        """The nearest of the centres that the newest prediction found."""
        return torch.cdist(kept["directions"], self.centres.cpu()).argmin(dim=1)


OBJECTIVE = GCDObjective
"""What the table of methods hands out."""
