"""What is float32 in every precision, and what is not in half precision."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from lps_sweep.data import views
from lps_sweep.methods.lps import core
from lps_sweep.methods.protocol import StepContext
from lps_sweep.train import Learner, Pretraining, Run
from lps_sweep.train.evaluation import kept_features
from lps_sweep.train.quality import untrained_quality
from tests.train.step_cases import with_loop
from tests.train.train_cases import (
    CPU,
    config_of,
    image_set,
    learner_of,
    run_of,
    train,
    two_configs,
    watched,
)


class HalfOperations(TorchDispatchMode):
    """Names of the operations that have half-precision tensors among their arguments."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.found: set[str] = set()

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        if any(isinstance(a, Tensor) and a.dtype == torch.bfloat16 for a in args):
            self.found.add(func.overloadpacket.__name__)
        return func(*args, **(kwargs or {}))


def half_run(method: str = "lps", **trunk: Any) -> tuple[Run, Learner]:
    config = two_configs(method, trunk=trunk)[0]
    run = run_of([with_loop(config, precision="bfloat16")])
    return run, learner_of(run, "0")


def float_tensors(module: nn.Module) -> dict[str, Tensor]:
    return {n: t for n, t in module.state_dict().items() if t.is_floating_point()}


@pytest.mark.parametrize(
    ("method", "frozen_through"), [("lps", "none"), ("lps", "stage4"), ("orca", "stage3")]
)
def test_weights_statistics_and_what_the_loss_reads_are_float32(
    method: str, frozen_through: str
) -> None:
    run, learner = half_run(method, frozen_through=frozen_through)
    spy = watched(learner)
    train(run, range(1))
    assert not run.departures
    modules = {"trunk": run.trunk, "tail": learner.tail, "head": learner.head}
    for name, module in modules.items():
        assert {t.dtype for t in float_tensors(module).values()} <= {torch.float32}, name
    momentum = [s["momentum_buffer"] for s in learner.optimizer.state_dict()["state"].values()]
    assert {t.dtype for t in momentum} == {torch.float32}
    assert {output.logits.dtype for output in spy.given} == {torch.float32}
    assert {total.dtype for total in spy.totals} == {torch.float32}
    assert {t.dtype for t in learner._sums.values() if t.is_floating_point()} == {torch.float32}


def test_trunk_and_tail_do_compute_in_half_precision() -> None:
    run, learner = half_run()
    batch = run.batch(0, 0)
    assert {a.dtype for a in batch.views.values()} == {torch.bfloat16}
    with HalfOperations() as half:
        outputs = learner.objective.outputs(batch.views)
    assert any("convolution" in name for name in half.found)
    assert {output.features.dtype for output in outputs.values()} == {torch.bfloat16}
    plain = run_of([config_of()])
    assert {a.dtype for a in plain.batch(0, 0).views.values()} == {torch.float32}


@pytest.mark.parametrize("method", ["lps", "orca"])
def test_no_loss_computes_in_half_precision(method: str) -> None:
    run, learner = half_run(method)
    batch = run.batch(0, 0)
    outputs = learner.objective.outputs(batch.views)
    context = StepContext(learner.num_seen, torch.tensor(0.0), batch.draws)
    with torch.autocast("cpu", dtype=torch.bfloat16), HalfOperations() as half:
        learner.objective.loss(outputs, batch.labels, context)
    assert half.found <= {"_to_copy", "detach"}  # ORCA reads features, which are raised


def test_a_loss_in_half_precision_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(core, "at_least_float32", lambda *x: [t.bfloat16() for t in x])
    run, learner = half_run()
    batch = run.batch(0, 0)
    outputs = learner.objective.outputs(batch.views)
    context = StepContext(learner.num_seen, torch.tensor(0.0), batch.draws)
    with HalfOperations() as half:
        learner.objective.loss(outputs, batch.labels, context)
    assert len(half.found) > 5


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each kind of view was made, each of them outside autocast."""
    found: Counter[str] = Counter()
    affine = views.VIEWS["affine"]

    def watched(kind: str) -> Callable[..., Tensor]:
        make = affine[kind]

        def called(*given: Any) -> Tensor:
            assert not torch.is_autocast_enabled("cpu"), f"{kind} is made under autocast"
            found[kind] += 1
            made: Tensor = make(*given)
            return made

        return called

    kinds = {kind: watched(kind) for kind in ("weak", "strong", "simclr", "plain")}
    monkeypatch.setitem(views.VIEWS, "affine", kinds)
    return found


def test_no_view_is_made_in_half_precision(drawn: Counter[str]) -> None:
    settings = {"pretrain_precision": "bfloat16", "pretrain_epochs": 1, "pretrain_batch_size": 24}
    config = with_loop(config_of(pretrain=settings), precision="bfloat16")
    run = run_of([config])
    train(run, range(1))
    kept_features(run)
    assert not run.departures
    assert drawn.keys() == {"weak", "strong", "plain"}
    before = drawn["plain"]
    untrained_quality(config, image_set(), CPU)
    assert drawn["plain"] > before
    for _ in Pretraining(config, image_set(), CPU):
        pass
    assert drawn["simclr"] == 2 * 3
