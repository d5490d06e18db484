"""DTC as training uses it: three phases, and what it keeps of each unlabeled image."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor, nn

from lps_sweep.methods.dtc.config import DTCConfig
from lps_sweep.methods.dtc.core import (
    Weights,
    corrected,
    dtc_loss,
    log_assignments,
    moved,
    target_distribution,
)
from lps_sweep.methods.dtc.start import first_clusters
from lps_sweep.methods.hyper import at_least_float32
from lps_sweep.methods.phases import phase_length, rampup
from lps_sweep.methods.protocol import (
    NOTHING,
    Objective,
    Parts,
    StepContext,
    StepLoss,
    TailOutput,
)
from lps_sweep.models import LinearHead


class DTCObjective(Objective):
    """DTC, for training; see `lps_sweep.methods.protocol.Objective`.

    Three phases follow one another: the seen classes are learnt; warm-up with the targets of the
    first clusters; the joint phase, with targets that are renewed. The first clusters and the
    targets come from the evaluation before the epoch that needs them. While the seen classes are
    learnt there are no clusters: all images are predicted alike.

    Attributes:
        head: The layer whose K outputs the centres lie among.
        seen_head: A linear classifier of the seen classes.
        centres: (K, K).
        targets: (N_u, K), p of all unlabeled images.
        ensemble: Z, (N_u, K), of variants te and tep.
        newest: (N_u, K), of variant te: q of each image when a step last had it in this phase.
        num_added: 0-d, epochs in the ensemble.
        num_started: 0-d int64, epochs begun so far, on the CPU.
    """

    views: ClassVar[tuple[str, ...]] = ("weak1", "weak2")
    aligned: ClassVar[bool] = False
    evaluated_first: ClassVar[bool] = True
    config: DTCConfig
    targets: Tensor
    ensemble: Tensor
    newest: Tensor
    num_added: Tensor
    num_started: Tensor
    weights: Tensor
    places: Tensor

    def build(self, parts: Parts) -> None:
        """Makes the heads, the centres, and what is kept of each unlabeled image."""
        self.take(parts)
        clusters, shape = self.num_classes, (len(parts.unlabeled), self.num_classes)
        head = LinearHead(parts.feature_dim, clusters, parts.generator)
        seen_head = LinearHead(parts.feature_dim, parts.num_seen, parts.generator)
        self.head, self.seen_head = head.to(parts.device), seen_head.to(parts.device)
        self._fresh = [weight.detach().clone() for weight in self.head.parameters()]
        self.centres = nn.Parameter(torch.zeros(clusters, clusters, device=parts.device))
        kept = {"te": ("targets", "ensemble", "newest"), "tep": ("targets", "ensemble")}
        for name in kept.get(self.config.variant, ("targets",)):
            self.register_buffer(name, torch.zeros(shape, device=parts.device))
        self.register_buffer("num_added", torch.zeros((), device=parts.device))
        self.register_buffer("num_started", torch.zeros((), dtype=torch.int64))
        self.register_buffer("weights", torch.zeros(3, device=parts.device))
        places = torch.zeros(parts.num_images, dtype=torch.int64)
        places[parts.unlabeled] = torch.arange(len(parts.unlabeled))
        self.register_buffer("places", places.to(parts.device), persistent=False)
        self._num_epochs = parts.num_epochs
        self._warm_up = phase_length(
            self.config.supervised_share, parts.num_epochs, parts.num_epochs - 1
        )
        self._joint = self._warm_up + phase_length(
            self.config.warm_up_share, parts.num_epochs, parts.num_epochs - 1 - self._warm_up
        )

    def heads(self, features: Tensor) -> TailOutput:
        """Outputs z as logits, and the logits of the seen classes beside them."""
        return TailOutput(features, self.head(features), {"seen": self.seen_head(features)})

    def outputs(self, views: Mapping[str, Tensor]) -> dict[str, TailOutput]:
        """Only variant pi passes the second view."""
        names = self.views if self.config.variant == "pi" else self.views[:1]
        return super().outputs({name: views[name] for name in names})

    def start_epoch(self, epoch: int) -> bool:
        """Sets the weights of the terms; the optimiser starts anew with each phase."""
        consistency = 0.0
        if epoch >= self._joint and self.config.variant in ("pi", "te"):
            ramp = rampup(epoch - self._joint, self.config.rampup_length)
            consistency = self.config.rampup_coefficient * ramp
        if epoch == self._joint and self.config.variant == "te":
            self.newest.zero_()
        supervised = float(epoch < self._warm_up)
        for place, value in enumerate((supervised, 1 - supervised, consistency)):
            self.weights[place].fill_(value)
        self.num_started.fill_(epoch + 1)
        return epoch in (self._warm_up, self._joint)

    def loss(
        self, outputs: Mapping[str, TailOutput], labels: Tensor, context: StepContext
    ) -> StepLoss:
        """The loss of one batch; variant te also takes note of the assignments."""
        num_labeled, variant = labels.shape[0], self.config.variant
        places = self.places[context.rows[num_labeled:]]
        ensemble = second = None
        if variant == "te":
            rows = self.ensemble[places]
            ensemble = corrected(rows, self.config.ensemble_decay, self.num_added)
        if variant == "pi":
            second = outputs["weak2"].logits[num_labeled:]
        terms = dtc_loss(
            outputs["weak1"].logits[num_labeled:],
            self.centres,
            self.targets[places],
            Weights(*self.weights.unbind()),
            seen_logits=outputs["weak1"].more["seen"][:num_labeled],
            labels=labels,
            second=second,
            ensemble=ensemble,
        )
        if variant == "te":
            # An image that stands twice in a batch has the assignments of its last row.
            same = places.unsqueeze(1) == places
            last = (same * torch.arange(1, len(places) + 1, device=same.device)).argmax(dim=1)
            self.newest.index_copy_(0, places, terms.assignments[last])
        diagnostics = {
            "loss_total": terms.total.detach(),
            "cross_entropy": terms.cross_entropy.detach(),
            "sharpening": terms.sharpening.detach(),
            "consistency": terms.consistency.detach(),
            "consistency_weight": self.weights[2].clone(),
        }
        return StepLoss(terms.total, diagnostics)

    def read(self, output: TailOutput) -> dict[str, Tensor]:
        """Ids and assignments; the features too where the first clusters are due."""
        (outputs,) = at_least_float32(output.logits)
        assignments = log_assignments(outputs, self.centres).exp()
        kept = {"ids": assignments.argmax(dim=1), "assignments": assignments}
        if int(self.num_started) == self._warm_up:
            kept["features"] = output.features.float()
        return kept

    def evaluated(
        self,
        kept: Mapping[str, Tensor],
        labeled: Mapping[str, Tensor] = NOTHING,  # noqa: ARG002
    ) -> None:
        """Makes the first clusters, the ensemble and the targets that the next epoch needs.

        Raises:
            ValueError: The first clusters are due and there are fewer images than clusters.
        """
        following = int(self.num_started)
        num_done = following - self._joint
        if following == self._num_epochs:
            return
        if following == self._warm_up:
            self._begin(kept["features"])
        elif num_done >= 0:
            targets_from = kept["assignments"].to(self.targets.device)
            if num_done > 0:
                targets_from = self._added(targets_from, num_done)
            if num_done == 0 or (num_done - 1) % self.config.target_interval == 0:
                self.targets.copy_(target_distribution(targets_from))

    def _begin(self, features: Tensor) -> None:
        """First centres and targets; the layer starts from random weights, not from components."""
        config = self.config
        start = first_clusters(features, self.num_classes, config.n_init, config.kmeans_seed)
        with torch.no_grad():
            self.centres.copy_(start.centres)
            for weight, fresh in zip(self.head.parameters(), self._fresh, strict=True):
                weight.copy_(fresh)
        assignments = log_assignments(start.outputs, start.centres).exp()
        self.targets.copy_(target_distribution(assignments))

    def _added(self, assignments: Tensor, num_done: int) -> Tensor:
        """The ensemble with the epoch that is over, once; what the targets are made of.

        Args:
            assignments: (N_u, K), of the evaluation.
            num_done: Epochs of the joint phase that are over.
        """
        variant, decay = self.config.variant, self.config.ensemble_decay
        if variant in ("te", "tep") and self.num_added < num_done:
            added = self.newest if variant == "te" else assignments
            self.ensemble.copy_(moved(self.ensemble, added, decay))
            self.num_added.fill_(num_done)
        if variant == "tep":
            return corrected(self.ensemble, decay, self.num_added)
        return assignments


OBJECTIVE = DTCObjective
"""What the table of methods hands out."""
