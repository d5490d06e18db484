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
from tests.train.pack_cases import (
    alone,
    configs_of,
    ends_of,
    epochs_on_disk,
    facts,
    of_trial,
    resumed,
    same,
    spec_of,
)
from tests.train.train_cases import differences

EPOCHS = 4


def configs(*names: str, trunk: dict[str, Any] | None = None) -> dict[str, Config]:
    return configs_of(*names, epochs=EPOCHS, trunk=trunk)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> list[list[Event]]:
    """The events of two members of which none was ended."""
    spec = spec_of(tmp_path_factory.mktemp("whole"), configs("first", "second"))
    return list(train_pack(spec))


def trained(spec: PackSpec, ends: dict[int, set[str]]) -> list[list[Event]]:
    """All events, where the members in `ends` are ended after these epochs, counted from 1."""
    asked = iter(range(1, EPOCHS + 1))

    def stopped() -> Collection[str]:
        return ends.get(next(asked), set())

    return list(train_pack(spec, stopped))


@pytest.mark.parametrize(
    ("trunk", "rungs"), [(None, (1, 3)), ({"frozen_through": "none"}, (2,))], ids=str
)
def test_the_others_go_on_as_if_it_had_never_been_there(
    tmp_path: Path, trunk: dict[str, Any] | None, rungs: tuple[int, ...]
) -> None:
    bare = spec_of(tmp_path / "bare", configs("first", "third", trunk=trunk))
    without = list(train_pack(bare))
    for rung in rungs:
        spec = spec_of(
            tmp_path / str(rung), configs("first", "second", "third", trunk=trunk), rungs=(rung,)
        )
        batches = trained(spec, {rung: {"second"}})
        for name in ("first", "third"):
            assert same(of_trial(batches, name), of_trial(without, name))
            ours, theirs = (facts(of_trial(found, name)[-2]) for found in (batches, without))
            assert ours["kind"] == "CheckpointSaved"
            assert differences(ours, theirs) == []
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
    assert not same(of_trial(batches, "first"), alone(tmp_path, configs("first")["first"]))


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


def test_who_is_taken_up_again_ends_as_if_never_stopped(
    tmp_path: Path, whole: list[list[Event]]
) -> None:
    spec = spec_of(tmp_path, configs("first", "second"), rungs=(2,))
    batches = trained(spec, {2: {"second"}})
    again = resumed(spec_of(tmp_path, configs("second")), of_trial(batches, "second"))
    rest = of_trial(list(train_pack(again)), "second")
    assert len(rest) == 5
    assert same(rest, of_trial(whole, "second")[-5:])


def test_a_pack_that_waits_ends_at_the_rung_and_goes_on_from_there(
    tmp_path: Path, whole: list[list[Event]]
) -> None:
    spec = spec_of(tmp_path, configs("first", "second"), rungs=(2,), until=2)
    batches = trained(spec, {})
    assert (len(batches), ends_of(batches)) == (2, [])
    rest = list(train_pack(resumed(spec_of(tmp_path, configs("first", "second")), batches[-1])))
    for name in ("first", "second"):
        assert same(of_trial([*batches, *rest], name), of_trial(whole, name))


def test_a_pack_without_rungs_is_never_asked(tmp_path: Path) -> None:
    def never() -> Collection[str]:
        raise AssertionError("asked")

    assert list(train_pack(spec_of(tmp_path, configs_of("first", epochs=1)), never))


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
        ("nmi_novel", float("-inf"), "nmi_novel is -inf after epoch 2"),
        ("acc_all", ..., "acc_all is missing after epoch 2"),
    ],
)
def test_a_metric_that_is_no_number_ends_its_member_at_once(
    tmp_path: Path,
    spoilt: dict[str, Any],
    whole: list[list[Event]],
    name: str,
    value: Any,
    says: str,
) -> None:
    spoilt[name] = value
    spec = spec_of(tmp_path, configs("first", "second"), needed=("acc_all",))
    batches = list(train_pack(spec))
    ended = of_trial(batches, "second")
    assert [type(event) for event in ended] == [EpochDone, CheckpointSaved, Finished]
    last = ended[-1]
    assert isinstance(last, Finished)
    assert (last.status, last.epoch, last.error) == ("diverged", 1, says)
    assert same(of_trial(batches, "first"), of_trial(whole, "first"))


def test_what_nobody_needs_may_be_missing(tmp_path: Path, spoilt: dict[str, Any]) -> None:
    spoilt["nmi_novel"] = ...
    spec = spec_of(tmp_path, configs("second"), needed=("acc_all",))
    assert [end.status for end in ends_of(list(train_pack(spec)))] == ["done"]
