"""What a pack saves: five configurations in one Run against each of them in a Run of its own.

python -m benchmarks.packing [--pairs 5] [--json]

ResNet-18 of full width with three stages frozen, float32, one thread; images and weights are
random. Both sides are the same code; a Run with one member is what a solo trial is. After an
untimed epoch every pair times one epoch of the pack and one of the five solo runs, in CPU time,
which neighbours on the machine disturb least, and in turns. The ratio of a pair is the time of the
solo runs over that of the pack.

At the end all state of every member must equal that of its solo run, to the bit. If it does not,
the timing is void: no ratio is given, and the exit code is 1.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import statistics
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.machine import machine_facts
from lps_sweep.config import (
    Config,
    DataConfig,
    LoopConfig,
    ScheduleConfig,
    TrunkConfig,
)
from lps_sweep.data import ImageSet, OpenWorldSplit
from lps_sweep.methods.lps import LPSConfig
from lps_sweep.models import build_network
from lps_sweep.train import Run, set_up_device

GATE = 1.5
GOAL = 1.6
NUM_CLASSES, NUM_SEEN = 10, 5
SIDE_PX = 28
"""As Fashion-MNIST has them; its recipe adds a border, so that the network sees 32 x 32."""


@dataclass(frozen=True)
class Case:
    """What is timed.

    Attributes:
        network: A name of the table of networks.
        num_members: Size K of the pack, and number of solo runs.
        batch_size: Labeled and unlabeled images per step.
        num_steps: Steps of an epoch.
        num_pairs: Timed pairs of epochs.
    """

    network: str = "resnet18"
    num_members: int = 5
    batch_size: int = 64
    num_steps: int = 2
    num_pairs: int = 5


@dataclass(frozen=True)
class Timings:
    """CPU seconds of each pair's epoch, and how far pack and solo are apart at the end.

    Attributes:
        pack_s: Of the pack.
        solo_s: Of all solo runs together.
        difference: Largest absolute difference of anything in the states; infinite where their
            structure differs or a value is not a number.
        spread: The same between the first two members; 0 would make `difference` say nothing.
    """

    pack_s: tuple[float, ...]
    solo_s: tuple[float, ...]
    difference: float
    spread: float

    @property
    def ratios(self) -> list[float]:
        """Solo over pack, per pair."""
        return [solo / pack for solo, pack in zip(self.solo_s, self.pack_s, strict=True)]

    @property
    def is_valid(self) -> bool:
        """Whether pack and solo ended equal while members differ."""
        return self.difference == 0.0 and self.spread > 0.0


def measure(case: Case) -> Timings:
    """Trains pack and solo runs in turns, and compares them at the end."""
    device = torch.device("cpu")
    configs = _configs(case)
    images, split = _data(case)
    torch.manual_seed(0)
    backbone = build_network(case.network, 3).state_dict()

    def run_of(members: Iterable[Config]) -> Run:
        first = configs[0]
        run = Run(first, seed=0, images=images, split=split, backbone=backbone, device=device)
        for number, config in enumerate(members):
            run.add(f"member {number}", config)
        return run

    pack, solos = run_of(configs), [run_of([config]) for config in configs]
    pack_s: list[float] = []
    solo_s: list[float] = []
    for epoch in range(case.num_pairs + 1):
        sides = [([pack], pack_s), (solos, solo_s)]
        for runs, times in sides if epoch % 2 else reversed(sides):
            times.append(_cpu_seconds(runs, epoch))
    return Timings(
        tuple(pack_s[1:]),
        tuple(solo_s[1:]),
        difference=max(
            difference(member_state(pack, i), member_state(solo, 0)) for i, solo in enumerate(solos)
        ),
        spread=difference(member_state(pack, 0), member_state(pack, 1)),
    )


def member_state(run: Run, number: int) -> dict[str, Any]:
    """All state of one member and of what it shares."""
    return {"shared": run.state(), "own": run.members[number].learner.state()}


def difference(first: Any, second: Any) -> float:
    """Largest absolute difference of two nested states; infinite if they are not comparable."""
    ours, theirs = dict(_leaves(first)), dict(_leaves(second))
    if ours.keys() != theirs.keys() or not ours:
        return math.inf
    return max(_distance(ours[name], theirs[name]) for name in ours)


def _leaves(state: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(state, Mapping):
        for key, value in state.items():
            yield from _leaves(value, f"{name}/{key}")
    elif isinstance(state, list | tuple):
        yield f"{name}/len", len(state)
        for i, value in enumerate(state):
            yield from _leaves(value, f"{name}/{i}")
    else:
        yield name, state


def _distance(first: Any, second: Any) -> float:
    if isinstance(first, Tensor) and isinstance(second, Tensor):
        if first.shape != second.shape or first.dtype != second.dtype:
            return math.inf
        gap = (first.double() - second.double()).abs().max().item() if first.numel() else 0.0
        return math.inf if math.isnan(gap) else gap
    if isinstance(first, int | float) and isinstance(second, int | float):
        return math.inf if math.isnan(first - second) else abs(first - second)
    return 0.0 if first == second else math.inf


def _configs(case: Case) -> list[Config]:
    base = Config(
        method=LPSConfig(),
        data=DataConfig(dataset="fashion_mnist"),
        trunk=TrunkConfig(network=case.network, frozen_through="stage3"),
        loop=LoopConfig(epochs=case.num_pairs + 1, batch_size=case.batch_size),
        schedule=ScheduleConfig(lr=0.01),
    )
    return [
        dataclasses.replace(
            base,
            method=LPSConfig(C=1.0 + i, tau=0.4 + 0.1 * i, eta1=1.0 + 0.5 * i),
            schedule=ScheduleConfig(lr=0.01 * (1 + i)),
        )
        for i in range(case.num_members)
    ]


def _data(case: Case) -> tuple[ImageSet, OpenWorldSplit]:
    """Random images, a quarter of them labeled, as many as make an epoch of `num_steps` steps."""
    generator = np.random.default_rng(0)
    num_labeled, count = case.batch_size // 4 * case.num_steps, case.batch_size * case.num_steps
    pixels = generator.integers(0, 256, (count, 3, SIDE_PX, SIDE_PX), dtype=np.uint8)
    targets = np.arange(count, dtype=np.int64) % NUM_CLASSES
    targets[:num_labeled] %= NUM_SEEN
    classes = tuple(range(NUM_CLASSES))
    split = OpenWorldSplit(
        labeled=np.arange(num_labeled),
        holdout=np.arange(0),
        unlabeled=np.arange(num_labeled, count),
        targets=targets,
        num_seen=NUM_SEEN,
        num_classes=NUM_CLASSES,
        class_order=classes,
    )
    return ImageSet(pixels, targets, NUM_CLASSES, tuple(map(str, classes))), split


def _cpu_seconds(runs: Sequence[Run], epoch: int) -> float:
    started = time.process_time()
    for run in runs:
        run.train_epoch(epoch)
    seconds = time.process_time() - started
    lost = [departure.error for run in runs for departure in run.departures]
    if lost:
        raise RuntimeError(f"a member did not train: {lost[0]}")
    return seconds


def report(case: Case, timings: Timings) -> dict[str, Any]:
    """All facts of a measurement; without a ratio where it is void."""
    facts: dict[str, Any] = {
        "benchmark": "packing",
        **dataclasses.asdict(case),
        **machine_facts(),
        "precision": "float32",
        "clock": "CPU time",
        "max_abs_difference": timings.difference,
        "difference_between_members": timings.spread,
        "valid": timings.is_valid,
    }
    if timings.is_valid:
        ratios = timings.ratios
        pack, solo = statistics.median(timings.pack_s), statistics.median(timings.solo_s)
        shared = (solo - pack) / (case.num_members - 1) / case.num_steps
        facts |= {
            "ratio": statistics.median(ratios),
            "ratio_range": [min(ratios), max(ratios)],
            "gate": GATE,
            "goal": GOAL,
            "shared_s_per_step": shared,
            "own_s_per_step": solo / case.num_members / case.num_steps - shared,
        }
    return facts


def text(facts: Mapping[str, Any]) -> str:
    """The facts for a person."""
    lines = [
        f"pack of {facts['num_members']} against {facts['num_members']} solo runs: "
        f"{facts['network']}, batch {facts['batch_size']}, {facts['num_steps']} steps an epoch, "
        f"{facts['precision']}, {facts['num_threads']} thread",
        f"{facts['machine']}; Python {facts['python']}, torch {facts['torch']}",
        f"largest difference of pack and solo, all state: {facts['max_abs_difference']} "
        f"(between two members: {facts['difference_between_members']:.3g})",
    ]
    if not facts["valid"]:
        return "\n".join([*lines, "pack and solo do not agree: the timing is void"])
    low, high = facts["ratio_range"]
    return "\n".join(
        [
            *lines,
            f"shared {facts['shared_s_per_step']:.4f} s, own {facts['own_s_per_step']:.4f} s of "
            f"{facts['clock']} per step",
            f"ratio {facts['ratio']:.2f} ({low:.2f} to {high:.2f}, {facts['num_pairs']} pairs); "
            f"gate {GATE}, goal {GOAL}",
        ]
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures and prints; 0 if pack and solo agree and the median reaches the gate."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    for field in dataclasses.fields(Case):
        option = f"--{field.name.removeprefix('num_').replace('_', '-')}"
        kind = str if field.name == "network" else int
        parser.add_argument(option, dest=field.name, type=kind, default=field.default)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    given = vars(parser.parse_args(arguments))
    as_json = given.pop("json")
    case = Case(**given)
    set_up_device("cpu", num_threads=1)
    facts = report(case, measure(case))
    print(json.dumps(facts) if as_json else text(facts))
    return 0 if facts["valid"] else 1


if __name__ == "__main__":
    sys.exit(main())
