"""Methods whose evaluated network is a moving average of the trained one."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from lps_sweep.methods.protocol import Objective, Parts, TailOutput


class AveragedObjective(Objective):
    """A tail and one head, evaluated as moving averages; its `config` has an `ema_decay`.

    The averages start as the parts do and move after each step.
    """

    def build(self, parts: Parts) -> None:
        """Besides tail and head, their averages."""
        super().build(parts)
        self.averaged_tail = copy.deepcopy(self.tail).requires_grad_(False)
        self.averaged_head = copy.deepcopy(self.head).requires_grad_(False)
        self._new = torch.tensor(1 - self.config.ema_decay, device=parts.device)

    def stepped(self) -> None:
        """The averages move."""
        follow(self.averaged_tail, self.tail, self._new)
        follow(self.averaged_head, self.head, self._new)

    def features(self, activations: Tensor) -> Tensor:
        """Those of the tail in training, of its average in an evaluation."""
        tail = self.tail if self.training else self.averaged_tail
        return self._pass_tail(tail, activations)

    def heads(self, features: Tensor) -> TailOutput:
        """Those of the head in training, of its average in an evaluation."""
        head = self.head if self.training else self.averaged_head
        return TailOutput(features, head(features))


@torch.no_grad()
def follow(averaged: nn.Module, trained: nn.Module, new: Tensor) -> None:
    """Each weight of `averaged` moves to that of `trained` by the share `new`; buffers are copied.

    Both have the same parts. Running statistics are copied, not averaged (reference behaviour of
    FixMatch).
    """
    for average, weight in zip(averaged.parameters(), trained.parameters(), strict=True):
        average.lerp_(weight, new)
    for copied, buffer in zip(averaged.buffers(), trained.buffers(), strict=True):
        copied.copy_(buffer)
