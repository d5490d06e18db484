"""What the members of a Run make of images without augmentation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lps_sweep.methods.protocol import TailOutput
from lps_sweep.metrics import accuracies
from lps_sweep.train.learner import Learner
from lps_sweep.train.run import Run

EVALUATION_BATCH = 512
"""Images per pass; the largest activations of a ResNet-18 then take 134 MB each in float32."""

NUM_KEPT_FEATURES = 1000
"""Unlabeled images, evenly spaced, whose features are kept with a finished trial."""


@dataclass(frozen=True)
class Evaluation:
    """A member's predictions for the unlabeled images, in their order, and its metrics."""

    predictions: NDArray[np.int64]
    metrics: dict[str, float]


def evaluate(run: Run) -> dict[str, Evaluation]:
    """Every member's metrics on the unlabeled training images, by trial id.

    The trunk passes each image once for all members; nothing that training reads is changed.
    """
    split = run.split
    unlabeled = _outputs(run, split.unlabeled, _ids)
    holdout = _outputs(run, split.holdout, _ids)
    found = {}
    for member in run.members:
        predictions = unlabeled[member.trial_id].numpy()
        metrics = accuracies(
            split.targets[split.unlabeled],
            predictions,
            split.num_seen,
            split.num_classes,
            aligned=member.learner.objective.aligned,
        )
        if len(split.holdout):
            right = holdout[member.trial_id].numpy() == split.targets[split.holdout]
            metrics["acc_holdout"] = float(100 * np.mean(right))
        found[member.trial_id] = Evaluation(predictions, metrics)
    return found


def kept_features(run: Run) -> tuple[NDArray[np.int64], dict[str, NDArray[np.float32]]]:
    """Indices (n,) of a fixed subset of the unlabeled images; features (n, d) by trial id."""
    count = min(NUM_KEPT_FEATURES, len(run.split.unlabeled))
    rows = np.linspace(0, len(run.split.unlabeled) - 1, count).astype(np.int64)
    indices = run.split.unlabeled[rows]
    found = _outputs(run, indices, lambda output: output.features.float())
    return indices, {trial_id: features.numpy() for trial_id, features in found.items()}


def _ids(output: TailOutput) -> Tensor:
    return output.logits.argmax(dim=1)


def _outputs(
    run: Run, indices: NDArray[np.int64], pick: Callable[[TailOutput], Tensor]
) -> dict[str, Tensor]:
    """What `pick` takes of each image's output, on the CPU, by trial id; nothing for no image."""
    if len(indices) == 0:
        return {}
    parts: dict[str, list[Tensor]] = {member.trial_id: [] for member in run.members}
    for rows in torch.from_numpy(indices).to(run.device).split(EVALUATION_BATCH):  # type: ignore[no-untyped-call]
        if not run.members:
            break
        activations = run.plain_activations(rows)
        for member in list(run.members):
            output = run.attempt(member, Learner.predict, activations)
            if output is not None:
                parts[member.trial_id].append(pick(output))
    return {m.trial_id: torch.cat(parts[m.trial_id]).cpu() for m in run.members}
