"""OwMatch's soft labels: an assignment of rows to classes of equal size, with a queue of rows."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Queue:
    """Logits of earlier rows, of fixed shape; the newest rows stand last.

    Attributes:
        rows: (R, K). Those in front of the newest `count` hold nothing.
        count: 0-d int64.
    """

    rows: Tensor
    count: Tensor

    @property
    def filled(self) -> Tensor:
        """(R,) bool, the rows that hold something."""
        num_rows = self.rows.shape[0]
        return torch.arange(num_rows, device=self.rows.device) >= num_rows - self.count

    def after(self, newest: Tensor, length: int) -> Queue:
        """The queue with the rows of a batch (B, K) behind it; of B rows if R is smaller.

        While it holds fewer than `length` rows it grows, as far as there is room; after that as
        many of the oldest leave it.
        """
        num_newest = newest.shape[0]
        num_rows = max(self.rows.shape[0], num_newest)
        grown = (self.count + num_newest).clamp(max=num_rows)
        count = torch.where(self.count < length, grown, self.count).clamp(min=num_newest)
        return Queue(torch.cat([self.rows, newest])[-num_rows:], count)


def with_labels(logits: Tensor, labels: Tensor, hard_logit: float) -> Tensor:
    """(B, K): the logit of a labeled row's class is `hard_logit`, all others are as they were."""
    classes = torch.arange(logits.shape[1], device=logits.device)
    is_label = torch.zeros_like(logits, dtype=torch.bool)
    is_label[: labels.shape[0]] = labels.unsqueeze(1) == classes
    return torch.where(is_label, hard_logit, logits)


@torch.no_grad()
def assignment(scores: Tensor, filled: Tensor, num_rounds: int) -> Tensor:
    """Codes (R, K) by Sinkhorn's algorithm: each row sums to 1, each class to nearly R / K.

    A round scales exp(scores) to equal sums of the classes, then of the rows. In logarithms, so
    that nothing overflows; the last scaling is that of the rows.

    Args:
        scores: (R, K).
        filled: (R,) bool, the rows that take part; the codes of the others mean nothing.
        num_rounds: At least 1.
    """
    of_row = torch.where(filled, 0.0, -torch.inf).to(scores.dtype)
    for _ in range(num_rounds):
        of_class = -torch.logsumexp(scores + of_row.unsqueeze(1), dim=0)
        of_row = torch.where(filled, -torch.logsumexp(scores + of_class, dim=1), -torch.inf)
    return torch.exp(scores + of_class + of_row.unsqueeze(1))
