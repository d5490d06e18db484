"""What members share: the trunk, its buffers, and evaluation."""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from lps_sweep.config import SplitConfig
from lps_sweep.data import make_split
from lps_sweep.data.views import make_view, plain_view
from lps_sweep.metrics import accuracies
from lps_sweep.models import build_network, split_network
from lps_sweep.train import Learner, Run, evaluate, evaluation
from lps_sweep.train.evaluation import kept_features
from tests.train.step_cases import with_loop
from tests.train.train_cases import (
    EPOCHS,
    SEED,
    alone,
    apart,
    backbone_of,
    config_of,
    differences,
    four_configs,
    image_set,
    learner_of,
    run_of,
    snapshot,
    train,
)


def weights_and_buffers(run: Run) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    weights = {name: w.detach().clone() for name, w in run.trunk.named_parameters()}
    return weights, {name: b.clone() for name, b in run.trunk.named_buffers()}


@pytest.mark.parametrize("frozen_through", ["stage1", "stage4"])
def test_frozen_weights_stay_and_their_buffers_move(frozen_through: str) -> None:
    run = run_of(four_configs({"frozen_through": frozen_through}))
    weights, buffers = weights_and_buffers(run)
    assert len(weights) == 3 * int(frozen_through[-1])
    train(run, range(2))
    now, moved = weights_and_buffers(run)
    assert differences(weights, now) == []
    assert len(differences(buffers, moved)) == len(buffers)


def test_frozen_buffers_stay_in_eval_mode() -> None:
    run = run_of(four_configs({"frozen_bn": "eval"}))
    _, buffers = weights_and_buffers(run)
    train(run, range(2))
    assert differences(buffers, weights_and_buffers(run)[1]) == []


@pytest.mark.parametrize("concat_views", [False, True])
def test_the_trunk_passes_weak1_weak2_strong_once_each(concat_views: bool) -> None:
    config = config_of(trunk={"concat_views": concat_views})
    run = run_of([config] * 3)
    network = build_network("small_cnn", 1)
    network.load_state_dict(backbone_of(config))
    trunk = split_network(network, "stage3")[0].train()
    run.train_epoch(0)
    with torch.no_grad():
        for step in range(run.batches.num_steps):
            batches = run.batches
            rows = torch.cat((batches.labeled_indices(0, step), batches.unlabeled_indices(0, step)))
            images = torch.from_numpy(image_set().images)[rows]
            views = [
                make_view(images, run.recipe, view, (SEED, 0, step))
                for view in ("weak1", "weak2", "strong")
            ]
            for view in [torch.cat(views)] if concat_views else views:
                trunk(view)
    # Another memory order sums in another order.
    torch.testing.assert_close(dict(run.trunk.named_buffers()), dict(trunk.named_buffers()))
    passes = 1 if concat_views else 3
    counts = [b for name, b in run.trunk.named_buffers() if "num_batches" in name]
    assert [count.item() for count in counts] == [passes * run.batches.num_steps] * 3


def test_the_order_of_the_views_shows_in_the_buffers() -> None:
    """The test above would see another order: the last view counts most."""
    config = config_of()
    ends = []
    for order in (("weak1", "weak2", "strong"), ("strong", "weak2", "weak1")):
        run = run_of([config])
        run.views = order
        run.batch(0, 0)
        ends.append(run.trunk[0][1].running_mean)  # type: ignore[index]
    assert not torch.allclose(*ends)


def test_activations_carry_no_gradient_and_one_memory_order() -> None:
    for frozen_through in ("none", "stage3"):
        run = run_of([config_of(trunk={"frozen_through": frozen_through})])
        batch = run.batch(0, 0)
        assert list(batch.views) == ["weak1", "weak2", "strong"]
        assert not any(view.requires_grad for view in batch.views.values())
        assert all(view.is_contiguous() for view in batch.views.values())
        assert batch.labels.shape == (run.batches.num_labeled,)
        assert batch.labels.max() < run.split.num_seen


