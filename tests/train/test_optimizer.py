"""Learning rates per part: the tail's is a multiple of the head's."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from lps_sweep.config import ScheduleConfig
from lps_sweep.train.optimizer import make_optimizer, set_rates
from tests.train.train_cases import (
    config_of,
    differences,
    learner_of,
    run_of,
    snapshot,
    train,
)


def two_linear(schedule: ScheduleConfig) -> tuple[nn.Linear, nn.Linear, torch.optim.Optimizer]:
    torch.manual_seed(0)
    tail, head = nn.Linear(3, 3), nn.Linear(3, 2)
    return tail, head, make_optimizer(tail, head, schedule)


@pytest.mark.parametrize(("progress", "rate"), [(0.0, 0.2), (1 / 3, 0.15), (1.0, 0.0)])
def test_rates_of_both_parts_follow_one_cosine(progress: float, rate: float) -> None:
    _, _, optimizer = two_linear(ScheduleConfig(lr=0.2, tail_lr_factor=0.25))
    assert set_rates(optimizer, ScheduleConfig(lr=0.2, tail_lr_factor=0.25), progress) == (
        pytest.approx(rate)
    )
    rates = [group["lr"] for group in optimizer.param_groups]
    assert rates == pytest.approx([rate / 4, rate])


def test_the_same_rate_is_one_group_so_that_older_checkpoints_load() -> None:
    _, _, optimizer = two_linear(ScheduleConfig())
    assert [len(group["params"]) for group in optimizer.param_groups] == [4]
    tail, head, reference = two_linear(ScheduleConfig())
    plain = torch.optim.SGD([*tail.parameters(), *head.parameters()], lr=0.1, fused=True)
    optimizer.load_state_dict(plain.state_dict())
    assert reference.state_dict()["param_groups"][0]["params"] == [0, 1, 2, 3]


@pytest.mark.parametrize("factor", [0.0, 3.0])
def test_one_step_moves_the_tail_by_the_factor(factor: float) -> None:
    moves = []
    for schedule in (ScheduleConfig(), ScheduleConfig(tail_lr_factor=factor)):
        tail, head, optimizer = two_linear(schedule)
        before = [p.detach().clone() for p in (tail.weight, head.weight)]
        set_rates(optimizer, schedule, 0.0)
        head(tail(torch.ones(2, 3))).square().sum().backward()
        optimizer.step()
        moves.append(
            [p.detach() - b for p, b in zip((tail.weight, head.weight), before, strict=True)]
        )
    assert torch.equal(moves[0][1], moves[1][1])
    assert torch.allclose(moves[0][0] * factor, moves[1][0], atol=1e-6)


def test_without_a_rate_only_the_head_learns() -> None:
    run = run_of([config_of(trunk={"frozen_through": "none"}, schedule={"tail_lr_factor": 0.0})])
    before = snapshot(run, "0")
    history = train(run, range(2))["0"]
    changed = differences(before, snapshot(run, "0"))
    assert "/learner/head/weight" in changed
    weights = {f"/learner/tail/{name}" for name, _ in learner_of(run, "0").tail.named_parameters()}
    assert weights
    assert not weights & set(changed)
    assert [row["lr"] for row in history] == pytest.approx([0.1, 0.075])
