"""The learning rate's courses, kinds of optimisers and what a recipe brings."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import nn

from lps_sweep.config import METHODS, ScheduleConfig, config_class, field_table
from lps_sweep.errors import BadInputError
from lps_sweep.plan import SearchSpace, read_space
from lps_sweep.train import Run
from lps_sweep.train.optimizer import course, make_optimizer, set_rates
from tests.train.train_cases import alone, apart, config_of, differences, run_of, train


def rates(epochs: int, **values: Any) -> list[float]:
    schedule = ScheduleConfig(**values)
    return [course(schedule, epoch / epochs) for epoch in range(epochs)]


def test_drops_come_at_the_published_epochs() -> None:
    orca = rates(200, lr_shape="drops", lr_first_drop=0.7, lr_drop_every=0.2)
    assert orca == pytest.approx([1.0] * 140 + [0.1] * 40 + [0.01] * 20)
    halves = rates(100, lr_shape="drops", lr_first_drop=0.2, lr_drop_every=0.2, lr_drop_factor=0.5)
    assert halves == [0.5 ** (epoch // 20) for epoch in range(100)]


def test_cosines_and_a_constant() -> None:
    whole = rates(10, lr_end_factor=0.1)
    wanted = [0.1 + 0.9 * (1 + math.cos(math.pi * i / 10)) / 2 for i in range(10)]
    assert whole == pytest.approx(wanted)
    part = rates(10, lr_shape="cosine_7_16")
    assert part == pytest.approx([math.cos(7 * math.pi * i / 160) for i in range(10)])
    assert rates(10, lr_shape="constant") == [1.0] * 10


@pytest.mark.parametrize("factor", [1.0, 0.5])
@pytest.mark.parametrize("kind", ["sgd", "adam"])
def test_vectors_need_not_decay(kind: str, factor: float) -> None:
    tail = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2))
    head = nn.Linear(2, 3)
    schedule = ScheduleConfig(
        optimizer=kind, decay_all=False, weight_decay=0.1, tail_lr_factor=factor, lr=1.0
    )
    optimizer = make_optimizer(tail, head, schedule)
    set_rates(optimizer, schedule, 0.0)
    found = {
        weight: (group["weight_decay"], float(group["lr"]))
        for group in optimizer.param_groups
        for weight in group["params"]
    }
    assert found[tail[0].weight] == (0.1, factor)
    assert found[tail[1].weight] == found[tail[0].bias] == (0.0, factor)
    assert found[head.weight] == (0.1, 1.0)
    assert found[head.bias] == (0.0, 1.0)
    assert len(found) == 6


def test_nesterovs_momentum_looks_ahead() -> None:
    weights = [nn.Parameter(torch.ones(1)) for _ in range(2)]
    for weight, nesterov in zip(weights, (False, True), strict=True):
        schedule = ScheduleConfig(nesterov=nesterov, weight_decay=0.0)
        optimizer = make_optimizer(nn.ParameterList([weight]), nn.ParameterList(), schedule)
        weight.grad = torch.full((1,), 2.0)
        optimizer.step()
    assert [round(w.item(), 6) for w in weights] == [0.8, round(1 - 0.1 * (2 + 0.9 * 2), 6)]


RECIPES: list[dict[str, Any]] = [
    {"optimizer": "adam", "lr": 0.002, "lr_shape": "drops"},
    {"nesterov": True, "decay_all": False, "lr_shape": "cosine_7_16"},
    {"lr_shape": "constant", "tail_lr_factor": 0.5, "decay_all": False},
    {"tail_lr_factor": 0.1},
    {"tail_lr_factor": 0.0},
]


def test_members_with_different_optimisers_and_rates_share_a_pack() -> None:
    configs = [config_of(schedule=schedule) for schedule in [{}, *RECIPES]]
    assert apart(configs, epochs=2) == []
    ends = [alone(config, epochs=2) for config in configs]
    assert all(differences(ends[0], end) for end in ends[1:])


def run_with(**loop: Any) -> Run:
    config = config_of()
    return run_of([replace(config, loop=replace(config.loop, **loop))])


def test_views_and_shares_of_a_batch() -> None:
    plain, simclr = (run_with(weak_views=kind) for kind in ("weak", "simclr"))
    half = run_with(labeled_share=0.5)
    ours, theirs = plain.batch(0, 0), simclr.batch(0, 0)
    assert not torch.equal(ours.views["weak1"], theirs.views["weak1"])
    assert not torch.equal(theirs.views["weak1"], theirs.views["weak2"])
    assert half.batches.num_labeled == half.batches.num_unlabeled
    assert len(half.batch(0, 0).labels) == half.batches.num_labeled
    assert "0" in train(half, range(1))


def space_of(tmp_path: Any, text: str) -> SearchSpace:
    path = tmp_path / "s.yaml"
    path.write_text("name: s\npreset: numbers\nseeds: [0]\n" + text)
    return read_space(path)


def test_an_own_recipe_goes_before_the_preset_and_after_what_is_set(tmp_path: Any) -> None:
    space = space_of(
        tmp_path,
        "set: {lr_drop_every: 0.1}\narms:\n  ours: {method: orca}\n"
        "  theirs: {method: orca, recipe: own}\n",
    )
    ours, theirs = (space.config_of(arm).schedule for arm in space.variants)
    assert (ours.recipe, ours.lr_shape) == ("unified", "cosine")
    assert (theirs.recipe, theirs.lr_shape, theirs.lr_first_drop) == ("own", "drops", 0.7)
    assert ours.lr_drop_every == theirs.lr_drop_every == 0.1


def test_a_recipe_is_not_swept(tmp_path: Any) -> None:
    with pytest.raises(BadInputError, match=r"s\.yaml:4"):
        space_of(tmp_path, "grid: {recipe: [own, unified]}\n")


@pytest.mark.parametrize("method", METHODS)
def test_every_own_recipe_is_of_fields_outside_the_method(method: str) -> None:
    table = field_table(method)
    for name in config_class(method).own_recipe:
        assert table[name].section in ("trunk", "loop", "schedule"), name
