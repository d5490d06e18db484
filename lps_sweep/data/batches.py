"""Batches of labeled and unlabeled indices: a pure function of seed, epoch and step."""

from __future__ import annotations

import torch
from torch import Tensor

from lps_sweep.data import random
from lps_sweep.data.split import OpenWorldSplit, batch_rows

LABELED_STREAM = 101
UNLABELED_STREAM = 102
"""Second words of the keys of the permutations; no view has these ids."""


class PairedBatches:
    """The batches of a run: labeled rows in the share they have in training, then unlabeled ones.

    An epoch is one pass over the labeled images in a fresh order, without the last incomplete
    batch. The unlabeled images come from a stream that never ends: a fresh order in each pass,
    and a pass goes on where the last batch stopped, also across epochs. Nothing depends on what
    was asked before.

    Attributes:
        num_labeled: Labeled rows of a batch, by `batch_rows`.
        num_unlabeled: Unlabeled rows of a batch.
        num_steps: Batches of an epoch.

    Args:
        split: Which images are labeled and unlabeled; the holdout takes no part.
        batch_size: Rows of a batch, labeled and unlabeled together.
        seed: The seed of the trial.
        device: Where the indices are made and stay; they are the same on any.
        rounded_down: As in `batch_rows`.
        labeled_share: As in `batch_rows`.

    Raises:
        BadInputError: No batch of this size can be made from the split.
    """

    def __init__(
        self,
        split: OpenWorldSplit,
        batch_size: int,
        seed: int,
        device: torch.device | str,
        rounded_down: str = "labeled",
        labeled_share: float = 0.0,
    ) -> None:
        rows = batch_rows(split, batch_size, rounded_down, labeled_share)
        self.num_labeled, self.num_unlabeled = rows
        self.num_steps = len(split.labeled) // self.num_labeled
        self._seed = seed
        self._device = torch.device(device)
        self._labeled = torch.from_numpy(split.labeled).to(self._device)
        self._unlabeled = torch.from_numpy(split.unlabeled).to(self._device)
        self._orders: dict[tuple[int, int], Tensor] = {}

    def labeled_indices(self, epoch: int, step: int) -> Tensor:
        """Training-set indices (num_labeled,), int64; `epoch` and `step` count from 0.

        Raises:
            IndexError: No such step.
        """
        self._check(epoch, step)
        start = step * self.num_labeled
        order = self._order(LABELED_STREAM, epoch, self._labeled)
        return order[start : start + self.num_labeled]

    def unlabeled_indices(self, epoch: int, step: int) -> Tensor:
        """Training-set indices (num_unlabeled,), int64; `epoch` and `step` count from 0.

        A batch that takes the end of one pass and the start of the next may hold an image twice.

        Raises:
            IndexError: No such step.
        """
        self._check(epoch, step)
        position = (epoch * self.num_steps + step) * self.num_unlabeled
        number, start = divmod(position, len(self._unlabeled))
        order = self._order(UNLABELED_STREAM, number, self._unlabeled)
        rows = order[start : start + self.num_unlabeled]
        missing = self.num_unlabeled - len(rows)
        if missing == 0:
            return rows
        following = self._order(UNLABELED_STREAM, number + 1, self._unlabeled)
        return torch.cat((rows, following[:missing]))

    def _order(self, stream: int, number: int, indices: Tensor) -> Tensor:
        """`indices` in the order of pass `number`; the newest passes are kept at hand."""
        name = (stream, number)
        if name not in self._orders:
            for old in [o for o in self._orders if o[0] == stream and o[1] != number - 1]:
                del self._orders[old]
            key = random.fold_key(self._seed, stream, number)
            self._orders[name] = indices[random.permutation(len(indices), key, self._device)]
        return self._orders[name]

    def _check(self, epoch: int, step: int) -> None:
        if epoch < 0 or not 0 <= step < self.num_steps:
            raise IndexError(f"no step {step} in epoch {epoch}: an epoch has {self.num_steps}")
