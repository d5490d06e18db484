"""FixMatch in a Run: the moving average, and what is evaluated."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor

from lps_sweep.methods.averaged import follow
from lps_sweep.methods.fixmatch import FixMatchConfig
from lps_sweep.methods.fixmatch.objective import FixMatchObjective
from lps_sweep.methods.kmeans import kmeans
from lps_sweep.methods.rejection import ids
from lps_sweep.methods.rejection.ids import open_world_ids
from lps_sweep.train import Run, evaluate
from lps_sweep.train.costs import step_costs
from tests.train.train_cases import config_of, learner_of, run_of, train


def run_with(decay: float, **values: float) -> tuple[Run, FixMatchObjective]:
    run = run_of([config_of(method=FixMatchConfig(ema_decay=decay, **values))])  # type: ignore[arg-type]
    objective = learner_of(run, "0").objective
    assert isinstance(objective, FixMatchObjective)
    return run, objective


def plain(run: Run) -> Tensor:
    return run.plain_activations(torch.from_numpy(run.split.unlabeled))


def test_the_average_is_that_of_the_weights_after_each_step() -> None:
    run, objective = run_with(0.75)
    pairs = [
        (objective.averaged_tail, objective.tail),
        (objective.averaged_head, objective.head),
    ]
    wanted = [[w.detach().double() for w in average.parameters()] for average, _ in pairs]
    learner = learner_of(run, "0")
    learner.start_epoch(0)
    for step in range(3):
        learner.step(run.batch(0, step), step)
        for numbers, (_, trained) in zip(wanted, pairs, strict=True):
            for i, weight in enumerate(trained.parameters()):
                numbers[i] = 0.75 * numbers[i] + 0.25 * weight.detach().double()
    for numbers, (average, trained) in zip(wanted, pairs, strict=True):
        for number, weight, last in zip(
            numbers, average.parameters(), trained.parameters(), strict=True
        ):
            torch.testing.assert_close(weight.double(), number, rtol=1e-6, atol=1e-7)
            assert not torch.equal(weight, last)
    buffers = dict(objective.averaged_tail.named_buffers())
    assert any(bool(value.any()) for name, value in buffers.items() if "running_mean" in name)
    for name, value in objective.tail.named_buffers():
        assert torch.equal(buffers[name], value)


def test_the_average_is_evaluated_and_the_weights_are_trained() -> None:
    run, objective = run_with(0.9)
    learner = learner_of(run, "0")
    run.train_epoch(0)
    activations = plain(run)

    found = learner.predict(activations)

    tail, head = (m.eval() for m in (objective.averaged_tail, objective.averaged_head))
    with torch.no_grad():
        assert torch.equal(found.logits, head(tail(activations)))
        assert not torch.equal(found.logits, objective.head(objective.tail.eval()(activations)))
    main = {id(w) for group in learner.optimizer.param_groups for w in group["params"]}
    assert not main & {id(w) for m in (tail, head) for w in m.parameters()}
    assert main == {id(w) for m in (objective.tail, objective.head) for w in m.parameters()}
    objective.train()
    output = objective.outputs({"weak1": activations[:4]})["weak1"]
    assert output.logits.requires_grad


def test_without_decay_the_weights_themselves_are_evaluated() -> None:
    run, objective = run_with(0.0)
    run.train_epoch(0)

    for one, other in (
        (objective.averaged_tail, objective.tail),
        (objective.averaged_head, objective.head),
    ):
        for name, value in one.state_dict().items():
            assert torch.equal(value, other.state_dict()[name]), name


def test_what_a_member_takes_has_the_average_in_it() -> None:
    run, objective = run_with(0.9)
    numbers = sum(w.numel() for m in (objective.tail, objective.head) for w in m.parameters())

    costs = step_costs(run, learner_of(run, "0"), steps=1)

    assert costs.member_bytes == 4 * (3 + 1) * numbers


def test_an_average_of_other_parts_is_refused() -> None:
    linear = torch.nn.Linear(2, 2)

    with pytest.raises(ValueError, match="shorter"):
        follow(copy.deepcopy(linear).requires_grad_(False), torch.nn.ReLU(), torch.tensor(0.1))


def test_only_the_last_epoch_has_all_runs_of_k_means(monkeypatch: pytest.MonkeyPatch) -> None:
    counts: list[int] = []

    def noted(features: Tensor, num_clusters: int, *, n_init: int, seed: int) -> Tensor:
        counts.append(n_init)
        return kmeans(features, num_clusters, n_init=n_init, seed=seed)

    monkeypatch.setattr(ids, "kmeans", noted)
    run, _ = run_with(0.9, n_init=4)
    evaluate(run)
    train(run, range(3))

    assert counts == [4, 1, 1, 4]


def test_an_evaluation_gives_the_ids_of_open_world_ids() -> None:
    run, _ = run_with(0.5, rejection_threshold=0.38)
    run.train_epoch(0)
    output = learner_of(run, "0").predict(plain(run))
    confidence, seen = torch.softmax(output.logits, 1).max(1)

    found = evaluate(run)["0"].predictions

    assert 0 < int((confidence >= 0.38).sum()) < len(seen)
    wanted = open_world_ids(seen, confidence >= 0.38, output.features, 3, 6)
    assert found.tolist() == wanted.tolist()
