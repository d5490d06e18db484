"""Packs of two or three small trials, their events, and the comparison of those."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lps_sweep.config import Config
from lps_sweep.train import (
    CheckpointSaved,
    Event,
    Finished,
    MemberSpec,
    PackSpec,
    load_state,
    save_state,
    train_pack,
)
from tests.train.train_cases import CPU, SEED, backbone_of, config_of, differences

EPOCHS = 3
CHANGES: dict[str, dict[str, Any]] = {
    "first": {},
    "second": {"C": 1.0, "pi_ema": 0.5},
    "third": {"C": 3.0},
}


def configs_of(
    *names: str, epochs: int = EPOCHS, trunk: dict[str, Any] | None = None
) -> dict[str, Config]:
    """Trials of these names; the first two without any."""
    return {
        name: config_of(epochs=epochs, lps=CHANGES[name], trunk=trunk)
        for name in names or ("first", "second")
    }


def spec_of(folder: Path, configs: dict[str, Config] | None = None, **changes: Any) -> PackSpec:
    """A pack with a checkpoint after every epoch."""
    configs = configs or configs_of()
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


def ends_of(events: Sequence[Sequence[Event]]) -> list[Finished]:
    return [event for batch in events for event in batch if isinstance(event, Finished)]


def facts(event: Event) -> dict[str, Any]:
    """What of an event does not depend on the clock or the folder, with the states of files."""
    found = {**vars(event), "kind": type(event).__name__, "seconds": 0}
    if isinstance(event, CheckpointSaved):
        files = (event.checkpoint.member, event.checkpoint.run)
        found["checkpoint"] = [load_state(f, CPU) if f.path.exists() else None for f in files]
    found["arrays"] = {name: a.tolist() for name, a in found.get("arrays", {}).items()}
    return found


def known(events: Sequence[Event]) -> list[dict[str, Any]]:
    """The facts of events, those of checkpoints without their files, which may be gone."""
    return [{**facts(event), "checkpoint": None} for event in events]


def same(ours: Sequence[Event], theirs: Sequence[Event]) -> bool:
    return differences(known(ours), known(theirs)) == []


def alone(folder: Path, config: Config) -> list[Event]:
    """The events of a pack of one, under the name ``first``."""
    return of_trial(list(train_pack(spec_of(folder / "alone", {"first": config}))), "first")


def epochs_on_disk(folder: Path) -> set[int]:
    names = sorted(file.name for file in folder.iterdir())
    assert len(names) % 2 == 0
    return {int(name.split("-")[1]) for name in names}
