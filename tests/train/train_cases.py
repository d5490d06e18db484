"""Small images, configurations and runs, and the comparison of everything that they hold."""

from __future__ import annotations

import copy
import dataclasses
import functools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lps_sweep.config import (
    Config,
    DataConfig,
    LoopConfig,
    MethodConfig,
    PretrainConfig,
    TrunkConfig,
)
from lps_sweep.data import ImageSet, OpenWorldSplit, make_split
from lps_sweep.methods import config_class
from lps_sweep.methods.lps import LPSConfig
from lps_sweep.methods.protocol import StepContext, StepLoss, TailOutput
from lps_sweep.train import Learner, Run
from lps_sweep.train.evaluation import train_and_evaluate
from lps_sweep.train.pretrain import fresh_network

CPU = torch.device("cpu")
EPOCHS = 2
"""That runs are trained for, of three that are configured."""

NUM_CLASSES = 6
SEED = 7


@functools.cache
def image_set(count: int = 72) -> ImageSet:
    """Grey 8 x 8 images, each class a bar of its own under noise."""
    generator = np.random.default_rng(3)
    labels = generator.permutation(np.arange(count, dtype=np.int64) % NUM_CLASSES)
    pixels = generator.integers(0, 90, (count, 1, 8, 8), dtype=np.uint8)
    pixels[np.arange(count), 0, labels] += 150
    return ImageSet(pixels, labels, NUM_CLASSES, tuple("abcdef"))


def config_of(
    *,
    method: MethodConfig | None = None,
    lps: Mapping[str, Any] | None = None,
    trunk: Mapping[str, Any] | None = None,
    schedule: Mapping[str, Any] | None = None,
    pretrain: Mapping[str, Any] | None = None,
    epochs: int = 3,
    batch_size: int = 24,
) -> Config:
    config = Config(
        method=method or LPSConfig(**(lps or {})),
        data=DataConfig(dataset="digits"),
        trunk=TrunkConfig(**{"network": "small_cnn", **(trunk or {})}),
        loop=LoopConfig(epochs=epochs, batch_size=batch_size),
        pretrain=PretrainConfig(**{"pretrain_epochs": 0, **(pretrain or {})}),
    )
    return dataclasses.replace(
        config, schedule=dataclasses.replace(config.schedule, **(schedule or {}))
    )


def four_configs(
    trunk: Mapping[str, Any] | None = None, schedule: Mapping[str, Any] | None = None
) -> list[Config]:
    """Configurations that differ in C, tau, eta1, eta2, pi_ema, learning rate and weight decay."""
    changes: list[tuple[dict[str, Any], dict[str, Any]]] = [
        ({}, {}),
        ({"C": 0.0, "tau": 0.2}, {"lr": 0.03}),
        ({"eta1": 0.0, "eta2": 2.0, "pi_ema": 0.9}, {}),
        ({"C": 3.0, "lambda_novel_end": 0.6}, {"momentum": 0.5, "weight_decay": 0.01}),
    ]
    return [
        config_of(lps=lps, trunk=trunk, schedule={**(schedule or {}), **of_schedule})
        for lps, of_schedule in changes
    ]


def _another(value: float) -> float:
    if isinstance(value, bool):
        return not value
    return value + 1 if isinstance(value, int) else value / 2


def two_configs(method: str, **settings: Any) -> list[Config]:
    """A method's defaults with a small projector, and the same with all its numbers changed."""
    first = config_class(method)()
    if "projector_width" in vars(first):
        first = dataclasses.replace(first, projector_width=32)
    changed = {
        name: _another(value)
        for name, value in dataclasses.asdict(first).items()
        if isinstance(value, int | float)
    }
    second = dataclasses.replace(first, **changed)
    return [config_of(method=m, **settings) for m in (first, second)]


def backbone_of(config: Config) -> dict[str, Tensor]:
    """Untrained weights, the same for the same network."""
    return fresh_network(config).state_dict()


def split_of(config: Config) -> OpenWorldSplit:
    images = image_set()
    return make_split(images.labels, images.num_classes, config.split)


def run_of(
    configs: Mapping[str, Config] | Sequence[Config],
    *,
    split: OpenWorldSplit | None = None,
    seed: int = SEED,
    kind: type[Run] = Run,
    device: torch.device = CPU,
) -> Run:
    """A Run with these members; those of a list are named by their place."""
    named = configs if isinstance(configs, Mapping) else {str(i): c for i, c in enumerate(configs)}
    first = next(iter(named.values()))
    run = kind(
        first,
        seed=seed,
        images=image_set(),
        split=split or split_of(first),
        backbone=backbone_of(first),
        device=device,
    )
    for trial_id, config in named.items():
        run.add(trial_id, config)
    return run


