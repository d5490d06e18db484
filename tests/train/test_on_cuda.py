"""What only a GPU can show: CUDA graphs, bits, half precision, and a host that goes on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch

from lps_sweep.config import Config
from lps_sweep.methods import METHODS, objective_class
from lps_sweep.train import Pretraining, Run
from lps_sweep.train.device import forget_peak_memory, peak_memory
from tests.train.step_cases import colour, step_cases, with_loop
from tests.train.train_cases import (
    config_of,
    differences,
    four_configs,
    image_set,
    learner_of,
    run_of,
    snapshot,
    train,
    two_configs,
)

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
]
EPOCHS = 3
PRECISIONS = ("float32", "tf32", "bfloat16")


@pytest.fixture(scope="module")
def device() -> torch.device:
    return torch.device("cuda")


def outcome(run: Run) -> dict[str, Any]:
    history = train(run, range(EPOCHS))
    assert not run.departures
    return {m.trial_id: (snapshot(run, m.trial_id), history[m.trial_id]) for m in run.members}


CASES = step_cases()


@pytest.mark.parametrize("config", CASES.values(), ids=CASES)
def test_a_graph_gives_the_bits_of_the_step(config: Config, device: torch.device) -> None:
    plain, graph = (
        outcome(run_of([with_loop(config, graph=graph)], device=device)) for graph in (False, True)
    )
    assert differences(plain, graph) == []


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("graph", [False, True])
@pytest.mark.parametrize("method", METHODS)
def test_a_pack_equals_its_members_alone(
    method: str, graph: bool, precision: str, device: torch.device
) -> None:
    configs = four_configs() if method == "lps" else two_configs(method)
    configs = [with_loop(colour(c), graph=graph, precision=precision) for c in configs]
    pack = outcome(run_of(configs, device=device))
    for i, config in enumerate(configs):
        alone = outcome(run_of({str(i): config}, device=device))
        assert differences(pack[str(i)], alone[str(i)]) == []
    assert differences(pack["0"], pack["1"]) or not objective_class(method).views


@pytest.mark.parametrize("graph", [False, True])
def test_a_resumed_run_equals_an_uninterrupted_one(graph: bool, device: torch.device) -> None:
    config = with_loop(config_of(), graph=graph)
    whole, first = (run_of([config], device=device) for _ in range(2))
    wanted = outcome(whole)["0"][0]
    train(first, range(1))
    saved = snapshot(first, "0")
    again = run_of([config], device=device)
    again.trunk.load_state_dict(saved["trunk"])
    learner_of(again, "0").load_state(saved["learner"])
    train(again, range(1, EPOCHS))
    assert differences(snapshot(again, "0"), wanted) == []


@pytest.mark.parametrize("graph", [False, True])
def test_a_member_that_diverges_leaves_the_others_alone(graph: bool, device: torch.device) -> None:
    configs = {"well": config_of(), "wild": config_of(schedule={"lr": 1e38})}
    configs = {name: with_loop(config, graph=graph) for name, config in configs.items()}
    pack = run_of(configs, device=device)
    train(pack, range(EPOCHS))
    assert [(d.trial_id, d.status) for d in pack.departures] == [("wild", "diverged")]
    alone = outcome(run_of({"well": configs["well"]}, device=device))["well"][0]
    assert differences(snapshot(pack, "well"), alone) == []


@pytest.fixture
def no_waiting(device: torch.device) -> Iterator[None]:
    torch.cuda.synchronize(device)
    yield
    torch.cuda.set_sync_debug_mode("default")


@pytest.mark.usefixtures("no_waiting")
@pytest.mark.parametrize("graph", [False, True])
@pytest.mark.parametrize("config", CASES.values(), ids=CASES)
def test_no_step_waits_for_the_device(config: Config, graph: bool, device: torch.device) -> None:
    run = run_of([with_loop(config, graph=graph)], device=device)
    learner = learner_of(run, "0")
    num_steps = run.batches.num_steps
    for epoch in range(3):
        learner.start_epoch(epoch)
        for step in range(num_steps):
            if epoch == 2:  # all is made and recorded
                torch.cuda.set_sync_debug_mode("error")
            learner.step(run.batch(epoch, step), step)
    torch.cuda.set_sync_debug_mode("default")
    assert not learner.diverged()


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_recorded_pre_training_has_the_bits_of_pre_training(
    precision: str, device: torch.device
) -> None:
    ends = []
    for graph in (False, True):
        settings = {"pretrain_epochs": 3, "pretrain_batch_size": 24, "pretrain_graph": graph}
        config = config_of(pretrain={**settings, "pretrain_precision": precision})
        training = Pretraining(config, image_set(), device)
        ends.append((list(training), training.state()))
    assert differences(*ends) == []


def test_half_precision_is_where_it_should_be(device: torch.device) -> None:
    run = run_of([with_loop(config_of(), precision="bfloat16")], device=device)
    learner = learner_of(run, "0")
    train(run, range(1))
    batch = run.batch(1, 0)
    assert {x.dtype for x in batch.views.values()} == {torch.bfloat16}
    outputs = learner.objective.outputs(batch.views)
    assert {x.logits.dtype for x in outputs.values()} == {torch.float32}
    for part in (run.trunk, learner.tail, learner.head):
        kept = [t for t in part.state_dict().values() if t.is_floating_point()]
        assert {t.dtype for t in kept} == {torch.float32}


def test_activations_and_weights_are_channels_last(device: torch.device) -> None:
    run = run_of([config_of()], device=device)
    train(run, range(1))
    parts = (run.trunk, learner_of(run, "0").tail)
    weights = [w for part in parts for w in part.parameters() if w.ndim == 4]
    tensors = [*weights, *run.batch(1, 0).views.values()]
    assert all(x.is_contiguous(memory_format=torch.channels_last) for x in tensors)


def test_float32_is_ieee_and_tf32_is_not(device: torch.device) -> None:
    """Away from double precision by about the rounding of 24, or of 11, bits."""
    images = torch.rand(8, 64, 16, 16, generator=torch.Generator().manual_seed(0))
    weight = torch.rand(64, 64, 3, 3, generator=torch.Generator().manual_seed(1)) - 0.5
    exact = torch.nn.functional.conv2d(images.double(), weight.double())
    errors = {}
    for precision in ("float32", "tf32"):
        run_of([with_loop(config_of(), precision=precision)], device=device)
        made = torch.nn.functional.conv2d(images.to(device), weight.to(device)).cpu()
        errors[precision] = ((made - exact).abs().max() / exact.abs().max()).item()
    assert errors["float32"] < 1e-5
    if torch.cuda.get_device_capability(device) >= (8, 0):
        assert errors["tf32"] > 10 * errors["float32"]


def test_a_gpu_trains_as_a_cpu_does(device: torch.device) -> None:
    """One epoch, whose sums are taken in another order."""
    there, here = run_of([config_of()], device=device), run_of([config_of()])
    ours, theirs = (run.train_epoch(0)["0"] for run in (there, here))
    assert ours["loss_total"] == pytest.approx(theirs["loss_total"], rel=1e-3)


def test_the_peak_of_memory_is_counted_from_where_it_was_forgotten(device: torch.device) -> None:
    forget_peak_memory(device)
    before = peak_memory(device)["peak_memory_mb"]
    large = torch.zeros(10_000_000, device=device)
    del large
    assert peak_memory(device)["peak_memory_mb"] == pytest.approx(before + 40, abs=1)
    forget_peak_memory(device)
    assert peak_memory(device)["peak_memory_mb"] == pytest.approx(before, abs=1)
