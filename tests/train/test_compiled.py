"""Compiled trunk and tails: the plain step within rounding, and packed as alone to the bit."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import pytest
import torch
from torch._dynamo.utils import counters
from torch._inductor import config as inductor_config
from torch._inductor import cpp_builder, exc

from lps_sweep.config import Config
from lps_sweep.errors import BadInputError
from lps_sweep.train import Run
from lps_sweep.train.device import set_up_step
from tests.train.step_cases import with_loop
from tests.train.train_cases import (
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


@pytest.mark.slow
@pytest.mark.usefixtures("compiler")
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_compiled_run_is_the_run_within_rounding_and_packed_as_alone(precision: str) -> None:
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


def test_without_a_compiler_it_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def none() -> str:
        raise exc.InvalidCxxCompiler

    monkeypatch.setattr(cpp_builder, "get_cpp_compiler", none)
    with pytest.raises(BadInputError, match="C\\+\\+ compiler"):
        run_of([compiled(config_of())])
    monkeypatch.setattr("torch.utils._triton.has_triton", lambda: False)
    with pytest.raises(BadInputError, match="Triton"):
        set_up_step(compiled(config_of()).loop, torch.device("cuda"))


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
    pack = run_of([compiled(config) for config in configs], device=device)
    train(pack, range(2))
    for i, config in enumerate(configs):
        alone = run_of({str(i): compiled(config)}, device=device)
        train(alone, range(2))
        assert differences(snapshot(pack, str(i)), snapshot(alone, str(i))) == []
