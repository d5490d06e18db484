"""A sweep as Ray Tune's documentation would have it: one trial for each configuration.

``python -m benchmarks.reference_style.tuned JOB`` runs the `Job` in the JSON file JOB. No packs, no
ledger, no checkpoints, no report: a trial is the loop of this folder, and its metrics after each
epoch go to Tune.
"""

from __future__ import annotations

import json
import sys
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray
import torch
from ray import tune

from benchmarks.reference_style.loaders import Loaders
from benchmarks.reference_style.loop import ReferenceLoop
from benchmarks.workload import ACCURACIES
from lps_sweep.data import data_set, load, make_split
from lps_sweep.plan import default_config, single_space


@dataclass(frozen=True)
class Job:
    """What to sweep.

    Attributes:
        preset: Of data, network and training.
        settings: KEY=VALUE, in which it differs from the preset.
        grid: The values of each swept parameter.
        seed: Every trial has one of its own, made of this and its values.
        trunk: File of the pre-trained weights.
        folder: Where Tune's files go, and the result: a list of trials in ``trials.json``, each
            with its values, its last metrics and the rows that it trained on, `images`.
    """

    preset: str
    settings: Sequence[str]
    grid: Mapping[str, Sequence[float]]
    seed: int
    trunk: str
    folder: str


def train(values: Mapping[str, Any], job: Job) -> None:
    """A trial: tells Tune its metrics after each epoch."""
    seed = zlib.crc32(json.dumps([job.seed, values]).encode())
    torch.manual_seed(seed)
    settings = [*job.settings, *(f"{name}={value}" for name, value in values.items())]
    config = default_config(single_space(preset=job.preset, settings=settings, seed=0))
    images = load(config.data)
    split = make_split(images.labels, images.num_classes, config.split)
    recipe = data_set(config.data.dataset).recipe
    loaders = Loaders(images, split, config.loop.batch_size, recipe)
    backbone = torch.load(job.trunk, weights_only=True)
    device = torch.device("cpu")
    loop = ReferenceLoop(config, seed=seed, split=split, backbone=backbone, device=device)
    for epoch in range(config.loop.epochs):
        _, metrics = loop.epoch(loaders, epoch)
        tune.report({**metrics, "images": loop.num_images})


def main(file: str) -> int:
    """Runs the job and writes down how its trials ended; 1 if one of them failed."""
    job = Job(**json.loads(Path(file).read_text(encoding="utf-8")))
    ray.init(address="local", include_dashboard=False, log_to_driver=False)
    tuner = tune.Tuner(
        tune.with_parameters(train, job=job),
        param_space={name: tune.grid_search(list(values)) for name, values in job.grid.items()},
        run_config=tune.RunConfig(name="peer", storage_path=job.folder, verbose=0),
    )
    found = tuner.fit()
    trials = [
        {"values": end.config, **{name: end.metrics[name] for name in (*ACCURACIES, "images")}}
        for end in map(found.__getitem__, range(len(found)))
        if end.metrics and not end.error
    ]
    Path(job.folder, "trials.json").write_text(json.dumps(trials), encoding="utf-8")
    return 1 if found.errors else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
