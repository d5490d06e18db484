"""B7: what the code for packs costs a trial by itself, against a plain loop without any of it.

The plain loop makes the same views, passes the same trunk, tail and head, and takes the same loss
and optimiser. It has no members, no way for one to fail alone, no divergence flag, and keeps no
metric but the loss. All weights and statistics must end equal, to the bit.
"""

from __future__ import annotations

import copy
import dataclasses
import math

import torch

from benchmarks.frame import Case, Check, Measurement, Setting, in_turns
from benchmarks.states import difference
from benchmarks.workload import FULL, Size, cases_of, config_of, prepared, run_of, train
from lps_sweep.methods.hyper import Hyper
from lps_sweep.methods.lps.core import lps_terms
from lps_sweep.train import Run
from lps_sweep.train.network import layout

GATE = 0.9


class PlainLoop:
    """Training of one trial, written down straight; it begins with the weights of `run`.

    Args:
        run: Of one member. Its images, batches and views are used as they are.
    """

    def __init__(self, run: Run) -> None:
        learner = run.members[0].learner
        self.run, self.config = run, learner.config
        self.trunk, self.tail, self.head = (
            copy.deepcopy(part) for part in (run.trunk, learner.tail, learner.head)
        )
        self.hyper = Hyper.of(self.config.method, run.device, torch.float32)
        self.optimizer = torch.optim.SGD(
            [*self.tail.parameters(), *self.head.parameters()],
            lr=self.config.schedule.lr,
            momentum=self.config.schedule.momentum,
            weight_decay=self.config.schedule.weight_decay,
            fused=True,
        )

    def epoch(self, epoch: int) -> float:
        """One epoch, counted from 0; the mean loss."""
        self.trunk.train()
        self.tail.train()
        share = epoch / self.config.loop.epochs
        progress = torch.full((), share, device=self.run.device)
        for group in self.optimizer.param_groups:
            group["lr"] = self.config.schedule.lr * (1 + math.cos(math.pi * share)) / 2
        total = torch.zeros((), device=self.run.device)
        for views, labels in prepared(self.run, epoch):
            with torch.no_grad():
                passed = [
                    self.trunk(view.contiguous(memory_format=torch.channels_last)).contiguous(
                        memory_format=layout(self.run.device)
                    )
                    for view in views
                ]
            features = torch.cat([self.tail(activations) for activations in passed])
            weak1, weak2, strong = self.head(features).chunk(3)
            terms = lps_terms(
                weak1,
                weak2,
                strong,
                labels,
                self.hyper,
                num_seen=self.run.split.num_seen,
                progress=progress,
            )
            terms.total.backward()  # type: ignore[no-untyped-call]
            self.optimizer.step()
            self.optimizer.zero_grad(set_to_none=True)
            total += terms.total.detach()
        return float(total / self.run.batches.num_steps)


def measure(size: Size, setting: Setting) -> Measurement:
    """Trains both in turns, and compares them at the end."""
    size = dataclasses.replace(size, epochs=setting.pairs + 1)
    run = run_of(size, [config_of(size)], setting.device)
    plain = PlainLoop(run)
    began = copy.deepcopy(dict(plain.tail.state_dict()))
    times = in_turns(
        {
            "plain loop": lambda pair: plain.epoch(pair + 1),
            "pack of one": lambda pair: train([run], pair + 1),
        },
        setting,
    )
    learner = run.members[0].learner
    ends = [
        [dict(part.state_dict()) for part in parts]
        for parts in (
            (run.trunk, learner.tail, learner.head),
            (plain.trunk, plain.tail, plain.head),
        )
    ]
    moved = difference(began, dict(plain.tail.state_dict()))
    checks = [
        Check("largest difference of all weights and statistics", difference(*ends)),
        Check.above("change of the weights by training", moved, 1e-6),
    ]
    facts = {"ms per step, pack": times.ms("pack of one", size.num_steps)}
    return times.measurement(checks, facts, low=GATE)


def cases(setting: Setting) -> list[Case]:
    """A small network, where overhead weighs most, and a large one."""
    small = Size(network="small_cnn", batch_size=32, num_steps=2 if setting.quick else 16)
    sizes = {"small": small}
    if setting.on_cuda:
        sizes["full"] = FULL
    elif not setting.quick:
        sizes["resnet18"] = Size(batch_size=32)
    return cases_of("one trial, eager", sizes, measure)
