"""Measures a few steps of a trial here, to estimate what a sweep costs. It keeps nothing."""

from __future__ import annotations

import dataclasses
import math
from functools import partial

import torch

from lps_sweep.config import Config
from lps_sweep.data import ImageSet, OpenWorldSplit, classes_of_head, load, make_split
from lps_sweep.errors import BadInputError
from lps_sweep.plan import Resources
from lps_sweep.sweep.costs import Cost, num_epochs
from lps_sweep.train import Pretraining, Run, evaluate, gpus_for_pack, set_up_device
from lps_sweep.train.checkpoint import state_bytes
from lps_sweep.train.costs import step_costs, timed, untimed_steps
from lps_sweep.train.evaluation import kept_features
from lps_sweep.train.pretrain import fresh_network

STEPS = 3
"""Steps that are timed, after others that are not."""

ROWS = 1024
"""Unlabeled images of which an evaluation is timed."""

BYTES_PER_IMAGE = 3
"""Of index, target and prediction of an unlabeled image, compressed."""


def probe(config: Config, seed: int, resources: Resources) -> Cost:
    """The cost of trials of a kind, with the threads or the GPU that packs get here.

    One trial is measured, alone. The network has fresh weights, so that nothing is pre-trained
    for it.

    Raises:
        BadInputError: The data are missing, or the trial cannot be trained.
    """
    gpus = gpus_for_pack(resources.gpus_per_pack)
    place = "cuda" if gpus else "cpu", resources.cpus_per_pack, min(1.0, gpus or 1.0)
    device = set_up_device(*place)
    (images, split, run), start_s = timed(device, partial(_begin, config, seed, device))
    learner = run.add("probe", config)
    shared_s = own_s = 0.0
    if run.views:
        costs = step_costs(run, learner, STEPS)
        shared_s, own_s = (s * run.batches.num_steps for s in (costs.shared_s, costs.own_s))
    rows = max(ROWS, 2 * classes_of_head(split, config.head.assumed_classes))
    run.split = dataclasses.replace(
        split, unlabeled=split.unlabeled[:rows], holdout=split.holdout[:rows]
    )
    share = (len(split.unlabeled) + len(split.holdout)) / (
        len(run.split.unlabeled) + len(run.split.holdout)
    )
    evaluate(run)
    own_s += share * timed(device, partial(evaluate, run))[1]
    _, features = kept_features(run)
    if run.departures:
        reason = run.departures[0].error.strip().rpartition("\n")[2]
        raise BadInputError(f"the trial that was to be measured ended: {reason}", "--probe")
    kept = len(state_bytes(learner.state())) + len(state_bytes(run.state()))
    kept += features["probe"].nbytes + BYTES_PER_IMAGE * len(split.unlabeled)
    kept += 4 * num_epochs(config) * learner.objective.num_classes
    del run, learner  # a job of its own pre-trains, without what they hold and have set
    few = _few(images, config)
    scale = len(images.images) / len(few.images)
    pretrain_s = scale * _pretrain_epoch_s(config, few, set_up_device(*place))
    return Cost(shared_s, own_s, start_s, float(kept), pretrain_s)


def _begin(config: Config, seed: int, device: torch.device) -> tuple[ImageSet, OpenWorldSplit, Run]:
    """What a pack does before its first step."""
    images = load(config.data)
    split = make_split(images.labels, images.num_classes, config.split)
    backbone = fresh_network(config).state_dict()
    run = Run(config, seed=seed, images=images, split=split, backbone=backbone, device=device)
    return images, split, run


def _few(images: ImageSet, config: Config) -> ImageSet:
    """As many images as are needed to time pre-training."""
    count = STEPS * min(config.pretrain.pretrain_batch_size, len(images.images))
    return dataclasses.replace(images, images=images.images[:count], labels=images.labels[:count])


def _pretrain_epoch_s(config: Config, few: ImageSet, device: torch.device) -> float:
    """Seconds of an epoch of pre-training on `few` images; 0 where nothing is pre-trained."""
    if config.pretrain.pretrained or not config.pretrain.pretrain_epochs:
        return 0.0
    steps = len(few.images) // min(config.pretrain.pretrain_batch_size, len(few.images))
    untimed = math.ceil(untimed_steps(config.pretrain.pretrain_graph, device) / steps)
    pretrain = dataclasses.replace(config.pretrain, pretrain_epochs=untimed + 1)
    epochs = iter(Pretraining(dataclasses.replace(config, pretrain=pretrain), few, device))
    for _ in range(untimed):
        next(epochs)
    return timed(device, lambda: next(epochs))[1]
