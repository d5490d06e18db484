"""What every method of the table must pass."""

from __future__ import annotations

import dataclasses
import itertools
import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from lps_sweep.config import Config, build_config, config_from_flat, flat, trial_id
from lps_sweep.methods import METHODS, config_class, objective_class
from lps_sweep.params import section_fields
from lps_sweep.train import CheckpointSaved, EpochDone, Finished, Run, evaluate, train_pack
from tests.train.pack_cases import known, resumed, spec_of
from tests.train.train_cases import (
    EPOCHS,
    NUM_CLASSES,
    SEED,
    alone,
    apart,
    differences,
    learner_of,
    outcome,
    run_of,
    snapshot,
    split_of,
    train,
    two_configs,
)

IN_PHASES = ("dtc", "rankstats")
"""Methods of whose weights some learn in later epochs only."""


def one_config(method: str) -> Config:
    return two_configs(method)[0]


def identity(config: Config) -> str:
    return trial_id(config, SEED, data="d", split="s", trunk="t")


def epochs_of(method: str) -> int:
    """Epochs that show all phases of a method."""
    return EPOCHS + 1 if method in IN_PHASES else EPOCHS


def num_epochs(run: Run) -> range:
    return range(min(EPOCHS, run.num_epochs))


@pytest.mark.parametrize("method", METHODS)
class TestEachMethod:
    """A method that is one folder and one line in the table is held to this without more ado."""

    def test_its_configuration_builds_from_defaults(self, method: str) -> None:
        config = build_config({}, method=method)

        assert config.method == config_class(method)()
        assert config_from_flat(json.loads(json.dumps(flat(config)))) == config
        for info in section_fields("method", config_class(method)):
            assert info.param.help
            assert info.param.source
            assert info.param.accepts(info.default)
        with pytest.raises(dataclasses.FrozenInstanceError):
            config.method.name = "other"  # type: ignore[misc]

    def test_its_identity_is_stable(self, method: str) -> None:
        config = build_config({}, method=method)
        others = [build_config({}, method=other) for other in METHODS if other != method]
        changed = two_configs(method)[1].method

        again = config_from_flat(json.loads(json.dumps(flat(config))))

        assert identity(again) == identity(config)
        assert identity(config) not in map(identity, others)
        for name, value in dataclasses.asdict(changed).items():  # type: ignore[call-overload]
            if value != getattr(config.method, name):
                method_of = dataclasses.replace(config.method, **{name: value})  # type: ignore[type-var]
                one = dataclasses.replace(config, method=method_of)
                assert identity(one) != identity(config), name

    def test_its_loss_is_finite_and_reaches_all_that_learns_or_nothing(self, method: str) -> None:
        for config in two_configs(method, trunk={"frozen_through": "none"}):
            run = run_of([config])
            learner = learner_of(run, "0")
            batch = run.batch(0, 0)
            assert tuple(batch.views) == run.views
            learner.start_epoch(0)
            if not run.views:
                with pytest.raises(RuntimeError, match="trains nothing"):
                    learner.objective.loss({}, batch.labels, learner.context(batch))
                continue
            before = [weight.detach().clone() for weight in learner._weights]
            for epoch in range(run.num_epochs if method in IN_PHASES else 1):
                learner.start_epoch(epoch)
                outputs = learner.objective.outputs(batch.views)
                result = learner.objective.loss(outputs, batch.labels, learner.context(batch))
                assert result.total.ndim == 0
                assert math.isfinite(result.total.item())
                assert not any(value.requires_grad for value in result.diagnostics.values())
                result.total.backward()  # type: ignore[no-untyped-call]
            main = {id(w) for group in learner.optimizer.param_groups for w in group["params"]}
            assert len(main) >= 3 * 4 + 1
            for weight, first in zip(learner._weights, before, strict=True):
                if id(weight) in main:
                    assert weight.grad is not None
                    assert bool(weight.grad.isfinite().all())
                    assert bool(weight.grad.any())
                else:
                    assert not torch.equal(weight, first)

    def test_hidden_labels_never_reach_it(self, method: str) -> None:
        config = one_config(method)
        split = split_of(config)
        garbled = split.targets.copy()
        mixed = np.random.default_rng(0).permutation(garbled[split.unlabeled])
        # another number of each class: seen even where all images are predicted alike
        garbled[split.unlabeled] = (mixed + 1) % NUM_CLASSES
        run = run_of([config], split=dataclasses.replace(split, targets=garbled))

        epochs = epochs_of(method)
        found, wanted = outcome(run, epochs)["0"], alone(config, epochs=epochs)

        assert all(name.startswith("/metrics/") for name in differences(found, wanted))
        metrics, others = found["metrics"][-1], wanted["metrics"][-1]
        unseen = {name for name in metrics if metrics[name] != others[name]}
        assert {"acc_seen_subset", "acc_novel"} <= unseen
        assert all(name.startswith(("acc_", "nmi_", "novel_to_seen")) for name in unseen)

    def test_its_metrics_are_finite_numbers_of_fixed_names(self, method: str) -> None:
        rows = alone(one_config(method))["metrics"]

        learns = bool(objective_class(method).views)
        assert len(rows) == (EPOCHS if learns else 1)
        assert all(row.keys() == rows[0].keys() for row in rows)
        assert {"acc_all", "acc_novel_strict", "nmi_novel", "acc_gap"} <= rows[0].keys()
        assert ({"lr", "loss_total"} <= rows[0].keys()) == learns
        for row in rows:
            assert all(type(value) is float and math.isfinite(value) for value in row.values())

    def test_a_method_learns_or_leaves_all_as_it_was(self, method: str) -> None:
        config = one_config(method)
        run = run_of([config])
        end = {name: value for name, value in alone(config).items() if name != "metrics"}
        changed = differences(snapshot(run, "0"), end)
        of_head = [name for name in changed if name.startswith("/learner/head/")]
        assert bool(changed) == bool(of_head) == bool(run.views)

    def test_packed_equals_solo(self, method: str) -> None:
        assert apart(two_configs(method), epochs=epochs_of(method)) == []

    def test_its_state_makes_the_round_trip(self, method: str) -> None:
        configs = two_configs(method)
        cut = run_of(configs)
        train(cut, range(1))
        states = {member.trial_id: snapshot(cut, member.trial_id) for member in cut.members}
        again = run_of(configs)
        again.load_state(cut.state())
        for trial, state in states.items():
            learner_of(again, trial).load_state(state["learner"])
            assert differences(state, snapshot(again, trial)) == []
        rest = train(again, num_epochs(again)[1:])
        for trial, config in zip(states, configs, strict=True):
            wanted = alone(config)
            end = {**snapshot(again, trial), "metrics": wanted["metrics"][:1]}
            end["metrics"] += rest.get(trial, [])
            assert differences(end, wanted) == []

    def test_a_resumed_pack_equals_an_uninterrupted_one(self, method: str, tmp_path: Path) -> None:
        configs = dict(zip(("first", "second"), two_configs(method), strict=True))
        whole = list(train_pack(spec_of(tmp_path / "whole", configs)))
        for stop_after in (1, 2):
            spec = spec_of(tmp_path / f"cut{stop_after}", configs)
            seen = list(itertools.islice(train_pack(spec), stop_after))
            rest = list(train_pack(resumed(spec, seen[-1])))
            wanted = whole[stop_after:] or [[e for e in whole[-1] if isinstance(e, Finished)]]
            assert [known(batch) for batch in rest] == [known(batch) for batch in wanted]


def test_a_method_that_trains_nothing_has_one_epoch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configs = {"it": one_config("simclr_kmeans")}
    monkeypatch.setattr(Run, "batch", lambda *_: 1 / 0)

    (events,) = train_pack(spec_of(tmp_path, configs))

    assert [type(event) for event in events] == [EpochDone, CheckpointSaved, Finished]
    row, _, end = events
    assert isinstance(row, EpochDone)
    assert isinstance(end, Finished)
    assert (row.epoch, end.epoch, end.status) == (1, 1, "done")
    assert {**row.metrics, "trained_weights": 0.0} == dict(end.metrics)
    assert end.arrays["pi_hat"].shape == (0, 0)
    assert set(end.arrays["predictions"].tolist()) == set(range(6))


def test_more_classes_than_images_fail_one_member(monkeypatch: pytest.MonkeyPatch) -> None:
    run = run_of(two_configs("simclr_kmeans"))
    monkeypatch.setattr(learner_of(run, "0").objective, "_num_classes", 1000)
    assert list(evaluate(run)) == ["1"]
    assert [(d.trial_id, d.status) for d in run.departures] == [("0", "failed")]
    assert "n_samples" in run.departures[0].error
