"""A member of a pack ends exactly as it does alone, whatever happens to the others."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import pytest
import torch
from torch import Tensor

from lps_sweep.train import Run
from lps_sweep.train.batch import Batch
from tests.train.step_cases import with_loop
from tests.train.train_cases import (
    EPOCHS,
    SEED,
    alone,
    apart,
    config_of,
    differences,
    four_configs,
    learner_of,
    outcome,
    run_of,
    snapshot,
    train,
    two_configs,
    watched,
)


@pytest.mark.parametrize(
    ("trunk", "schedule"),
    [
        ({}, {}),
        ({"frozen_bn": "eval"}, {}),
        ({"concat_views": True}, {}),
        ({"frozen_through": "none"}, {}),
        ({"frozen_through": "none", "concat_views": True}, {}),
        ({"frozen_through": "stage1"}, {}),
        ({"frozen_through": "stage4"}, {}),
        ({}, {"threshold_clock": "iteration"}),
    ],
    ids=str,
)
def test_a_pack_equals_its_members_alone(trunk: dict[str, Any], schedule: dict[str, Any]) -> None:
    assert apart(four_configs(trunk, schedule)) == []


def test_members_differ_from_each_other_and_from_where_they_began() -> None:
    ends = [alone(config) for config in four_configs()]
    for one, other in itertools.combinations(ends, 2):
        changed = differences(one, other)
        assert {"/learner/tail/stage4.0.weight", "/learner/head/weight"} <= set(changed)
        assert not [name for name in changed if name.startswith("/trunk")]
    moved = differences(snapshot(run_of(four_configs()), "0"), ends[0])
    assert {
        "/trunk/stage1.1.running_mean",
        "/learner/optimizer/state/0/momentum_buffer",
    } <= set(moved)


class TrunkPerMember(Run):
    """Passes the trunk once for every member, as runs that share less carefully would."""

    def _view_activations(self, views: Mapping[str, Tensor]) -> dict[str, Tensor]:
        for _ in self.members[1:]:
            super()._view_activations(views)
        return super()._view_activations(views)


class BatchesOfThePack(Run):
    """Draws batches that depend on who is in the pack."""

    def batch(self, epoch: int, step: int) -> Batch:
        return super().batch(epoch, (step + len(self.members) - 1) % self.batches.num_steps)


class ViewsOfThePack(Run):
    """Draws views that depend on who is in the pack."""

    def batch(self, epoch: int, step: int) -> Batch:
        self.seed = len(self.members)
        return super().batch(epoch, step)


class OneTail(Run):
    """All members train the same tail."""

    def train_epoch(self, epoch: int) -> dict[str, dict[str, float]]:
        for member in self.members:
            member.learner.tail = self.members[0].learner.tail
        return super().train_epoch(epoch)


class TailsThatWriteInPlace(Run):
    """A member changes the activations that the next one reads."""

    def batch(self, epoch: int, step: int) -> Batch:
        batch = super().batch(epoch, step)
        for member in self.members[:-1]:
            hook = member.learner.tail.register_forward_pre_hook(
                lambda _, given: given[0].mul_(0.5)
            )
            member.learner.optimizer.register_step_post_hook(lambda *_, hook=hook: hook.remove())
        return batch


@pytest.mark.parametrize(
    ("kind", "sign"),
    [
        (TrunkPerMember, "/trunk/stage3.1.running_mean"),
        (BatchesOfThePack, "/learner/head/weight"),
        (ViewsOfThePack, "/learner/head/weight"),
        (OneTail, "/learner/tail/stage4.0.weight"),
        (TailsThatWriteInPlace, "/learner/head/weight"),
    ],
)
def test_broken_sharing_is_seen(kind: type[Run], sign: str) -> None:
    assert sign in apart(four_configs()[:2], kind)


@pytest.mark.parametrize(
    ("place", "what", "status"),
    [
        (0, RuntimeError("planted"), "failed"),
        (2, MemoryError("planted"), "out_of_memory"),
        (1, float("nan"), "diverged"),
        (0, float("inf"), "diverged"),
    ],
)
def test_the_others_go_on_when_a_member_ends(
    place: int, what: Exception | float, status: str
) -> None:
    configs = four_configs()[:3]
    pack = run_of(configs)

    def fail(call: int, total: Tensor) -> Tensor:
        if call < pack.batches.num_steps + 2:
            return total
        if isinstance(what, Exception):
            raise what
        return total * what

    watched(pack.members[place].learner, fail)
    ends = outcome(pack)
    assert [(d.trial_id, d.status) for d in pack.departures] == [(str(place), status)]
    assert ("epoch 2" if status == "diverged" else "planted") in pack.departures[0].error
    assert set(ends) == {"0", "1", "2"} - {str(place)}
    for trial_id, end in ends.items():
        assert differences(end, alone(configs[int(trial_id)])) == []


def test_a_member_that_diverges_by_itself_leaves_alone() -> None:
    pack = run_of({"well": config_of(), "wild": config_of(schedule={"lr": 1e38})})
    ends = outcome(pack)
    assert [(d.trial_id, d.status) for d in pack.departures] == [("wild", "diverged")]
    assert differences(ends["well"], alone(config_of())) == []


@pytest.mark.parametrize("settings", [{}, {"frozen_through": "none"}, {"concat_views": True}])
def test_members_go_on_in_another_pack(settings: dict[str, Any]) -> None:
    configs = {str(i): config for i, config in enumerate(four_configs(settings))}
    first = run_of(configs)
    train(first, range(1))
    own = {trial_id: snapshot(first, trial_id)["learner"] for trial_id in configs}
    for group in (("3", "1"), ("0",), ("2",)):
        again = run_of({trial_id: configs[trial_id] for trial_id in group})
        again.load_state(first.state())
        for trial_id in group:
            learner_of(again, trial_id).load_state(own[trial_id])
        history = train(again, range(1, EPOCHS))
        for trial_id in group:
            wanted = alone(configs[trial_id])
            end = {**snapshot(again, trial_id), "metrics": wanted["metrics"][:1]}
            end["metrics"] = end["metrics"] + history[trial_id]
            assert differences(end, wanted) == []


@pytest.mark.parametrize("seed", [7, 2])
def test_the_seed_matters_and_the_global_generator_does_not(seed: int) -> None:
    torch.manual_seed(seed)
    run = run_of(four_configs()[:1], seed=seed)
    changed = differences(outcome(run)["0"], alone(config_of()))
    if seed == SEED:
        assert changed == []
    else:
        assert {"/learner/head/weight", "/trunk/stage1.1.running_mean"} <= set(changed)


OTHERS = {
    "epochs": config_of(epochs=4),
    "batch size": config_of(batch_size=12),
    "mode of BatchNorm": config_of(trunk={"frozen_bn": "eval"}),
    "method": two_configs("orca")[0],
    **{name: with_loop(config_of(), **{name: True}) for name in ("graph", "compile")},
    "precision": with_loop(config_of(), precision="tf32"),
}


def test_a_member_with_other_shared_values_is_refused() -> None:
    run = run_of(four_configs()[:1])
    for config in OTHERS.values():
        with pytest.raises(ValueError, match="differs in what a pack shares"):
            run.add("other", config)
    assert len(run.members) == 1