def train(run: Run, epochs: Iterable[int]) -> dict[str, list[dict[str, float]]]:
    """Trains and evaluates; the metrics of each epoch by trial id."""
    history: dict[str, list[dict[str, float]]] = {}
    for epoch in epochs:
        training, evaluations = train_and_evaluate(run, epoch)
        for trial_id, metrics in training.items():
            row = {**metrics, **evaluations[trial_id].metrics}
            history.setdefault(trial_id, []).append(row)
    return history


def learner_of(run: Run, trial_id: str) -> Learner:
    return next(m.learner for m in run.members if m.trial_id == trial_id)


def snapshot(run: Run, trial_id: str) -> dict[str, Any]:
    """A copy of all state that belongs to a member, with that of its Run."""
    learner = learner_of(run, trial_id)
    return copy.deepcopy(
        {
            "trunk": run.trunk.state_dict(),
            "learner": learner.state(),
            "diverged": learner.diverged(),
        }
    )


def outcome(run: Run, epochs: int = EPOCHS) -> dict[str, Any]:
    """Trains; all state and each epoch's metrics, by trial id, of the members that are left."""
    history = train(run, range(min(epochs, run.num_epochs)))
    return {
        m.trial_id: {**snapshot(run, m.trial_id), "metrics": history[m.trial_id]}
        for m in run.members
    }


@functools.cache
def alone(
    config: Config, kind: type[Run] = Run, epochs: int = EPOCHS, device: torch.device = CPU
) -> dict[str, Any]:
    """The outcome of one trial by itself; trained once, and not to be changed."""
    found: dict[str, Any] = outcome(run_of([config], kind=kind, device=device), epochs)["0"]
    return found


def apart(
    configs: Sequence[Config],
    kind: type[Run] = Run,
    epochs: int = EPOCHS,
    device: torch.device = CPU,
) -> list[str]:
    """What differs between a pack of `configs` and each of them alone, over all epochs."""
    pack = outcome(run_of(configs, kind=kind, device=device), epochs)
    assert len(pack) == len(configs)
    return [
        name
        for i, config in enumerate(configs)
        for name in differences(pack[str(i)], alone(config, kind, epochs, device))  # type: ignore[arg-type]
    ]


class Watched:
    """An objective that remembers what it was given, and whose totals `change` may replace.

    Args:
        inner: The objective.
        change: Given the number of the call, from 0, and its total.
    """

    def __init__(self, inner: Any, change: Callable[[int, Tensor], Tensor]) -> None:
        self._inner, self._change = inner, change
        self.given: list[TailOutput] = []
        self.progress: list[float] = []
        self.totals: list[Tensor] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def loss(
        self, outputs: Mapping[str, TailOutput], labels: Tensor, context: StepContext
    ) -> StepLoss:
        result: StepLoss = self._inner.loss(outputs, labels, context)
        self.given += outputs.values()
        self.progress.append(context.progress.item())
        self.totals.append(self._change(len(self.totals), result.total))
        return StepLoss(self.totals[-1], result.diagnostics)


def watched(
    learner: Learner, change: Callable[[int, Tensor], Tensor] = lambda _, total: total
) -> Watched:
    """The learner's objective from now on."""
    objective = Watched(learner.objective, change)
    learner.objective = objective  # type: ignore[assignment]
    return objective


def differences(first: Any, second: Any) -> list[str]:
    """Names of the leaves of two nested states that are not equal to the bit."""
    ours, theirs = dict(_leaves(first)), dict(_leaves(second))
    missing = sorted(ours.keys() ^ theirs.keys())
    return missing + [name for name in ours.keys() & theirs.keys() if ours[name] != theirs[name]]


def _leaves(state: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(state, Tensor):
        array = state.detach().cpu().contiguous().numpy()
        yield name, (str(array.dtype), array.shape, array.tobytes())
    elif isinstance(state, Mapping):
        yield f"{name}/keys", [str(key) for key in state]
        for key, value in state.items():
            yield from _leaves(value, f"{name}/{key}")
    elif isinstance(state, list | tuple):
        yield f"{name}/len", len(state)
        for i, value in enumerate(state):
            yield from _leaves(value, f"{name}/{i}")
    else:
        yield name, repr(state)
