"""A pack from its specification to its events: resumes, ends, files."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from lps_sweep.config import Config
from lps_sweep.errors import StorageError
from lps_sweep.train import (
    Checkpoint,
    CheckpointSaved,
    EpochDone,
    Event,
    Finished,
    Learner,
    MemberSpec,
    PackSpec,
    Run,
    load_state,
    pack,
    save_state,
    train_pack,
)
from lps_sweep.train.device import peak_memory
from tests.train.train_cases import CPU, SEED, backbone_of, config_of, differences, image_set

EPOCHS = 3
NAMES = ("first", "second")
NUM_WEIGHTS = 64 * 64 * 9 + 2 * 64 + 6 * 64
"""One convolution of 64 channels with its normalisation, and a head of six classes."""


@pytest.fixture(autouse=True)
def small_images(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pack, "load", lambda _: image_set())


def configs_of(**settings: Any) -> dict[str, Config]:
    return {
        "first": config_of(epochs=EPOCHS, **settings),
        "second": config_of(epochs=EPOCHS, lps={"C": 1.0, "pi_ema": 0.5}, **settings),
    }


def spec_of(folder: Path, configs: dict[str, Config], **changes: Any) -> PackSpec:
    spec = PackSpec(
        members=tuple(MemberSpec(trial_id, config) for trial_id, config in configs.items()),
        seed=SEED,
        backbone=save_state(backbone_of(next(iter(configs.values()))), folder, "backbone"),
        checkpoints=folder / "checkpoints",
        checkpoint_interval_s=0.0,
        device="cpu",
        num_threads=1,
    )
    return dataclasses.replace(spec, **changes)


def resumed(spec: PackSpec, events: Sequence[Event]) -> PackSpec:
    """The same pack from the checkpoints in `events`."""
    saved = {e.trial_id: e.checkpoint for e in events if isinstance(e, CheckpointSaved)}
    members = [dataclasses.replace(m, checkpoint=saved[m.trial_id]) for m in spec.members]
    return dataclasses.replace(spec, members=tuple(members))


def of_trial(events: Sequence[Sequence[Event]], trial_id: str) -> list[Event]:
    return [event for batch in events for event in batch if event.trial_id == trial_id]


def without_seconds(event: Event) -> dict[str, Any]:
    facts = {**vars(event), "kind": type(event).__name__, "seconds": 0, "checkpoint": None}
    facts["arrays"] = {name: a.tolist() for name, a in facts.get("arrays", {}).items()}
    return facts


def checkpoint_states(event: CheckpointSaved) -> dict[str, Any]:
    saved = event.checkpoint
    return {"own": load_state(saved.member, CPU), "shared": load_state(saved.run, CPU)}


def test_the_events_of_a_pack(tmp_path: Path) -> None:
    batches = list(train_pack(spec_of(tmp_path, configs_of())))
    assert len(batches) == EPOCHS
    for epoch, batch in enumerate(batches, start=1):
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
    last = of_trial(batches, "first")[-1]
    assert isinstance(last, Finished)
    assert (last.status, last.epoch, last.error) == ("done", EPOCHS, "")
    epochs = [event for event in of_trial(batches, "first") if isinstance(event, EpochDone)]
    assert last.metrics.items() - epochs[-1].metrics.items() == {("trained_weights", NUM_WEIGHTS)}


def test_a_gpu_s_peak_of_memory_is_that_of_the_pack(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert peak_memory(CPU) == {}
    calls: list[str] = []
    monkeypatch.setattr(pack, "forget_peak_memory", lambda _: calls.append("forget"))
    monkeypatch.setattr(pack, "peak_memory", lambda _: {"peak_memory_mb": float(len(calls))})
    for batch in train_pack(spec_of(tmp_path, configs_of())):
        for event in batch:
            if isinstance(event, Finished):
                assert event.metrics["peak_memory_mb"] == 1
    assert calls == ["forget"]


def test_the_arrays_of_a_finished_trial(tmp_path: Path) -> None:
    spec = spec_of(tmp_path, configs_of())
    last = of_trial(list(train_pack(spec)), "second")[-1]
    assert isinstance(last, Finished)
    arrays = last.arrays
    num_unlabeled = len(arrays["unlabeled_indices"])
    assert arrays["targets"].shape == arrays["predictions"].shape == (num_unlabeled,)
    assert arrays["pi_hat"].shape == (EPOCHS, 6)
    assert arrays["features"].shape == (len(arrays["feature_indices"]), 64)
    assert set(arrays["feature_indices"]) <= set(arrays["unlabeled_indices"])
    strict = 100 * np.mean(arrays["targets"] == arrays["predictions"])
    assert 0 <= strict <= last.metrics["acc_all"] + 1e-9


@pytest.mark.parametrize("stop_after", [1, 2, 3])
@pytest.mark.parametrize("trunk", [{}, {"frozen_through": "none"}], ids=str)
def test_a_resumed_pack_equals_an_uninterrupted_one(
    tmp_path: Path, stop_after: int, trunk: dict[str, Any]
) -> None:
    configs = configs_of(trunk=trunk)
    whole: list[Any] = []
    for batch in train_pack(spec_of(tmp_path / "whole", configs)):
        whole.append(
            [
                (e, checkpoint_states(e)) if isinstance(e, CheckpointSaved) else (e, None)
                for e in batch
            ]
        )
    spec = spec_of(tmp_path / "cut", configs)
    seen = list(itertools.islice(train_pack(spec), stop_after))
    rest = list(train_pack(resumed(spec, seen[-1])))
    assert len(rest) == max(EPOCHS - stop_after, 1)
    assert [epochs_on_disk(spec.checkpoints / name) for name in NAMES] == [{EPOCHS}] * 2
    for ours, theirs in zip(reversed(rest), reversed(whole), strict=False):
        wanted = (
            theirs if stop_after < EPOCHS else [e for e in theirs if isinstance(e[0], Finished)]
        )
        assert len(ours) == len(wanted)
        for event, (other, states) in zip(ours, wanted, strict=True):
            assert differences(without_seconds(event), without_seconds(other)) == []
            if isinstance(event, CheckpointSaved) and event.checkpoint.epoch == EPOCHS:
                assert differences(checkpoint_states(event), states) == []


def test_a_resume_without_the_momentum_would_be_seen(tmp_path: Path) -> None:
    spec = spec_of(tmp_path, configs_of())
    whole = list(train_pack(spec))
    member = resumed(spec, next(train_pack(spec))).members[0]
    assert member.checkpoint is not None
    state = load_state(member.checkpoint.member, CPU)
    for entry in state["optimizer"]["state"].values():
        entry["momentum_buffer"].zero_()
    forged = Checkpoint(1, save_state(state, tmp_path, "forged"), member.checkpoint.run)
    member = dataclasses.replace(member, checkpoint=forged)
    rest = list(train_pack(dataclasses.replace(spec, members=(member,))))
    ours, theirs = of_trial(rest, "first")[-1], of_trial(whole, "first")[-1]
    assert differences(without_seconds(ours), without_seconds(theirs)) != []


def test_checkpoints_wait_for_their_interval_but_the_last_epoch_has_one(tmp_path: Path) -> None:
    batches = list(train_pack(spec_of(tmp_path, configs_of(), checkpoint_interval_s=3600.0)))
    saved = [e for batch in batches for e in batch if isinstance(e, CheckpointSaved)]
    assert [(e.trial_id, e.checkpoint.epoch) for e in saved] == [(n, EPOCHS) for n in NAMES]


def epochs_on_disk(folder: Path) -> set[int]:
    names = sorted(file.name for file in folder.iterdir())
    assert len(names) % 2 == 0
    return {int(name.split("-")[1]) for name in names}


def test_two_checkpoints_are_kept_in_training_and_one_afterwards(tmp_path: Path) -> None:
    configs = {
        name: dataclasses.replace(c, loop=config_of(epochs=5).loop)
        for name, c in configs_of().items()
    }
    spec = spec_of(tmp_path, configs)
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
    spec = spec_of(tmp_path, configs_of())
    batches = list(train_pack(spec))
    ended = of_trial(batches, "second")
    assert [type(e) for e in ended] == [EpochDone, CheckpointSaved] * 2 + [Finished]
    last = ended[-1]
    assert isinstance(last, Finished)
    assert (last.status, last.epoch, dict(last.metrics), dict(last.arrays)) == (status, 2, {}, {})
    assert "planted" in last.error
    assert epochs_on_disk(spec.checkpoints / "second") == kept
    monkeypatch.undo()
    monkeypatch.setattr(pack, "load", lambda _: image_set())
    alone = list(train_pack(spec_of(tmp_path / "alone", {"first": configs_of()["first"]})))
    pairs = zip(of_trial(batches, "first"), of_trial(alone, "first"), strict=True)
    assert all(not differences(without_seconds(a), without_seconds(b)) for a, b in pairs)


def test_a_diverging_member_ends_alone_and_the_stream_ends_with_the_last_one(
    tmp_path: Path,
) -> None:
    wild = {"lr": 1e38}
    configs = {"first": config_of(epochs=EPOCHS), "wild": config_of(epochs=EPOCHS, schedule=wild)}
    ends = [e for b in train_pack(spec_of(tmp_path, configs)) for e in b if isinstance(e, Finished)]
    assert [(e.trial_id, e.status, e.epoch) for e in ends] == [
        ("wild", "diverged", 0),
        ("first", "done", EPOCHS),
    ]
    assert "epoch 1" in ends[0].error
    alone = list(train_pack(spec_of(tmp_path, {"wild": configs["wild"]})))
    assert [[type(e) for e in batch] for batch in alone] == [[Finished]]


def test_what_is_not_a_members_fault_is_raised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Run, "batch", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        next(train_pack(spec_of(tmp_path, configs_of())))


@pytest.mark.parametrize("part", ["member", "run", "backbone"])
def test_a_damaged_file_is_an_error_that_names_it(tmp_path: Path, part: str) -> None:
    spec = spec_of(tmp_path, configs_of())
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
    spec = spec_of(tmp_path, configs_of())
    one, two = itertools.islice(train_pack(spec), 2)
    mixed = (resumed(spec, one).members[0], resumed(spec, two).members[1])
    for members in (mixed, (mixed[0], spec.members[1])):
        with pytest.raises(ValueError, match="same state"):
            next(train_pack(dataclasses.replace(spec, members=members)))


def test_the_pack_sets_its_number_of_threads(tmp_path: Path) -> None:
    next(train_pack(spec_of(tmp_path, configs_of(), num_threads=2)))
    assert torch.get_num_threads() == 2
