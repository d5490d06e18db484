"""What every method of the table must pass."""

from __future__ import annotations

import dataclasses
import itertools
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lps_sweep.config import Config, build_config, config_from_flat, flat, trial_id
from lps_sweep.config.fields import section_fields
from lps_sweep.methods import METHODS, config_class
from lps_sweep.methods.protocol import StepContext
from lps_sweep.train import (
    CheckpointSaved,
    EpochDone,
    Event,
    Finished,
    Run,
    evaluate,
    pack,
    train_pack,
)
from tests.train.test_train_pack import resumed, spec_of, without_seconds
from tests.train.train_cases import (
    SEED,
    config_of,
    differences,
    image_set,
    learner_of,
    run_of,
    snapshot,
    split_of,
    train,
    two_configs,
)

EPOCHS = 3


def one_config(method: str) -> Config:
    return two_configs(method)[0]


def identity(config: Config) -> str:
    return trial_id(config, SEED, data="d", split="s", trunk="t")


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
            context = StepContext(learner.num_seen, learner._progress, batch.draws)
            outputs = learner._outputs(batch.views) if run.views else {}
            result = learner.objective.loss(outputs, batch.labels, context)
            assert result.total.ndim == 0
            assert math.isfinite(result.total.item())
            assert not any(value.requires_grad for value in result.diagnostics.values())
            assert result.total.requires_grad == bool(run.views)
            if run.views:
                result.total.backward()  # type: ignore[no-untyped-call]
                gradients = [weight.grad for weight in learner._weights]
                assert len(gradients) == 3 * 4 + 1
                for gradient in gradients:
                    assert gradient is not None
                    assert bool(gradient.isfinite().all())
                    assert bool(gradient.any())

    def test_hidden_labels_never_reach_it(self, method: str) -> None:
        config = one_config(method)
        split = split_of(config)
        garbled = split.targets.copy()
        garbled[split.unlabeled] = np.random.default_rng(0).permutation(garbled[split.unlabeled])
        ends, metrics = [], []
        for targets in (split.targets, garbled):
            run = run_of([config], split=dataclasses.replace(split, targets=targets))
            metrics.append(train(run, num_epochs(run))["0"][-1])
            ends.append(snapshot(run, "0"))
        assert differences(*ends) == []
        unseen = {name for name in metrics[0] if metrics[0][name] != metrics[1][name]}
        assert {"acc_seen", "acc_novel"} <= unseen
        assert all(name.startswith(("acc_", "nmi_", "novel_to_seen")) for name in unseen)

    def test_its_metrics_are_finite_numbers_of_fixed_names(self, method: str) -> None:
        run = run_of([one_config(method)])

        rows = train(run, num_epochs(run))["0"]

        assert len(rows) == len(num_epochs(run))
        assert all(row.keys() == rows[0].keys() for row in rows)
        assert {"acc_all", "acc_novel_strict", "nmi_novel", "acc_gap"} <= rows[0].keys()
        assert ({"lr", "loss_total"} <= rows[0].keys()) == bool(run.views)
        for row in rows:
            assert all(type(value) is float and math.isfinite(value) for value in row.values())

    def test_a_method_learns_or_leaves_all_as_it_was(self, method: str) -> None:
        run = run_of([one_config(method)])
        before = snapshot(run, "0")
        train(run, num_epochs(run))
        changed = differences(before, snapshot(run, "0"))
        assert bool(changed) == bool(run.views)
        assert ("/learner/head/weight" in changed) == bool(run.views)

    def test_packed_equals_solo(self, method: str) -> None:
        configs = two_configs(method)
        both = run_of(configs)
        history = train(both, num_epochs(both))
        for i, config in enumerate(configs):
            solo = run_of({str(i): config})
            assert train(solo, num_epochs(solo))[str(i)] == history[str(i)]
            assert differences(snapshot(both, str(i)), snapshot(solo, str(i))) == []
        assert not both.departures

    def test_its_state_makes_the_round_trip(self, method: str) -> None:
        configs = two_configs(method)
        whole = run_of(configs)
        history = train(whole, num_epochs(whole))
        cut = run_of(configs)
        train(cut, range(1))
        states = {member.trial_id: snapshot(cut, member.trial_id) for member in cut.members}
        again = run_of(configs)
        again.load_state({"trunk_buffers": dict(cut.trunk.named_buffers())})
        for trial, state in states.items():
            learner_of(again, trial).load_state(state["learner"])
            assert differences(state, snapshot(again, trial)) == []
        rest = train(again, num_epochs(again)[1:])
        for trial in states:
            assert rest.get(trial, []) == history[trial][1:]
            assert differences(snapshot(whole, trial), snapshot(again, trial)) == []

    @pytest.mark.parametrize("stop_after", [1, 2])
    def test_a_resumed_pack_equals_an_uninterrupted_one(
        self, method: str, stop_after: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(pack, "load", lambda _: image_set())
        configs = dict(zip(("first", "second"), two_configs(method), strict=True))
        whole = list(train_pack(spec_of(tmp_path / "whole", configs)))
        spec = spec_of(tmp_path / "cut", configs)
        seen = list(itertools.islice(train_pack(spec), stop_after))
        rest = list(train_pack(resumed(spec, seen[-1])))
        wanted = whole[stop_after:] or [[e for e in whole[-1] if isinstance(e, Finished)]]
        assert facts(rest) == facts(wanted)


def facts(batches: list[list[Event]]) -> list[list[dict[str, Any]]]:
    return [[json.loads(json.dumps(without_seconds(e))) for e in batch] for batch in batches]


def test_a_method_that_trains_nothing_has_one_epoch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pack, "load", lambda _: image_set())
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


def test_methods_do_not_share_a_run() -> None:
    run = run_of([config_of()])
    for method in ("orca", "simclr_kmeans"):
        with pytest.raises(ValueError, match="differs in what a pack shares"):
            run.add("stranger", one_config(method))
