"""What a probe times: the work of an epoch, once everything is warm, as the real jobs do it."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace
from typing import Any

import pytest

from lps_sweep.config import Config
from lps_sweep.plan import Resources
from lps_sweep.sweep import probe as probe_module
from lps_sweep.sweep.probe import STEPS, probe
from lps_sweep.train import Pretraining, Run
from lps_sweep.train import costs as costs_module
from lps_sweep.train import pretrain as pretrain_module
from lps_sweep.train import run as run_module
from tests.train.step_cases import with_loop
from tests.train.tape import TapeRecorder
from tests.train.train_cases import SEED, config_of, image_set

RESOURCES = Resources(cpus_per_pack=1, gpus_per_pack=0)
PRETRAIN = {"pretrain_epochs": 9, "pretrain_batch_size": 24}


class Watch:
    """Counts what is done, and what of it lies between the two looks at the clock of a timing."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.recorder = TapeRecorder()
        self.calls: Counter[str] = Counter()
        self.timings: list[dict[str, int]] = []
        self._began: dict[str, int] | None = None
        monkeypatch.setattr(probe_module, "load", lambda _: image_set())
        monkeypatch.setattr(costs_module, "time", SimpleNamespace(perf_counter=self._look))
        for kind, module in ((Run, run_module), (Pretraining, pretrain_module)):
            monkeypatch.setattr(module, "set_up_step", lambda *_: None)
            monkeypatch.setattr(kind, "_make_recorder", lambda _: self.recorder)
        for name, owner in (("evaluate", probe_module), ("set_up_device", probe_module)):
            monkeypatch.setattr(owner, name, self._counted(name, getattr(owner, name)))
        monkeypatch.setattr(Run, "batch", self._counted("batch", Run.batch))
        monkeypatch.setattr(Pretraining, "_epoch", self._counted("epoch", Pretraining._epoch))

    def _counted(self, name: str, call: Any) -> Any:
        def counted(*given: Any) -> Any:
            self.calls[name] += 1
            return call(*given)

        return counted

    def now(self) -> dict[str, int]:
        tapes = self.recorder
        return {
            **self.calls,
            "warm-ups": tapes.num_warm_ups,
            "records": len(tapes.tapes),
            "replays": tapes.num_replays,
        }

    def _look(self) -> float:
        """The clock; every second look ends a timing."""
        now = self.now()
        if self._began is None:
            self._began = now
        else:
            began, self._began = self._began, None
            self.timings.append({name: now[name] - began.get(name, 0) for name in now})
        return 0.0


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Watch:
    return Watch(monkeypatch)


def done(timing: dict[str, int]) -> dict[str, int]:
    return {name: number for name, number in timing.items() if number}


def parts(watch: Watch) -> tuple[dict[str, int], dict[str, int], dict[str, int]]:
    """What was done in the steps that count, in the evaluation and in the epoch before it."""
    *steps, evaluation, epoch = watch.timings
    counted = sum(map(Counter, steps[-2 * STEPS :]), Counter[str]())
    return done(counted), done(evaluation), done(epoch)


def graphed(**pretrain: Any) -> Config:
    return with_loop(
        config_of(pretrain={**PRETRAIN, "pretrain_graph": True, **pretrain}), graph=True
    )


def test_with_graphs_only_replays_are_timed(watch: Watch) -> None:
    probe(graphed(), SEED, RESOURCES)
    steps, _, epoch = parts(watch)
    assert steps == {"batch": STEPS, "replays": 2 * STEPS}
    assert epoch == {"epoch": 1, "replays": STEPS}


@pytest.mark.parametrize("config", [config_of(pretrain=PRETRAIN), graphed()], ids=["", "graph"])
def test_a_step_an_evaluation_and_an_epoch_come_before_those_that_are_timed(
    config: Config, watch: Watch
) -> None:
    probe(config, SEED, RESOURCES)
    steps, evaluation, epoch = parts(watch)
    assert steps["batch"] == STEPS
    assert watch.calls["batch"] > STEPS
    assert evaluation == {"evaluate": 1}
    assert watch.calls["evaluate"] == 2
    assert epoch["epoch"] == 1
    assert watch.calls["epoch"] >= 2


def test_pre_training_is_timed_with_the_device_set_up_as_its_own_job_does(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The trial's arithmetic would be left behind; on a GPU also all of its memory."""
    found: list[int] = []
    begin = Pretraining.__init__

    def noted(*given: Any) -> None:
        found.append(watch.calls["set_up_device"])
        begin(*given)

    monkeypatch.setattr(Pretraining, "__init__", noted)
    probe(config_of(pretrain=PRETRAIN), SEED, RESOURCES)
    assert found == [2]


def test_a_probe_of_few_images_repeats_them(watch: Watch) -> None:
    """One step is all of an epoch; the timed epochs follow as many steps as a graph needs."""
    cost = probe(graphed(pretrain_batch_size=500), SEED, RESOURCES)
    assert done(watch.timings[-1]) == {"epoch": 1, "replays": 1}
    assert cost.pretrain_epoch_s == 0.0
