"""Measures a few steps of a trial here, to estimate what a sweep costs. It keeps nothing."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable

import torch

from lps_sweep.config import Config
from lps_sweep.data import ImageSet, classes_of_head, load, make_split
from lps_sweep.errors import BadInputError
from lps_sweep.plan import Resources
from lps_sweep.sweep.estimate import Cost, num_epochs
from lps_sweep.train import Pretraining, Run, evaluate, set_up_device
from lps_sweep.train.checkpoint import state_bytes
from lps_sweep.train.evaluation import kept_features

STEPS = 3
"""Steps that are timed, after one that is not."""

ROWS = 1024
"""Unlabeled images of which an evaluation is timed."""

BYTES_PER_IMAGE = 3
"""Of index, target and prediction of an unlabeled image, compressed."""


def probe(config: Config, seed: int, resources: Resources) -> Cost:
    """The cost of a trial that trains alone, with the threads or the GPU that a pack gets here.

    The network has fresh weights, so that nothing is pre-trained for it.

    Raises:
        BadInputError: The data are missing, or the trial cannot be trained.
    """
    on_gpu = torch.cuda.is_available() and resources.gpus_per_pack != 0
    device = set_up_device("cuda" if on_gpu else "cpu", resources.cpus_per_pack)
    images = load(config.data)
    split = make_split(images.labels, images.num_classes, config.split)
    few = _few(images, config)
    backbone = Pretraining(config, few, device).network.state_dict()
    run = Run(config, seed=seed, images=images, split=split, backbone=backbone, device=device)
    num_steps = run.batches.num_steps
    learner = run.add("probe", config)
    epoch_s = _step_s(run, device) * num_steps if run.views else 0.0
    rows = max(ROWS, 2 * classes_of_head(split, config.head.assumed_classes))
    run.split = dataclasses.replace(
        split, unlabeled=split.unlabeled[:rows], holdout=split.holdout[:rows]
    )
    share = (len(split.unlabeled) + len(split.holdout)) / (
        len(run.split.unlabeled) + len(run.split.holdout)
    )
    epoch_s += share * _seconds(lambda: evaluate(run), device)
    _, features = kept_features(run)
    if run.departures:
        reason = run.departures[0].error.strip().rpartition("\n")[2]
        raise BadInputError(f"the trial that was to be measured ended: {reason}", "--probe")
    kept = len(state_bytes(learner.state())) + len(state_bytes(run.state()))
    kept += features["probe"].nbytes + BYTES_PER_IMAGE * len(split.unlabeled)
    kept += 4 * num_epochs(config) * learner.head.weight.shape[1]
    scale = len(images.images) / len(few.images)
    return Cost(epoch_s, float(kept), scale * _pretrain_epoch_s(config, few, device))


def _step_s(run: Run, device: torch.device) -> float:
    steps = min(STEPS, run.batches.num_steps)
    run.batches.num_steps = 1
    run.train_epoch(0)
    run.batches.num_steps = steps
    return _seconds(lambda: run.train_epoch(0), device) / steps


def _few(images: ImageSet, config: Config) -> ImageSet:
    """As many images as are needed to time pre-training."""
    count = STEPS * min(config.pretrain.pretrain_batch_size, len(images.images))
    return dataclasses.replace(images, images=images.images[:count], labels=images.labels[:count])


def _pretrain_epoch_s(config: Config, few: ImageSet, device: torch.device) -> float:
    """Seconds of an epoch of pre-training on `few` images; 0 where nothing is pre-trained."""
    if config.pretrain.pretrained or not config.pretrain.pretrain_epochs:
        return 0.0
    pretrain = dataclasses.replace(config.pretrain, pretrain_epochs=2)
    epochs = iter(Pretraining(dataclasses.replace(config, pretrain=pretrain), few, device))
    next(epochs)
    return _seconds(lambda: next(epochs), device)


def _seconds(work: Callable[[], object], device: torch.device) -> float:
    _wait(device)
    started = time.perf_counter()
    work()
    _wait(device)
    return time.perf_counter() - started


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
