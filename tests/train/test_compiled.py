"""Compiled trunk and tails: the plain step within rounding, and packed as alone to the bit."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch._dynamo.utils import counters
from torch._inductor import config as inductor_config
from torch._inductor import cpp_builder, exc
from torch._inductor.graph import GraphLowering

from lps_sweep.config import Config
from lps_sweep.train import Run
from tests.train.step_cases import with_loop
from tests.train.train_cases import (
    apart,
    config_of,
    differences,
    four_configs,
    learner_of,
    run_of,
    snapshot,
    train,
)


@pytest.fixture
def compiler() -> Iterator[None]:
    """One that works in this process alone, and leaves nothing behind in it."""
    try:
        cpp_builder.get_cpp_compiler()
    except exc.InvalidCxxCompiler:
        pytest.skip("no C++ compiler")
    with inductor_config.patch(compile_threads=1), warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        yield
    torch.compiler.reset()


def compiled(config: Config) -> Config:
    return with_loop(config, compile=True)


def weights_of(run: Run, trial_id: str) -> list[torch.Tensor]:
    learner = learner_of(run, trial_id)
    parts = (run.trunk, learner.tail, learner.head)
    return [t.detach().clone() for part in parts for t in part.state_dict().values()]


def first_step(run: Run) -> None:
    batch = run.batch(0, 0)
    for member in run.members:
        member.learner.start_epoch(0)
        member.learner.step(batch, 0)


@pytest.fixture
def lowered(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether kernels were chosen without a clock, for each graph that was not in torch's cache."""
    found: list[bool] = []
    begin = GraphLowering.__init__

    def noted(graph: GraphLowering, *given: Any, **named: Any) -> None:
        found.append(inductor_config.deterministic)
        begin(graph, *given, **named)

    monkeypatch.setattr(GraphLowering, "__init__", noted)
    return found


@pytest.mark.parametrize("known", [True, False])
def test_kernels_are_not_chosen_by_a_clock(known: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each part says so itself: torch switches the process's own setting off after each graph."""
    given: list[dict[str, Any]] = []

    def noted(part: torch.nn.Module, **named: Any) -> torch.nn.Module:
        given.append(named)
        return part

    monkeypatch.setattr(torch, "compile", noted)
    if not known:
        monkeypatch.delattr(inductor_config, "deterministic")
    run_of([compiled(config) for config in four_configs()[:2]])
    assert [named.get("options") for named in given] == [
        {"deterministic": True} if known else {}
    ] * 3


@pytest.mark.slow
@pytest.mark.usefixtures("compiler")
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_compiled_run_is_the_run_within_rounding_and_packed_as_alone(
    precision: str, lowered: list[bool]
) -> None:
    configs = [with_loop(config, precision=precision) for config in four_configs()[:3]]
    plain, packed = run_of(configs), run_of([compiled(config) for config in configs])
    counters.clear()
    for run in (plain, packed):
        first_step(run)
    assert counters["stats"]["unique_graphs"] == 2  # a trunk, and one tail for all members
    tolerance = 1e-5 if precision == "float32" else 2e-2
    for i in range(3):
        for ours, theirs in zip(weights_of(packed, str(i)), weights_of(plain, str(i)), strict=True):
            torch.testing.assert_close(ours, theirs, rtol=tolerance, atol=tolerance)
    history = train(packed, range(1))
    for i, config in enumerate(configs):
        alone = run_of({str(i): compiled(config)})
        first_step(alone)
        assert train(alone, range(1))[str(i)] == history[str(i)]
        assert differences(snapshot(packed, str(i)), snapshot(alone, str(i))) == []
    assert all(lowered)


@pytest.mark.slow
@pytest.mark.usefixtures("compiler")
def test_a_checkpoint_of_a_compiled_run_is_one_of_any_run() -> None:
    run, plain = run_of([compiled(config_of())]), run_of([config_of()])
    train(run, range(1))
    saved = snapshot(run, "0")["learner"]
    assert saved.keys() == learner_of(plain, "0").state().keys()
    learner_of(plain, "0").load_state(snapshot(run, "0")["learner"])
    again = run_of([compiled(config_of())])
    again.load_state(run.state())
    learner_of(again, "0").load_state(saved)
    for one in (run, again):
        train(one, range(1, 2))
    assert differences(snapshot(run, "0"), snapshot(again, "0")) == []


@pytest.mark.slow
def test_what_cannot_be_compiled_is_no_silent_return_to_the_plain_module() -> None:
    run = run_of([compiled(config_of())])
    trunk = run._trained_trunk
    assert trunk is not None
    assert trunk is not run.trunk
    assert run_of([config_of()])._trained_trunk is None
    run.trunk.register_forward_pre_hook(lambda *_: print(end=""))
    with pytest.raises(torch._dynamo.exc.Unsupported):
        run.batch(0, 0)


@pytest.mark.gpu
@pytest.mark.slow
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.usefixtures("compiler")
@pytest.mark.parametrize("graph", [False, True])
def test_a_compiled_pack_on_a_gpu_equals_its_members_alone(graph: bool) -> None:
    device = torch.device("cuda")
    configs = [with_loop(c, graph=graph, precision="bfloat16") for c in four_configs()[:2]]
    assert apart([compiled(config) for config in configs], epochs=2, device=device) == []
