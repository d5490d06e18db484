"""Steps that are recorded and replayed: on a CPU by `tests.train.tape`, on a GPU as CUDA graphs."""

from __future__ import annotations

import copy
import gc
import itertools
import weakref
from collections.abc import Mapping

import pytest
import torch
from torch import Tensor

from lps_sweep.config import Config
from lps_sweep.data.random import Key
from lps_sweep.data.views import view_under
from lps_sweep.methods.hyper import Hyper
from lps_sweep.methods.lps.objective import LPSObjective
from lps_sweep.train import Learner, Run
from lps_sweep.train import run as run_module
from lps_sweep.train.batch import Batch
from lps_sweep.train.capture import WARM_UPS, Recorded, Recorder
from tests.train.step_cases import ARMS, colour, step_cases, with_loop
from tests.train.tape import TapeRecorder
from tests.train.train_cases import (
    alone,
    config_of,
    differences,
    four_configs,
    learner_of,
    outcome,
    run_of,
    snapshot,
    train,
)

EPOCHS = 3
"""A record is made in the second, and what it does not follow shows in the third."""

STEPS = 3
"""Of an epoch."""

CASES = {name: config for name, config in step_cases().items() if name != "tf32"}


class Taped(Run):
    """A Run whose steps are recorded on a CPU."""

    def _make_recorder(self) -> Recorder:
        self.tapes = TapeRecorder()
        return self.tapes


@pytest.fixture(autouse=True)
def graphs_are_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_module, "set_up_step", lambda *_: None)


def recorded(config: Config) -> Config:
    return with_loop(config, graph=True)


def unlike(config: Config, kind: type[Run] = Taped) -> list[str]:
    """What differs between a trial as it stands and the same trial recorded."""
    return differences(
        alone(config, epochs=EPOCHS), outcome(run_of([recorded(config)], kind=kind), EPOCHS)["0"]
    )


@pytest.mark.parametrize("config", CASES.values(), ids=CASES)
def test_a_recorded_step_is_the_step(config: Config) -> None:
    assert unlike(config) == []


@pytest.mark.parametrize("clock", ["epoch", pytest.param("iteration", marks=pytest.mark.slow)])
def test_a_recorded_pack_is_the_pack_and_its_members_alone(clock: str) -> None:
    configs = four_configs(schedule={"threshold_clock": clock})
    pack = outcome(run_of([recorded(c) for c in configs], kind=Taped), EPOCHS)
    for i, config in enumerate(configs):
        assert differences(pack[str(i)], alone(config, epochs=EPOCHS)) == []
        assert unlike(config) == []


def test_a_step_is_recorded_once_after_a_few_that_count() -> None:
    run = run_of([recorded(c) for c in four_configs()], kind=Taped)
    assert isinstance(run, Taped)
    train(run, range(EPOCHS))
    assert run.batches.num_steps == STEPS
    parts = 1 + len(run.members)
    assert run.tapes.num_warm_ups == WARM_UPS * parts
    assert len(run.tapes.tapes) == parts
    assert run.tapes.num_replays == (EPOCHS * STEPS - WARM_UPS) * parts
    assert min(len(tape) for tape in run.tapes.tapes) > 100


def test_one_recorded_step_serves_every_ablation() -> None:
    """The numbers of a configuration are tensors: others can be put there."""
    run = run_of([recorded(config_of())], kind=Taped)
    assert isinstance(run, Taped)
    train(run, range(2))
    one, num_tapes = learner_of(run, "0"), len(run.tapes.tapes)
    arms = {name: CASES[name] for name in ARMS if CASES[name].method.name == "lps"}
    assert len(arms) >= 5
    ends = []
    for config in [*arms.values(), config_of(lps={"C": 3.0, "tau": 0.1, "lambda_seen": 0.5})]:
        other = learner_of(run_of([config]), "0")
        put_numbers(hyper_of(other), hyper_of(one))
        other.load_state(copy.deepcopy(one.state()))
        batch = run.batch(2, 0)
        for learner in (one, other):
            learner.start_epoch(2)
            learner.step(batch, 0)
        assert differences(one.state(), other.state()) == []
        ends.append(one.head.weight.detach().clone())
    assert len(run.tapes.tapes) == num_tapes
    assert not any(torch.equal(a, b) for a, b in itertools.pairwise(ends))


def hyper_of(learner: Learner) -> Hyper:
    assert isinstance(learner.objective, LPSObjective)
    return learner.objective._hyper


def put_numbers(source: Hyper, target: Hyper) -> None:
    for name, mine in vars(target).items():
        if isinstance(mine, Tensor):
            mine.copy_(getattr(source, name))


class RatesOfTheHost(Taped):
    """The learning rate is a plain number, which a record holds fast."""

    def add(self, trial_id: str, config: Config) -> Learner:
        added = super().add(trial_id, config)
        for group in added.optimizer.param_groups:
            group["lr"] = float(group["lr"])
        return added


