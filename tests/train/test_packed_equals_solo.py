"""A member of a pack ends exactly as it does alone, whatever happens to the others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import torch
from torch import Tensor

from lps_sweep.config import Config
from lps_sweep.methods.protocol import StepContext, StepLoss, TailOutput
from lps_sweep.train import Run
from lps_sweep.train.batch import Batch
from tests.train.train_cases import (
    config_of,
    differences,
    four_configs,
    learner_of,
    run_of,
    snapshot,
    train,
)

EPOCHS = 3


def outcome(run: Run, history: Mapping[str, Any], trial_id: str) -> dict[str, Any]:
    return {**snapshot(run, trial_id), "metrics": history[trial_id]}


def apart(configs: list[Config], kind: type[Run] = Run) -> list[str]:
    """What differs between a pack of `configs` and each of them alone, over all epochs."""
    pack = run_of(configs, kind=kind)
    history = train(pack, range(EPOCHS))
    found = []
    for i, config in enumerate(configs):
        solo = run_of({str(i): config}, kind=kind)
        alone = outcome(solo, train(solo, range(EPOCHS)), str(i))
        found += differences(outcome(pack, history, str(i)), alone)
    return found


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
    run = run_of(four_configs())
    began = snapshot(run, "0")
    history = train(run, range(EPOCHS))
    ends = [outcome(run, history, str(i)) for i in range(4)]
    for i in range(4):
        for j in range(i):
            changed = differences(ends[i], ends[j])
            assert "/learner/tail/stage4.0.weight" in changed
            assert "/learner/head/weight" in changed
            assert not [name for name in changed if name.startswith("/trunk")]
    assert "/trunk/stage1.1.running_mean" in differences(began, ends[0])
    assert "/learner/optimizer/state/0/momentum_buffer" in differences(began, ends[0])


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


class Planted:
    """An objective that stops being well at a certain step."""

    def __init__(self, inner: Any, at: int, what: Exception | float) -> None:
        self._inner, self._left, self._what = inner, at, what

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def loss(
        self, outputs: Mapping[str, TailOutput], labels: Tensor, context: StepContext
    ) -> StepLoss:
        self._left -= 1
        result: StepLoss = self._inner.loss(outputs, labels, context)
        if self._left >= 0:
            return result
        if isinstance(self._what, Exception):
            raise self._what
        return StepLoss(result.total * self._what, result.diagnostics)


@pytest.mark.parametrize(
    ("what", "status"),
    [
        (RuntimeError("planted"), "failed"),
        (torch.OutOfMemoryError("planted"), "out_of_memory"),
        (MemoryError("planted"), "out_of_memory"),
        (RuntimeError("[x] DefaultCPUAllocator: can't allocate memory: planted"), "out_of_memory"),
        (float("nan"), "diverged"),
        (float("inf"), "diverged"),
    ],
)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_the_others_go_on_when_a_member_ends(
    what: Exception | float, status: str, place: int
) -> None:
    configs = four_configs()[:3]
    pack = run_of(configs)
    unwell = pack.members[place].learner
    unwell.objective = Planted(unwell.objective, pack.batches.num_steps + 2, what)  # type: ignore[assignment]
    history = train(pack, range(EPOCHS))
    ended = [(departure.trial_id, departure.status) for departure in pack.departures]
    assert ended == [(str(place), status)]
    wanted = "epoch 2" if status == "diverged" else "planted"
    assert wanted in pack.departures[0].error
    assert [len(history[str(i)]) for i in range(3)] == [1 if i == place else 3 for i in range(3)]
    for i in {0, 1, 2} - {place}:
        solo = run_of({str(i): configs[i]})
        alone = outcome(solo, train(solo, range(EPOCHS)), str(i))
        assert differences(outcome(pack, history, str(i)), alone) == []


def test_a_member_that_diverges_by_itself_leaves_alone() -> None:
    configs = {"well": config_of(), "wild": config_of(schedule={"lr": 1e38})}
    pack = run_of(configs)
    history = train(pack, range(EPOCHS))
    assert [(d.trial_id, d.status) for d in pack.departures] == [("wild", "diverged")]
    solo = run_of({"well": configs["well"]})
    alone = outcome(solo, train(solo, range(EPOCHS)), "well")
    assert differences(outcome(pack, history, "well"), alone) == []


@pytest.mark.parametrize("settings", [{}, {"frozen_through": "none"}, {"concat_views": True}])
def test_members_go_on_in_another_pack(settings: dict[str, Any]) -> None:
    configs = {str(i): config for i, config in enumerate(four_configs(settings))}
    first = run_of(configs)
    train(first, range(1))
    shared, own = snapshot(first, "0")["trunk"], {t: snapshot(first, t)["learner"] for t in configs}
    buffers = dict(first.trunk.named_buffers())
    for group in (("3", "1"), ("0",), ("2",)):
        again = run_of({trial_id: configs[trial_id] for trial_id in group})
        again.load_state({"trunk_buffers": {name: shared[name] for name in buffers}})
        for trial_id in group:
            learner_of(again, trial_id).load_state(own[trial_id])
        history = train(again, range(1, EPOCHS))
        for trial_id in group:
            solo = run_of({trial_id: configs[trial_id]})
            alone = outcome(solo, train(solo, range(EPOCHS)), trial_id)
            alone["metrics"] = alone["metrics"][1:]
            assert differences(outcome(again, history, trial_id), alone) == []


def test_nothing_depends_on_the_global_generator() -> None:
    ends = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        run = run_of(four_configs()[:1])
        ends.append(outcome(run, train(run, range(1)), "0"))
    assert differences(*ends) == []


def test_the_seed_matters() -> None:
    ends = []
    for seed in (1, 2):
        run = run_of(four_configs()[:1], seed=seed)
        ends.append(outcome(run, train(run, range(1)), "0"))
    changed = differences(*ends)
    assert {"/learner/head/weight", "/trunk/stage1.1.running_mean"} <= set(changed)


def test_a_member_with_other_shared_values_is_refused() -> None:
    run = run_of(four_configs()[:1])
    for config in (
        config_of(epochs=4),
        config_of(batch_size=12),
        config_of(trunk={"frozen_bn": "eval"}),
    ):
        with pytest.raises(ValueError, match="differs in what a pack shares"):
            run.add("stranger", config)
    assert len(run.members) == 1
