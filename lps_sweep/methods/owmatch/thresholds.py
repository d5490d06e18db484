"""OwMatch's confidence threshold of each class: by group, seen or novel, and by class."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Means:
    """Moving means of the probabilities of the rows predicted in a group, seen or novel.

    Attributes:
        confidence: (2,), of the largest probability: of rows predicted seen, predicted novel.
        classes: (K,), of each class: of a seen one over the rows predicted seen, of a novel one
            over those predicted novel.
    """

    confidence: Tensor
    classes: Tensor

    @torch.no_grad()
    def after(self, probabilities: Tensor, num_seen: int, kept: Tensor) -> Means:
        """The means with those of a batch. A group in which no row is predicted stays.

        Args:
            probabilities: (B, K), of labeled rows too.
            num_seen: Classes 0 to num_seen - 1 are seen.
            kept: 0-d, share of the former means that is kept.
        """
        confidence, predicted = probabilities.max(dim=1)
        seen = predicted < num_seen
        rows = torch.stack([seen, ~seen]).to(probabilities.dtype)
        count = rows.sum(1)
        share = rows / count.clamp(min=1).unsqueeze(1)
        kept = torch.where(count == 0, 1.0, kept)
        group, classes = _group(self.classes, num_seen), share @ probabilities
        return Means(
            kept * self.confidence + (1 - kept) * (share @ confidence),
            kept[group] * self.classes + (1 - kept[group]) * classes.gather(0, group[None])[0],
        )

    def thresholds(self, num_seen: int, floor: Tensor) -> Tensor:
        """(K,): the group's confidence, less for classes rarer than its most frequent one.

        Args:
            num_seen: Classes 0 to num_seen - 1 are seen.
            floor: 0-d, no threshold is below it.
        """
        group = _group(self.classes, num_seen)
        in_group = torch.arange(2, device=group.device).unsqueeze(1) == group
        largest = torch.where(in_group, self.classes, -torch.inf).amax(1)
        return torch.maximum(self.classes / largest[group] * self.confidence[group], floor)


def _group(classes: Tensor, num_seen: int) -> Tensor:
    """(K,) int64, 0 for a seen class and 1 for a novel one."""
    return (torch.arange(classes.shape[0], device=classes.device) >= num_seen).long()
