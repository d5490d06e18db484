"""Members that are ended from outside, at a rung, and members without a number."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

import pytest

from lps_sweep.config import Config
from lps_sweep.train import CheckpointSaved, EpochDone, Event, Finished, PackSpec, pack, train_pack
from lps_sweep.train.evaluation import Evaluation
from lps_sweep.train.run import Run
from tests.train.test_train_pack import (
    checkpoint_states,
    epochs_on_disk,
    of_trial,
    resumed,
    spec_of,
    without_seconds,
)
from tests.train.train_cases import config_of, differences, image_set

EPOCHS = 4


@pytest.fixture(autouse=True)
def small_images(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pack, "load", lambda _: image_set())


def configs(*names: str, trunk: dict[str, Any] | None = None) -> dict[str, Config]:
    known = {"first": {}, "second": {"C": 1.0, "pi_ema": 0.5}, "third": {"C": 3.0}}
    return {n: config_of(epochs=EPOCHS, lps=known[n], trunk=trunk) for n in names}


def trained(spec: PackSpec, ends: dict[int, set[str]]) -> list[list[Event]]:
    """All events, where the members in `ends` are ended after these epochs, counted from 1."""
    asked = iter(range(1, EPOCHS + 1))

    def stopped() -> Collection[str]:
        return ends.get(next(asked), set())

    return list(train_pack(spec, stopped))


def same(ours: list[Event], theirs: list[Event]) -> bool:
    return len(ours) == len(theirs) and all(
        not differences(without_seconds(a), without_seconds(b))
        for a, b in zip(ours, theirs, strict=True)
    )


@pytest.mark.parametrize("trunk", [None, {"frozen_through": "none"}], ids=str)
@pytest.mark.parametrize("rung", [1, 2, 3])
def test_the_others_go_on_as_if_it_had_never_been_there(
    tmp_path: Path, rung: int, trunk: dict[str, Any] | None
) -> None:
    spec = spec_of(tmp_path, configs("first", "second", "third", trunk=trunk), rungs=(rung,))
    batches = trained(spec, {rung: {"second"}})
    bare = spec_of(tmp_path / "bare", configs("first", "third", trunk=trunk))
    without = list(train_pack(bare))
    for name in ("first", "third"):
        assert same(of_trial(batches, name), of_trial(without, name))
        ours, theirs = (
            [e for e in of_trial(found, name) if isinstance(e, CheckpointSaved)][-1]
            for found in (batches, without)
        )
        assert differences(checkpoint_states(ours), checkpoint_states(theirs)) == []
    kinds = [type(event) for event in of_trial(batches, "second")]
    assert kinds == [EpochDone, CheckpointSaved] * rung, "no event of its own"


def test_a_member_that_left_some_state_behind_would_be_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def careless(run: Run, spec: PackSpec, stopped: Collection[str], epoch: int) -> None:
        del spec, epoch
        for member in [m for m in run.members if m.trial_id in stopped]:
            run.members.remove(member)
            weight = next(iter(run.members[0].learner.head.parameters()))
            weight.data += 1e-6

    monkeypatch.setattr(pack, "_dismiss", careless)
    spec = spec_of(tmp_path, configs("first", "second"), rungs=(1,))
    batches = trained(spec, {1: {"second"}})
    without = list(train_pack(spec_of(tmp_path / "bare", configs("first"))))
    assert not same(of_trial(batches, "first"), of_trial(without, "first"))


def test_a_rung_is_saved_whatever_the_interval_and_one_checkpoint_stays(tmp_path: Path) -> None:
    spec = spec_of(tmp_path, configs("first", "second"), rungs=(2,), checkpoint_interval_s=3600.0)
    batches = trained(spec, {2: {"second"}})
    saved = [
        (e.trial_id, e.checkpoint.epoch)
        for b in batches
        for e in b
        if isinstance(e, CheckpointSaved)
    ]
    assert saved == [("first", 2), ("second", 2), ("first", EPOCHS)]
    assert epochs_on_disk(spec.checkpoints / "second") == {2}
    assert epochs_on_disk(spec.checkpoints / "first") == {EPOCHS}


def test_who_is_taken_up_again_ends_as_if_never_stopped(tmp_path: Path) -> None:
    spec = spec_of(tmp_path, configs("first", "second"), rungs=(2,))
    batches = trained(spec, {2: {"second"}})
    alone = spec_of(tmp_path, configs("second"))
    rest = list(train_pack(resumed(alone, of_trial(batches, "second"))))
    whole = list(train_pack(spec_of(tmp_path / "whole", configs("second"))))
    assert same(
        of_trial(rest, "second"), of_trial(whole, "second")[-len(of_trial(rest, "second")) :]
    )


def test_a_pack_that_waits_ends_at_the_rung_and_goes_on_from_there(tmp_path: Path) -> None:
    spec = spec_of(tmp_path, configs("first", "second"), rungs=(2,), until=2)
    batches = trained(spec, {})
    assert len(batches) == 2
    assert not any(isinstance(event, Finished) for batch in batches for event in batch)
    rest = list(train_pack(resumed(spec_of(tmp_path, configs("first", "second")), batches[-1])))
    whole = list(train_pack(spec_of(tmp_path / "whole", configs("first", "second"))))
    for name in ("first", "second"):
        assert same(of_trial([*batches, *rest], name), of_trial(whole, name))


def test_a_pack_without_rungs_is_never_asked(tmp_path: Path) -> None:
    def never() -> Collection[str]:
        raise AssertionError("asked")

    assert list(train_pack(spec_of(tmp_path, configs("first")), never))


def test_the_pack_ends_when_all_its_members_were_ended(tmp_path: Path) -> None:
    spec = spec_of(tmp_path, configs("first", "second"), rungs=(1,))
    assert len(trained(spec, {1: {"first", "second"}})) == 1


@pytest.fixture
def spoilt(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Metrics of the second epoch of the member with the smaller C; an Ellipsis takes one away."""
    changes: dict[str, Any] = {}
    whole = pack.train_and_evaluate  # type: ignore[attr-defined]

    def change(run: Run, epoch: int) -> tuple[dict[str, dict[str, float]], dict[str, Evaluation]]:
        training, evaluations = whole(run, epoch)
        for member in run.members:
            if epoch == 1 and getattr(member.learner.config.method, "C") == 1.0:  # noqa: B009
                metrics = evaluations[member.trial_id].metrics
                for name, value in changes.items():
                    if value is ...:
                        metrics.pop(name, None)
                    else:
                        metrics[name] = value
        return training, evaluations

    monkeypatch.setattr(pack, "train_and_evaluate", change)
    return changes


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("acc_all", float("nan"), "acc_all is nan after epoch 2"),
        ("acc_all", float("inf"), "acc_all is inf after epoch 2"),
        ("nmi_novel", float("-inf"), "nmi_novel is -inf after epoch 2"),
        ("acc_all", "1.0", "acc_all is 1.0 after epoch 2"),
        ("acc_all", ..., "acc_all is missing after epoch 2"),
    ],
)
def test_a_metric_that_is_no_number_ends_its_member_at_once(
    tmp_path: Path, spoilt: dict[str, Any], name: str, value: Any, says: str
) -> None:
    spoilt[name] = value
    spec = spec_of(tmp_path, configs("first", "second"), needed=("acc_all",))
    batches = list(train_pack(spec))
    ended = of_trial(batches, "second")
    assert [type(event) for event in ended] == [EpochDone, CheckpointSaved, Finished]
    last = ended[-1]
    assert isinstance(last, Finished)
    assert (last.status, last.epoch, last.error) == ("diverged", 1, says)
    spoilt.clear()
    alone = list(train_pack(spec_of(tmp_path / "alone", configs("first"))))
    assert same(of_trial(batches, "first"), of_trial(alone, "first"))


def test_what_nobody_needs_may_be_missing(tmp_path: Path, spoilt: dict[str, Any]) -> None:
    spoilt["nmi_novel"] = ...
    ends = [
        event.status
        for batch in train_pack(spec_of(tmp_path, configs("second"), needed=("acc_all",)))
        for event in batch
        if isinstance(event, Finished)
    ]
    assert ends == ["done"]
