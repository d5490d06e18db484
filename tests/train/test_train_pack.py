"""A pack from its specification to its events: resumes, ends, files."""

from __future__ import annotations

import dataclasses
import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from lps_sweep.errors import StorageError
from lps_sweep.train import (
    Checkpoint,
    CheckpointSaved,
    EpochDone,
    Event,
    Finished,
    Learner,
    Run,
    load_state,
    pack,
    save_state,
    train_pack,
)
from lps_sweep.train.device import peak_memory
from tests.train.pack_cases import (
    EPOCHS,
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
from tests.train.train_cases import CPU, config_of, differences

NAMES = ("first", "second")
NUM_WEIGHTS = 64 * 64 * 9 + 2 * 64 + 6 * 64
"""One convolution of 64 channels with its normalisation, and a head of six classes."""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> list[list[Event]]:
    """The events of the pack, trained in one go."""
    return list(train_pack(spec_of(tmp_path_factory.mktemp("whole"))))


def test_the_events_of_a_pack(whole: list[list[Event]]) -> None:
    assert len(whole) == EPOCHS
    for epoch, batch in enumerate(whole, start=1):
        kinds = [EpochDone, EpochDone, CheckpointSaved, CheckpointSaved]
        kinds += [Finished, Finished] if epoch == EPOCHS else []
        assert [type(event) for event in batch] == kinds
        assert [event.trial_id for event in batch] == [*NAMES] * (len(kinds) // 2)
        for event in batch:
            if isinstance(event, EpochDone):
                assert event.epoch == epoch
                assert event.seconds > 0
                assert {"acc_all", "nmi_novel", "loss_total", "pc", "lr"} <= event.metrics.keys()
                assert np.isfinite(list(event.metrics.values())).all()
    last = of_trial(whole, "first")[-1]
    assert isinstance(last, Finished)
    assert (last.status, last.epoch, last.error) == ("done", EPOCHS, "")
    epochs = [event for event in of_trial(whole, "first") if isinstance(event, EpochDone)]
    assert last.metrics.items() - epochs[-1].metrics.items() == {("trained_weights", NUM_WEIGHTS)}


def test_a_gpu_s_peak_of_memory_is_that_of_the_pack(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert peak_memory(CPU) == {}
    calls: list[str] = []
    monkeypatch.setattr(pack, "forget_peak_memory", lambda _: calls.append("forget"))
    monkeypatch.setattr(pack, "peak_memory", lambda _: {"peak_memory_mb": float(len(calls))})
    ends = ends_of(list(train_pack(spec_of(tmp_path, configs_of(epochs=1)))))
    assert [end.metrics["peak_memory_mb"] for end in ends] == [1, 1]
    assert calls == ["forget"]


def test_the_arrays_of_a_finished_trial(whole: list[list[Event]]) -> None:
    last = of_trial(whole, "second")[-1]
    assert isinstance(last, Finished)
    arrays = last.arrays
    num_unlabeled = len(arrays["unlabeled_indices"])
    assert arrays["targets"].shape == arrays["predictions"].shape == (num_unlabeled,)
    assert arrays["pi_hat"].shape == (EPOCHS, 6)
    assert arrays["features"].shape == (len(arrays["feature_indices"]), 64)
    assert set(arrays["feature_indices"]) <= set(arrays["unlabeled_indices"])
    strict = 100 * np.mean(arrays["targets"] == arrays["predictions"])
    assert 0 <= strict <= last.metrics["acc_all"] + 1e-9


@pytest.mark.parametrize(
    ("trunk", "stops"), [({}, (1, EPOCHS)), ({"frozen_through": "none"}, (2,))], ids=str
)
def test_a_resumed_pack_equals_an_uninterrupted_one(
    tmp_path: Path, trunk: dict[str, Any], stops: tuple[int, ...]
) -> None:
    configs = configs_of(trunk=trunk)
    wanted: list[list[dict[str, Any]]] = [
        [facts(event) for event in batch]
        for batch in train_pack(spec_of(tmp_path / "whole", configs))
    ]
    for stop_after in stops:
        spec = spec_of(tmp_path / f"cut{stop_after}", configs)
        seen = list(itertools.islice(train_pack(spec), stop_after))
        rest = [[facts(e) for e in batch] for batch in train_pack(resumed(spec, seen[-1]))]
        ends = [[end for end in wanted[-1] if end["kind"] == "Finished"]]
        assert differences(rest, wanted[stop_after:] or ends) == []
        assert [epochs_on_disk(spec.checkpoints / name) for name in NAMES] == [{EPOCHS}] * 2


def test_a_resume_without_the_momentum_would_be_seen(
    tmp_path: Path, whole: list[list[Event]]
) -> None:
    spec = spec_of(tmp_path)
    member = resumed(spec, next(train_pack(spec))).members[0]
    assert member.checkpoint is not None
    state = load_state(member.checkpoint.member, CPU)
    for entry in state["optimizer"]["state"].values():
        entry["momentum_buffer"].zero_()
    forged = Checkpoint(1, save_state(state, tmp_path, "forged"), member.checkpoint.run)
    member = dataclasses.replace(member, checkpoint=forged)
    rest = list(train_pack(dataclasses.replace(spec, members=(member,))))
    assert not same(of_trial(rest, "first")[-1:], of_trial(whole, "first")[-1:])


def test_checkpoints_wait_for_their_interval_but_the_last_epoch_has_one(tmp_path: Path) -> None:
    batches = list(train_pack(spec_of(tmp_path, checkpoint_interval_s=3600.0)))
    saved = [e for batch in batches for e in batch if isinstance(e, CheckpointSaved)]
    assert [(e.trial_id, e.checkpoint.epoch) for e in saved] == [(n, EPOCHS) for n in NAMES]


def test_two_checkpoints_are_kept_in_training_and_one_afterwards(tmp_path: Path) -> None:
    spec = spec_of(tmp_path, configs_of(epochs=5))
    kept = []
    for _ in train_pack(spec):
        kept.append([epochs_on_disk(spec.checkpoints / name) for name in NAMES])
    # When an epoch is reported, the older files are still there: nobody has yet taken note.
    assert kept == [[{1}] * 2, [{1, 2}] * 2, [{1, 2, 3}] * 2, [{2, 3, 4}] * 2, [{3, 4, 5}] * 2]
    assert [epochs_on_disk(spec.checkpoints / name) for name in NAMES] == [{5}] * 2


def plant(monkeypatch: pytest.MonkeyPatch, what: Exception, at_epoch: int) -> None:
    """`what` is raised by the learner with the smaller C, in the epoch counted from 0."""
    step = Learner.step

    def stumble(self: Learner, *args: Any) -> None:
        if self._epoch == at_epoch and getattr(self.config.method, "C") == 1.0:  # noqa: B009
            raise what
        step(self, *args)

    monkeypatch.setattr(Learner, "step", stumble)


@pytest.mark.parametrize(
    ("what", "status", "kept"),
    [
        (ValueError("planted"), "failed", {2}),
        (torch.OutOfMemoryError("planted"), "out_of_memory", {1, 2}),
    ],
)
def test_a_member_ends_alone(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    what: Exception,
    status: str,
    kept: set[int],
) -> None:
    plant(monkeypatch, what, at_epoch=2)
    spec = spec_of(tmp_path)
    batches = list(train_pack(spec))
    ended = of_trial(batches, "second")
    assert [type(e) for e in ended] == [EpochDone, CheckpointSaved] * 2 + [Finished]
    last = ended[-1]
    assert isinstance(last, Finished)
    assert (last.status, last.epoch, dict(last.metrics), dict(last.arrays)) == (status, 2, {}, {})
    assert "planted" in last.error
    assert epochs_on_disk(spec.checkpoints / "second") == kept
    assert same(of_trial(batches, "first"), alone(tmp_path, configs_of()["first"]))


def test_a_diverging_member_ends_alone_and_the_stream_ends_with_the_last_one(
    tmp_path: Path,
) -> None:
    wild = {"lr": 1e38}
    configs = {"first": config_of(epochs=EPOCHS), "wild": config_of(epochs=EPOCHS, schedule=wild)}
    ends = ends_of(list(train_pack(spec_of(tmp_path, configs))))
    assert [(e.trial_id, e.status, e.epoch) for e in ends] == [
        ("wild", "diverged", 0),
        ("first", "done", EPOCHS),
    ]
    assert "epoch 1" in ends[0].error
    assert [type(event) for event in alone(tmp_path, configs["wild"])] == [Finished]


def test_what_is_not_a_members_fault_is_raised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Run, "batch", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        next(train_pack(spec_of(tmp_path)))


@pytest.mark.parametrize("part", ["member", "run", "backbone"])
def test_a_damaged_file_is_an_error_that_names_it(tmp_path: Path, part: str) -> None:
    spec = spec_of(tmp_path)
    again = resumed(spec, next(train_pack(spec)))
    checkpoint = again.members[0].checkpoint
    assert checkpoint is not None
    file = {"member": checkpoint.member, "run": checkpoint.run, "backbone": spec.backbone}[part]
    content = bytearray(file.path.read_bytes())
    content[len(content) // 2] ^= 1
    file.path.write_bytes(content)
    with pytest.raises(StorageError, match=file.path.name):
        next(train_pack(again))


def test_members_at_different_states_are_refused(tmp_path: Path) -> None:
    spec = spec_of(tmp_path)
    one, two = itertools.islice(train_pack(spec), 2)
    mixed = (resumed(spec, one).members[0], resumed(spec, two).members[1])
    for members in (mixed, (mixed[0], spec.members[1])):
        with pytest.raises(ValueError, match="same state"):
            next(train_pack(dataclasses.replace(spec, members=members)))


def test_the_pack_sets_its_number_of_threads(tmp_path: Path) -> None:
    next(train_pack(spec_of(tmp_path, configs_of(epochs=1), num_threads=2)))
    assert torch.get_num_threads() == 2
