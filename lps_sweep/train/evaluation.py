"""What the members of a Run make of images without augmentation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lps_sweep.data import OpenWorldSplit
from lps_sweep.methods.protocol import NOTHING
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


def train_and_evaluate(
    run: Run, epoch: int
) -> tuple[dict[str, dict[str, float]], dict[str, Evaluation]]:
    """One epoch, counted from 0: training metrics and evaluations after it, by trial id.

    Where the method asks for it, the first epoch has an evaluation before it as well.
    """
    if epoch == 0 and run.objective.evaluated_first:
        evaluate(run)
    return run.train_epoch(epoch), evaluate(run)


def evaluate(run: Run) -> dict[str, Evaluation]:
    """Every member's metrics on the unlabeled training images, by trial id.

    The trunk passes each image once for all members. Nothing that training reads is changed,
    but for what a method itself takes from an evaluation.
    """
    split, reads_labeled = run.split, run.objective.reads_labeled
    unlabeled = _outputs(run, split.unlabeled, Learner.read)
    labeled = _outputs(run, split.labeled, Learner.read) if reads_labeled else {}
    holdout = _outputs(run, split.holdout, Learner.read)
    labels = torch.from_numpy(split.targets[split.labeled])
    found = {}
    for member in list(run.members):
        read = [kept.get(member.trial_id, NOTHING) for kept in (unlabeled, labeled, holdout)]
        if read[1]:
            read[1] = {**read[1], "labels": labels}
        evaluation = run.attempt(member, _evaluation, split, *read)
        if evaluation is not None:
            found[member.trial_id] = evaluation
    return found


def _evaluation(
    learner: Learner,
    split: OpenWorldSplit,
    unlabeled: Mapping[str, Tensor],
    labeled: Mapping[str, Tensor],
    holdout: Mapping[str, Tensor],
) -> Evaluation:
    """Of what was read of all images; clusters have no accuracy on the holdout."""
    objective = learner.objective
    objective.evaluated(unlabeled, labeled)
    predictions = objective.predict(unlabeled, labeled).numpy()
    metrics = accuracies(
        split.targets[split.unlabeled],
        predictions,
        split.num_seen,
        split.num_classes,
        aligned=objective.aligned,
    )
    classes = objective.classify(holdout) if holdout else None
    if classes is not None:
        right = classes.numpy() == split.targets[split.holdout]
        metrics["acc_holdout"] = float(100 * np.mean(right))
    return Evaluation(predictions, metrics)


def kept_features(run: Run) -> tuple[NDArray[np.int64], dict[str, NDArray[np.float32]]]:
    """Indices (n,) of a fixed subset of the unlabeled images; features (n, d) by trial id."""
    count = min(NUM_KEPT_FEATURES, len(run.split.unlabeled))
    rows = np.linspace(0, len(run.split.unlabeled) - 1, count).astype(np.int64)
    indices = run.split.unlabeled[rows]
    found = _outputs(run, indices, _features)
    return indices, {trial_id: kept["features"].numpy() for trial_id, kept in found.items()}


def _features(learner: Learner, activations: Tensor) -> dict[str, Tensor]:
    return {"features": learner.predict(activations).features.float()}


def _outputs(
    run: Run,
    indices: NDArray[np.int64],
    read: Callable[[Learner, Tensor], dict[str, Tensor]],
) -> dict[str, dict[str, Tensor]]:
    """What `read` takes of each image, on the CPU, by trial id; nothing for no image."""
    if len(indices) == 0:
        return {}
    parts: dict[str, list[dict[str, Tensor]]] = {member.trial_id: [] for member in run.members}
    for rows in torch.from_numpy(indices).to(run.images.index_device).split(EVALUATION_BATCH):  # type: ignore[no-untyped-call]
        if not run.members:
            break
        activations = run.plain_activations(rows)
        for member in list(run.members):
            kept = run.attempt(member, read, activations)
            if kept is not None:
                parts[member.trial_id].append(kept)
    return {m.trial_id: _joined(parts[m.trial_id]) for m in run.members}


def _joined(parts: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    return {name: torch.cat([part[name] for part in parts]).cpu() for name in parts[0]}