class KeysOfTheHost(Taped):
    """The draws hang on plain numbers."""

    def _made(self, images: Tensor, labels: Tensor, keys: Mapping[str, Key]) -> Batch:
        plain = {name: (int(first), int(second)) for name, (first, second) in keys.items()}
        return super()._made(images, labels, plain)


class LabelsMadeAnew(Taped):
    """The members get other labels than those that were recorded."""

    def batch(self, epoch: int, step: int) -> Batch:
        batch = super().batch(epoch, step)
        self.kept = getattr(self, "kept", batch)
        object.__setattr__(self.kept, "labels", batch.labels.clone())
        return self.kept


class ProgressMadeAnew(Taped):
    """The clock is a new tensor in each epoch."""

    def train_epoch(self, epoch: int) -> dict[str, dict[str, float]]:
        for member in self.members:
            member.learner._progress = member.learner._progress.clone()
        return super().train_epoch(epoch)


class ShapesOfTheDraws(Taped):
    """The grouped kernel, whose groups are as large as they were at the recording."""

    def _made(self, images: Tensor, labels: Tensor, keys: Mapping[str, Key]) -> Batch:
        views = {
            name: view_under(keys[name], images, self.recipe, name, fixed_shape=False)
            for name in self.views
        }
        whole = super()._made(images, labels, keys)
        return Batch(self._view_activations(views), labels, whole.draws)


@pytest.mark.parametrize(
    "kind",
    [RatesOfTheHost, KeysOfTheHost, LabelsMadeAnew, ProgressMadeAnew, ShapesOfTheDraws],
)
def test_what_a_record_would_not_follow_is_seen(kind: type[Run]) -> None:
    config = colour(config_of()) if kind is ShapesOfTheDraws else config_of()
    assert any("head/weight" in name for name in unlike(config, kind))


def test_a_member_that_diverges_leaves_and_nothing_is_recorded_again() -> None:
    configs = {"well": config_of(), "wild": config_of(schedule={"lr": 1e38}), "fine": config_of()}
    run = run_of({name: recorded(c) for name, c in configs.items()}, kind=Taped)
    assert isinstance(run, Taped)
    ends = outcome(run, EPOCHS)
    assert [(d.trial_id, d.status) for d in run.departures] == [("wild", "diverged")]
    assert len(run.tapes.tapes) <= 4
    assert differences(ends["well"], alone(config_of(), epochs=EPOCHS)) == []


def test_a_member_that_leaves_frees_its_memory_without_the_garbage_collector() -> None:
    run = run_of([recorded(c) for c in four_configs()[:2]], kind=Taped)
    train(run, range(2))
    gone = weakref.ref(learner_of(run, "0"))
    gc.disable()
    try:
        run.members.pop(0)
        assert isinstance(run, Taped)
        run.tapes.tapes.clear()  # a tape holds on to tensors, as a graph does to memory
        assert gone() is None
        kept = weakref.ref(run)
        del run
        assert kept() is None
    finally:
        gc.enable()


@pytest.mark.parametrize("trained", [0, 3])
def test_a_state_loaded_into_a_learner_counts_also_where_it_was_recorded(trained: int) -> None:
    first, again = (run_of([recorded(config_of())], kind=Taped) for _ in range(2))
    train(first, range(1))
    train(again, range(trained))
    again.load_state(first.state())
    learner_of(again, "0").load_state(snapshot(first, "0")["learner"])
    train(again, range(1, EPOCHS))
    wanted = {
        name: value
        for name, value in alone(config_of(), epochs=EPOCHS).items()
        if name != "metrics"
    }
    assert differences(snapshot(again, "0"), wanted) == []


def test_a_checkpoint_does_not_tell_whether_steps_were_recorded() -> None:
    for config in (config_of(), config_of(schedule={"tail_lr_factor": 0.5})):
        states = []
        for run in (run_of([config]), run_of([recorded(config)], kind=Taped)):
            train(run, range(1))
            states.append(learner_of(run, "0").state())
            groups = states[-1]["optimizer"]["param_groups"]
            assert all(type(group["lr"]) is float for group in groups)
        assert differences(*states) == []


def test_another_batch_is_not_taken_for_the_recorded_one() -> None:
    plain, taped = run_of([config_of()]), run_of([recorded(config_of())], kind=Taped)
    batches = [plain.batch(0, step) for step in (0, 1)]
    for run in (plain, taped):
        one = learner_of(run, "0")
        one.start_epoch(0)
        for i in range(12):
            one.step(batches[i // 5 % 2], 0)
    found = [weights.state() for weights in (learner_of(plain, "0"), learner_of(taped, "0"))]
    assert differences(*found) == []


def test_work_that_fails_while_it_is_recorded_is_not_replayed() -> None:
    recorder = TapeRecorder()
    work = Recorded(recorder)
    for _ in range(WARM_UPS):
        work(lambda: None)

    def fail() -> None:
        raise RuntimeError("planted")

    for _ in range(2):
        with pytest.raises(RuntimeError, match="planted"):
            work(fail)
    assert recorder.num_replays == 0
