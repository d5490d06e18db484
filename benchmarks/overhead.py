"""B7: what the code for packs costs a trial by itself, against a plain loop without any of it.

The plain loop makes the same views, passes the same trunk, tail and head, and takes the same loss
and optimiser. It has no members, no way for one to fail alone, no divergence flag, and keeps no
metric but the loss. All weights and statistics must end equal, to the bit.
"""

from __future__ import annotations

import dataclasses
import functools
import math

import torch

from benchmarks.frame import (
    Benchmark,
    Case,
    Check,
    Measurement,
    Ratio,
    Setting,
    clock_name,
    in_turns,
)
from benchmarks.states import difference
from benchmarks.workload import (
    FULL,
    SEED,
    Size,
    backbone_of,
    config_of,
    data_of,
    run_of,
    train,
)
from lps_sweep.config import Config
from lps_sweep.data.batches import PairedBatches
from lps_sweep.data.random import fold_key
from lps_sweep.data.views import make_view, recipe_for
from lps_sweep.methods.lps import LPSConfig
from lps_sweep.methods.lps.core import Hyper, lps_terms
from lps_sweep.models import CosineHead, build_network, split_network
from lps_sweep.train.learner import HEAD_STREAM
from lps_sweep.train.network import layout, to_device

VIEWS = ("weak1", "weak2", "strong")
GATE = 0.9


class PlainLoop:
    """Training of one trial, written down straight."""

    def __init__(self, size: Size, config: Config, device: torch.device) -> None:
        images, self.split = data_of(size)
        self.config, self.device = config, device
        self.pixels = torch.from_numpy(images.images).to(device)
        self.targets = torch.from_numpy(self.split.targets).to(device)
        self.batches = PairedBatches(self.split, size.batch_size, SEED, device)
        self.recipe = recipe_for(config.data.dataset)
        network = build_network(size.network, 3)
        network.load_state_dict(backbone_of(size))
        trunk, tail = split_network(network, size.frozen_through)
        self.trunk = trunk.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.trunk.requires_grad_(False)
        self.tail = to_device(tail, device)
        generator = torch.Generator().manual_seed(fold_key(SEED, HEAD_STREAM)[0])
        scale = config.head.head_scale
        head = CosineHead(network.feature_dim, self.split.num_classes, scale, generator)
        self.head = head.to(device)
        assert isinstance(config.method, LPSConfig)
        self.hyper = Hyper.of(config.method, device, torch.float32)
        self.optimizer = torch.optim.SGD(
            [*self.tail.parameters(), *self.head.parameters()],
            lr=config.schedule.lr,
            momentum=config.schedule.momentum,
            weight_decay=config.schedule.weight_decay,
            fused=True,
        )

    def epoch(self, epoch: int) -> float:
        """One epoch, counted from 0; the mean loss."""
        self.trunk.train()
        self.tail.train()
        share = epoch / self.config.loop.epochs
        progress = torch.full((), share, device=self.device)
        for group in self.optimizer.param_groups:
            group["lr"] = self.config.schedule.lr * (1 + math.cos(math.pi * share)) / 2
        total = torch.zeros((), device=self.device)
        for step in range(self.batches.num_steps):
            labeled = self.batches.labeled_indices(epoch, step)
            rows = torch.cat((labeled, self.batches.unlabeled_indices(epoch, step)))
            images, key = self.pixels[rows], (SEED, epoch, step)
            views = [make_view(images, self.recipe, view, key) for view in VIEWS]
            with torch.no_grad():
                passed = [
                    self.trunk(view.contiguous(memory_format=torch.channels_last)).contiguous(
                        memory_format=layout(self.device)
                    )
                    for view in views
                ]
            features = torch.cat([self.tail(activations) for activations in passed])
            weak1, weak2, strong = self.head(features).chunk(3)
            terms = lps_terms(
                weak1,
                weak2,
                strong,
                self.targets[labeled],
                self.hyper,
                num_seen=self.split.num_seen,
                progress=progress,
            )
            terms.total.backward()  # type: ignore[no-untyped-call]
            self.optimizer.step()
            self.optimizer.zero_grad(set_to_none=True)
            total += terms.total.detach()
        return float(total / self.batches.num_steps)


def measure(size: Size, setting: Setting) -> Measurement:
    """Trains both in turns, and compares them at the end."""
    size = dataclasses.replace(size, epochs=setting.pairs + 1)
    config = config_of(size)
    plain = PlainLoop(size, config, setting.device)
    run = run_of(size, [config], setting.device)
    began = {name: weight.clone() for name, weight in plain.tail.state_dict().items()}
    times = in_turns(
        {
            "pack": lambda pair: train([run], pair + 1),
            "plain": lambda pair: plain.epoch(pair + 1),
        },
        setting.pairs,
        setting.device,
    )
    learner = run.members[0].learner
    apart = max(
        difference(dict(learner.tail.state_dict()), dict(plain.tail.state_dict())),
        difference(dict(learner.head.state_dict()), dict(plain.head.state_dict())),
        difference(dict(run.trunk.named_buffers()), dict(plain.trunk.named_buffers())),
    )
    moved = difference(began, dict(plain.tail.state_dict()))
    checks = [
        Check("largest difference of all weights and statistics", apart),
        Check("change of the weights by training", moved, high=math.inf, low=1e-6),
    ]
    ratio = Ratio("plain loop", "pack of one", times["plain"], times["pack"], low=GATE)
    facts = {"ms per step, pack": 1000 * min(times["pack"]) / size.num_steps}
    return Measurement(checks, [ratio], facts, clock_name(setting.device))


def cases(setting: Setting) -> list[Case]:
    """A small network, where overhead weighs most, and a large one."""
    small = Size(network="small_cnn", batch_size=32, num_steps=2 if setting.quick else 16)
    sizes = {"small": small}
    if setting.on_cuda:
        sizes["full"] = FULL
    elif not setting.quick:
        sizes["resnet18"] = Size(batch_size=32)
    return [
        Case(name, f"one trial, eager, {size.text()}", functools.partial(measure, size))
        for name, size in sizes.items()
    ]


BENCHMARK = Benchmark("overhead of packs at K = 1", cases)
