"""What is float32 in every precision, and what is not in half precision."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from lps_sweep.methods.lps import core
from lps_sweep.methods.protocol import StepContext, StepLoss, TailOutput
from lps_sweep.train import Learner, Run
from tests.train.step_cases import with_loop
from tests.train.train_cases import config_of, learner_of, run_of, train, two_configs


class Watched:
    """An objective that remembers what it was given."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self.given: list[TailOutput] = []
        self.totals: list[Tensor] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def loss(
        self, outputs: Mapping[str, TailOutput], labels: Tensor, context: StepContext
    ) -> StepLoss:
        self.given += outputs.values()
        result: StepLoss = self._inner.loss(outputs, labels, context)
        self.totals.append(result.total)
        return result


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


@pytest.mark.parametrize("method", ["lps", "orca"])
@pytest.mark.parametrize("frozen_through", ["none", "stage3", "stage4"])
def test_weights_statistics_and_what_the_loss_reads_are_float32(
    method: str, frozen_through: str
) -> None:
    run, learner = half_run(method, frozen_through=frozen_through)
    watched = Watched(learner.objective)
    learner.objective = watched  # type: ignore[assignment]
    train(run, range(2))
    assert not run.departures
    modules = {"trunk": run.trunk, "tail": learner.tail, "head": learner.head}
    for name, module in modules.items():
        assert {t.dtype for t in float_tensors(module).values()} <= {torch.float32}, name
    momentum = [s["momentum_buffer"] for s in learner.optimizer.state_dict()["state"].values()]
    assert {t.dtype for t in momentum} == {torch.float32}
    assert {output.logits.dtype for output in watched.given} == {torch.float32}
    assert {total.dtype for total in watched.totals} == {torch.float32}
    assert {t.dtype for t in learner._sums.values() if t.is_floating_point()} == {torch.float32}


def test_trunk_and_tail_do_compute_in_half_precision() -> None:
    run, learner = half_run()
    batch = run.batch(0, 0)
    assert {a.dtype for a in batch.views.values()} == {torch.bfloat16}
    with HalfOperations() as half:
        outputs = learner._outputs(batch.views)
    assert any("convolution" in name for name in half.found)
    assert {output.features.dtype for output in outputs.values()} == {torch.bfloat16}
    plain = run_of([config_of()])
    assert {a.dtype for a in plain.batch(0, 0).views.values()} == {torch.float32}


@pytest.mark.parametrize("method", ["lps", "orca"])
def test_no_loss_computes_in_half_precision(method: str) -> None:
    run, learner = half_run(method)
    batch = run.batch(0, 0)
    outputs = learner._outputs(batch.views)
    context = StepContext(learner.num_seen, torch.tensor(0.0), batch.draws)
    with torch.autocast("cpu", dtype=torch.bfloat16), HalfOperations() as half:
        learner.objective.loss(outputs, batch.labels, context)
    assert half.found <= {"_to_copy", "detach"}  # ORCA reads features, which are raised


def test_statistics_of_batchnorm_come_from_float32_arithmetic() -> None:
    """Of values that bfloat16 holds exactly but whose sum it does not."""
    run, learner = half_run(frozen_through="stage3")
    norm = next(m for m in learner.tail.modules() if isinstance(m, nn.BatchNorm2d))
    norm.momentum = 1.0
    values = (1 + torch.arange(512 * 4 * 4).view(512, 1, 4, 4) % 7 / 64).expand(-1, 64, -1, -1)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        norm.train()(values.to(torch.bfloat16))
    torch.testing.assert_close(norm.running_mean, values.mean((0, 2, 3)), rtol=1e-6, atol=0)
    variance = values.double().var((0, 2, 3)).float()
    torch.testing.assert_close(norm.running_var, variance, rtol=1e-3, atol=0)
    in_half = values.to(torch.bfloat16).mean((0, 2, 3)).float()
    assert not torch.allclose(in_half, values.mean((0, 2, 3)), rtol=1e-6, atol=0)
    assert run.config.loop.precision == "bfloat16"


def test_a_loss_in_half_precision_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(core, "at_least_float32", lambda *x: [t.bfloat16() for t in x])
    run, learner = half_run()
    batch = run.batch(0, 0)
    outputs = learner._outputs(batch.views)
    context = StepContext(learner.num_seen, torch.tensor(0.0), batch.draws)
    with HalfOperations() as half:
        learner.objective.loss(outputs, batch.labels, context)
    assert len(half.found) > 5
