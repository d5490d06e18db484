"""DS3L as training uses it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import torch
from torch import Tensor
from torch.func import functional_call

from lps_sweep.methods.ds3l.config import DS3LConfig
from lps_sweep.methods.ds3l.core import lower_terms, ramp, row_weights, upper_terms
from lps_sweep.methods.ds3l.weights import WeightNetwork, weight_optimizer
from lps_sweep.methods.hyper import Hyper
from lps_sweep.methods.protocol import Parts, StepContext, StepLoss, TailOutput
from lps_sweep.methods.rejection.objective import RejectingObjective


class DS3LObjective(RejectingObjective):
    """DS3L, for training; see `lps_sweep.methods.protocol.Objective`.

    A step has two parts. A virtual step of tail and head tells how the weight network must change;
    then tail and head take the real one with the changed weights. The third pass of the labeled
    rows is their second weak view, which nothing else reads. The virtual step leaves the running
    statistics of BatchNorm alone.
    """

    views: ClassVar[tuple[str, ...]] = ("weak1", "weak2")
    steps_begun: Tensor

    def __init__(self, config: DS3LConfig, num_classes: int, device: torch.device | str) -> None:
        super().__init__(config, num_classes, device)
        self._config = config
        self._hyper = Hyper.of(config, device, torch.float32)
        self.register_buffer("steps_begun", torch.zeros((), dtype=torch.int64, device=device))

    def build(self, parts: Parts) -> None:
        """Besides tail and head, the weight network."""
        super().build(parts)
        network = WeightNetwork(parts.num_seen, self._config.weight_width, parts.generator)
        self.weights = network.to(parts.device)
        num_steps = parts.num_steps * parts.num_epochs
        self._ramp_length = self._hyper.ramp_share * num_steps

    def optimizers(self) -> Mapping[str, torch.optim.Optimizer]:
        """Adam of the weight network."""
        return {"weights": weight_optimizer(self.weights, self._config.weight_lr)}

    def forward(self, passes: Sequence[Tensor]) -> list[Tensor]:
        """Logits (B, S) of the trunk's activations of one or more views."""
        named = dict(zip(self.views, passes, strict=False))
        return [output.logits for output in self.outputs(named).values()]

    def loss(
        self, outputs: Mapping[str, TailOutput], labels: Tensor, context: StepContext
    ) -> StepLoss:
        """A step of the weight network, then the loss of tail and head with its new weights."""
        num_labeled = labels.shape[0]
        self.steps_begun.add_(1)
        coefficient = ramp(self.steps_begun, self._ramp_length, self._hyper.lambda_max)
        upper = self._upper(context.views, labels, coefficient)
        context.step(upper, "weights", list(self.weights.parameters()))
        first, second = (outputs[view].logits for view in self.views)
        with torch.no_grad():
            weights = row_weights(self.weights, first, num_labeled)
        terms = lower_terms(first, second, labels, weights, coefficient, self._hyper)
        diagnostics = {
            "loss_total": terms.total.detach(),
            "labeled": terms.labeled.detach(),
            "consistency": terms.weighted.detach(),
            "loss_upper": upper.detach(),
            "coefficient": coefficient,
            "weight_mean": weights.sum() / max(weights.shape[0], 1),
        }
        return StepLoss(terms.total, diagnostics)

    def _upper(self, views: Mapping[str, Tensor], labels: Tensor, coefficient: Tensor) -> Tensor:
        """The upper loss of a batch, 0-d; uncompiled, as it takes gradients of gradients."""
        named = self.named_parameters()
        trained = {n: w for n, w in named if n.startswith(("tail.", "head.")) and w.requires_grad}
        buffers = {name: buffer.clone() for name, buffer in self.named_buffers()}

        def forward(parameters: Mapping[str, Tensor], passes: Sequence[Tensor]) -> list[Tensor]:
            logits: list[Tensor] = functional_call(self, {**parameters, **buffers}, (passes,))
            return logits

        weak1, weak2 = (views[view] for view in self.views)
        passes = (weak1, weak2, weak2[: labels.shape[0]])
        with torch.compiler.set_stance("force_eager"):
            return upper_terms(
                forward, trained, passes, labels, self.weights, coefficient, self._hyper
            ).upper

    def score(self, probabilities: Tensor) -> Tensor:
        """The largest probability, or what the weight network makes of all of them."""
        if self._config.rejection_score == "weight":
            weight: Tensor = self.weights(probabilities)
            return weight
        return super().score(probabilities)


OBJECTIVE = DS3LObjective
"""What the table of methods hands out."""
