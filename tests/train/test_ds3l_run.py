"""DS3L in a Run: the step of the weight network against one with copied networks."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch._inductor import config as inductor_config
from torch._inductor import cpp_builder, exc

from lps_sweep.methods.ds3l import DS3LConfig
from lps_sweep.methods.ds3l.objective import DS3LObjective
from lps_sweep.train import Learner, Run, evaluate
from tests.train.step_cases import with_loop
from tests.train.train_cases import config_of, learner_of, run_of

RATE = 0.5


def run_with(*, compile_it: bool = False, **values: Any) -> tuple[Run, Learner, DS3LObjective]:
    config = config_of(
        method=DS3LConfig(virtual_lr=RATE, weight_lr=1e-2, ramp_share=0.01, **values),
        trunk={"frozen_through": "stage3"},
    )
    run = run_of([with_loop(config, compile=compile_it)])
    learner = learner_of(run, "0")
    assert isinstance(learner.objective, DS3LObjective)
    learner.start_epoch(0)
    return run, learner, learner.objective


def copied_upper(objective: DS3LObjective, views: dict[str, Tensor], labels: Tensor) -> float:
    """The upper loss in float64, by a step of a copy of the whole network."""
    made = copy.deepcopy(objective).double()
    first, second = (views[name].double() for name in ("weak1", "weak2"))
    n = len(labels)

    def logits(x: Tensor) -> Tensor:
        found: Tensor = made.head(made.tail(x))
        return found

    z1, z2 = logits(first), logits(second)
    p1, p2 = torch.softmax(z1[n:], 1), torch.softmax(z2[n:], 1)
    w = made.weights(p1)
    distance = ((p2 - p1.detach()) ** 2).sum(1) / p1.shape[1]
    loss = F.cross_entropy(z1[:n], labels) * n / len(z1) + 10 * (w * distance).sum() / w.sum()
    loss.backward()
    with torch.no_grad():
        for part in (made.tail, made.head):
            for weight in part.parameters():
                assert weight.grad is not None
                weight.sub_(RATE * weight.grad)
        return F.cross_entropy(logits(second[:n]), labels).item()


def test_the_upper_loss_and_its_slope_are_those_of_copied_networks() -> None:
    run, learner, objective = run_with()
    batch = run.batch(0, 0)
    slopes: list[dict[str, Tensor]] = []

    def noted(upper: Tensor, name: str, weights: list[Tensor]) -> None:
        assert name == "weights"
        names = [name for name, _ in objective.weights.named_parameters()]
        found = torch.autograd.grad(upper, weights, retain_graph=True)
        slopes.append(dict(zip(names, found, strict=True)))

    context = learner.context(batch)
    object.__setattr__(context, "step", noted)
    result = objective.loss(objective.outputs(batch.views), batch.labels, context)

    wanted = copied_upper(objective, dict(batch.views), batch.labels)
    assert result.diagnostics["loss_upper"].item() == pytest.approx(wanted, abs=1e-5)
    assert result.diagnostics["coefficient"].item() == pytest.approx(10.0)
    bias = objective.weights.out.bias
    sides = []
    for sign in (1, -1):
        with torch.no_grad():
            bias.add_(sign * 1e-2)
        sides.append(copied_upper(objective, dict(batch.views), batch.labels))
        with torch.no_grad():
            bias.sub_(sign * 1e-2)
    slope = (sides[0] - sides[1]) / 2e-2
    assert slopes[0]["out.bias"].item() == pytest.approx(slope, rel=1e-2, abs=1e-7)
    assert abs(slope) > 1e-6


def test_the_virtual_step_leaves_tail_and_head_as_they_are() -> None:
    run, learner, objective = run_with()
    batch = run.batch(0, 0)
    twin = copy.deepcopy(objective)
    outputs = objective.outputs(batch.views)
    twin.outputs(batch.views)

    objective.loss(outputs, batch.labels, learner.context(batch))

    for part in ("tail", "head"):
        for name, value in getattr(objective, part).state_dict().items():
            assert torch.equal(value, getattr(twin, part).state_dict()[name]), name
    changed = zip(objective.weights.parameters(), twin.weights.parameters(), strict=True)
    assert not any(torch.equal(one, other) for one, other in changed)


def test_the_real_step_has_the_new_weights_and_no_gradient_into_them() -> None:
    run, learner, objective = run_with()
    batch = run.batch(0, 0)
    outputs = objective.outputs(batch.views)

    result = objective.loss(outputs, batch.labels, learner.context(batch))

    with torch.no_grad():
        n = len(batch.labels)
        new = objective.weights(torch.softmax(outputs["weak1"].logits[n:], 1))
    assert result.diagnostics["weight_mean"].item() == pytest.approx(new.mean().item(), abs=1e-6)
    result.total.backward()  # type: ignore[no-untyped-call]
    assert all(weight.grad is None for weight in objective.weights.parameters())


def test_the_coefficient_rises_with_the_steps_of_all_epochs() -> None:
    run = run_of([config_of(method=DS3LConfig(ramp_share=0.5, lambda_max=4.0), epochs=4)])
    num_steps = run.batches.num_steps
    found = [run.train_epoch(epoch)["0"]["coefficient"] for epoch in range(3)]

    def mean(epoch: int) -> float:
        steps = [epoch * num_steps + i + 1 for i in range(num_steps)]
        ramp = [min(step / (2 * num_steps), 1.0) for step in steps]
        scaled = [4 * torch.exp(torch.tensor(-5 * (1 - x) ** 2)).item() for x in ramp]
        return sum(scaled) / num_steps

    assert found == pytest.approx([mean(0), mean(1), 4.0], rel=1e-5)


@pytest.mark.parametrize("score", ["confidence", "weight"])
def test_the_score_of_an_image(score: str) -> None:
    run, learner, objective = run_with(rejection_score=score, rejection_threshold=0.5)
    run.train_epoch(0)
    activations = run.plain_activations(torch.from_numpy(run.split.unlabeled))
    with torch.no_grad():
        probabilities = torch.softmax(learner.predict(activations).logits, 1)
        of = {"confidence": probabilities.amax(1), "weight": objective.weights(probabilities)}

    kept = learner.read(activations)
    found = torch.from_numpy(evaluate(run)["0"].predictions)

    assert torch.equal(kept["score"], of[score])
    assert torch.equal(found < 3, of[score] >= 0.5)


@pytest.fixture
def compiler() -> Iterator[None]:
    try:
        cpp_builder.get_cpp_compiler()
    except exc.InvalidCxxCompiler:
        pytest.skip("no C++ compiler")
    with inductor_config.patch(compile_threads=1):
        yield
    torch.compiler.reset()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.usefixtures("compiler")
def test_a_compiled_step_is_the_step_within_rounding() -> None:
    states = []
    for compile_it in (False, True):
        run, learner, objective = run_with(compile_it=compile_it)
        for step in range(2):
            learner.step(run.batch(0, step), step)
        states.append(objective.state_dict())
    for name, value in states[0].items():
        torch.testing.assert_close(states[1][name], value, rtol=1e-4, atol=1e-5)
