"""What the members of a Run make of images without augmentation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lps_sweep.data import OpenWorldSplit
from lps_sweep.indices import of_features, of_ids, subset
from lps_sweep.methods.protocol import NOTHING
from lps_sweep.metrics import accuracies
from lps_sweep.train.device import sent
from lps_sweep.train.learner import CONFIDENCE, FEATURES, Learner
from lps_sweep.train.run import Run

EVALUATION_BATCH = 512
"""Images per pass; the largest activations of a ResNet-18 then take 134 MB each in float32."""

WEAK = ("weak1", "weak2")
"""The views that are compared."""

_NO_PLACES = np.empty(0, dtype=np.int64)

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
    return run.train_epoch(epoch), evaluate(run, last=epoch + 1 == run.num_epochs)


def evaluate(run: Run, last: bool = False) -> dict[str, Evaluation]:
    """Every member's metrics on the unlabeled training images, by trial id.

    The trunk passes each image once for all members. Nothing that training reads is changed,
    but for what a method itself takes from an evaluation. The `last` one of a trial also passes
    two weak views of the fixed subset.
    """
    split, reads_labeled = run.split, run.objective.reads_labeled
    places = subset(len(split.unlabeled), run.config.loop.rule_images)
    unlabeled = _outputs(run, split.unlabeled, Learner.read, places)
    views = [
        _outputs(run, split.unlabeled[places], Learner.read, passed=partial(run.weak_again, view))
        for view in (WEAK if last and run.views else ())
    ]
    labeled = _outputs(run, split.labeled, Learner.read) if reads_labeled else {}
    holdout = _outputs(run, split.holdout, Learner.read)
    labels = torch.from_numpy(split.targets[split.labeled])
    found = {}
    for member in list(run.members):
        read = [
            kept.get(member.trial_id, NOTHING) for kept in (unlabeled, labeled, holdout, *views)
        ]
        if read[1]:
            read[1] = {**read[1], "labels": labels}
        evaluation = run.attempt(member, _evaluation, split, places, *read)
        if evaluation is not None:
            found[member.trial_id] = evaluation
    return found


def _evaluation(
    learner: Learner,
    split: OpenWorldSplit,
    places: NDArray[np.int64],
    unlabeled: Mapping[str, Tensor],
    labeled: Mapping[str, Tensor],
    holdout: Mapping[str, Tensor],
    *views: Mapping[str, Tensor],
) -> Evaluation:
    """Of what was read of all images; clusters have no accuracy on the holdout."""
    objective = learner.objective
    shown = {name: unlabeled[name] for name in (FEATURES, CONFIDENCE) if name in unlabeled}
    unlabeled = {name: rows for name, rows in unlabeled.items() if name not in shown}
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
    if len(split.fold):
        metrics["acc_fold"] = fold_accuracy(split, predictions)
    metrics |= of_ids(predictions, objective.num_classes)
    num_seen = split.num_seen if objective.aligned else None
    if FEATURES in shown:
        metrics |= of_features(shown[FEATURES].numpy(), predictions[places], num_seen)
    if len(shown.get(CONFIDENCE, ())):
        metrics["confidence"] = float(shown[CONFIDENCE].double().mean())
    ids = [objective.classify(kept) for kept in views if kept]
    if len(ids) == len(WEAK) and ids[0] is not None and ids[1] is not None:
        metrics["view_agreement"] = float(100 * (ids[0] == ids[1]).double().mean())
    return Evaluation(predictions, metrics)


def fold_accuracy(split: OpenWorldSplit, predictions: NDArray[np.int64]) -> float:
    """Percent of the images of the fold that are right, ids matched to its classes on them alone.

    That is orca's novel accuracy (see `accuracies`) of classes whose labels the user has: no other
    unlabeled image counts. `predictions` are for the unlabeled images, in their order.
    """
    rows = np.isin(split.unlabeled, split.fold)
    targets = split.targets[split.unlabeled[rows]]
    return accuracies(targets, predictions[rows], split.num_seen, split.num_classes)["acc_novel"]


def kept_features(run: Run) -> tuple[NDArray[np.int64], dict[str, NDArray[np.float32]]]:
    """Indices (n,) of a fixed subset of the unlabeled images; features (n, d) by trial id."""
    indices = run.split.unlabeled[subset(len(run.split.unlabeled), NUM_KEPT_FEATURES)]
    found = _outputs(run, indices, _features)
    return indices, {trial_id: kept["features"].numpy() for trial_id, kept in found.items()}


def _features(learner: Learner, activations: Tensor, _: Tensor) -> dict[str, Tensor]:
    return {"features": learner.predict(activations).features.float()}


def _outputs(
    run: Run,
    indices: NDArray[np.int64],
    read: Callable[[Learner, Tensor, Tensor], dict[str, Tensor]],
    places: NDArray[np.int64] = _NO_PLACES,
    passed: Callable[[Tensor, int], Tensor] | None = None,
) -> dict[str, dict[str, Tensor]]:
    """What `read` takes of each image, on the CPU, by trial id; nothing for no image.

    Args:
        run: Its members read.
        indices: Of the images.
        read: Is given a member, activations of a batch, and the places in it of the subset.
        places: Of the subset in `indices`, ascending.
        passed: Gives the trunk's activations of a batch of indices, and is told its number;
            plain ones if None.
    """
    if len(indices) == 0:
        return {}
    parts: dict[str, list[dict[str, Tensor]]] = {member.trial_id: [] for member in run.members}
    batches = torch.from_numpy(indices).to(run.images.index_device).split(EVALUATION_BATCH)  # type: ignore[no-untyped-call]
    for number, rows in enumerate(batches):
        if not run.members:
            break
        activations = passed(rows, number) if passed else run.plain_activations(rows)
        here = places[places // EVALUATION_BATCH == number] % EVALUATION_BATCH
        chosen = sent(torch.from_numpy(here), run.device)
        for member in list(run.members):
            kept = run.attempt(member, read, activations, chosen)
            if kept is not None:
                parts[member.trial_id].append(kept)
    return {m.trial_id: _joined(parts[m.trial_id]) for m in run.members}


def _joined(parts: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    return {name: torch.cat([part[name] for part in parts]).cpu() for name in parts[0]}