@pytest.mark.parametrize("batch", [1000, 7])
def test_evaluation_is_the_whole_network_on_plain_images(
    batch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluation, "EVALUATION_BATCH", batch)
    config = config_of()
    images = image_set()
    split = make_split(images.labels, 6, SplitConfig(labeled_holdout=0.3))
    run = run_of([config, config_of(lps={"C": 0.0})], split=split)
    run.train_epoch(0)
    found = evaluate(run)
    for member in run.members:
        learner = member.learner
        network = torch.nn.Sequential(run.trunk, learner.tail, learner.head).eval()
        with torch.no_grad():
            logits = network(plain_view(torch.from_numpy(images.images), run.recipe))
        ids = logits.argmax(1).numpy()
        got = found[member.trial_id]
        np.testing.assert_array_equal(got.predictions, ids[split.unlabeled])
        wanted = accuracies(split.targets[split.unlabeled], ids[split.unlabeled], 3, 6)
        holdout = 100 * np.mean(ids[split.holdout] == split.targets[split.holdout])
        expected = {**wanted, "acc_holdout": pytest.approx(holdout)}
        assert {name: got.metrics[name] for name in expected} == expected


def test_evaluation_changes_nothing_and_passes_the_trunk_once_for_all() -> None:
    passed: list[int] = []
    run = run_of(four_configs())
    run.trunk.register_forward_hook(lambda _, given, __: passed.append(len(given[0])))
    before = [snapshot(run, str(i)) for i in range(4)]
    evaluate(run)
    assert passed == [len(run.split.unlabeled)]
    assert differences(before, [snapshot(run, str(i)) for i in range(4)]) == []


def test_training_is_the_same_without_evaluation() -> None:
    plain = run_of([config_of()])
    for epoch in range(EPOCHS):
        plain.train_epoch(epoch)
    wanted = {name: value for name, value in alone(config_of()).items() if name != "metrics"}
    assert differences(wanted, snapshot(plain, "0")) == []


def test_a_failure_in_evaluation_ends_one_member(monkeypatch: pytest.MonkeyPatch) -> None:
    run = run_of(four_configs())
    run.train_epoch(0)
    unwell = learner_of(run, "2")
    monkeypatch.setattr(unwell.head, "forward", lambda _: 1 / 0)
    assert sorted(evaluate(run)) == ["0", "1", "3"]
    assert [(d.trial_id, d.status) for d in run.departures] == [("2", "failed")]
    assert "ZeroDivisionError" in run.departures[0].error


def test_a_run_without_members_computes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    run = run_of([config_of()])
    run.members.clear()
    monkeypatch.setattr(Run, "_pass_trunk", lambda *_: 1 / 0)
    assert run.train_epoch(0) == {}
    assert evaluate(run) == {}


def test_a_member_that_leaves_frees_its_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    run = run_of(four_configs()[:2])
    gone: list[bool] = []
    unwell = weakref.ref(learner_of(run, "0"))
    step = Learner.step

    def stumble(self: Learner, *args: Any) -> None:
        if self is unwell():
            raise torch.OutOfMemoryError("planted")
        step(self, *args)
        gone.append(unwell() is None)

    monkeypatch.setattr(Learner, "step", stumble)
    run.train_epoch(0)
    assert gone[-1]
    assert [m.trial_id for m in run.members] == ["1"]


def test_kept_features_are_those_of_evenly_spaced_unlabeled_images(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(evaluation, "NUM_KEPT_FEATURES", 5)
    run = run_of(four_configs()[:2])
    indices, features = kept_features(run)
    unlabeled = run.split.unlabeled
    assert indices.tolist() == [unlabeled[i * (len(unlabeled) - 1) // 4] for i in range(5)]
    assert sorted(features) == ["0", "1"]
    assert features["0"].shape == (5, 64)
    assert features["0"].dtype == np.float32


def test_buffers_of_another_trunk_are_refused() -> None:
    run, other = run_of([config_of()]), run_of([config_of(trunk={"frozen_through": "stage1"})])
    with pytest.raises(KeyError, match="another trunk"):
        run.load_state(other.state())


def test_bfloat16_trains_and_members_stay_independent() -> None:
    assert apart([with_loop(c, precision="bfloat16") for c in four_configs()[:2]], epochs=2) == []
    assert not torch.is_autocast_enabled("cpu")
