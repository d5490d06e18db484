"""Training of a pack, epoch by epoch, as a stream of events."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

import torch
from numpy.typing import NDArray

from lps_sweep.data import load, make_split
from lps_sweep.finite import unmeasured
from lps_sweep.train.checkpoint import load_state, prune, save_checkpoint
from lps_sweep.train.device import forget_peak_memory, peak_memory, set_up_device
from lps_sweep.train.evaluation import Evaluation, evaluate, kept_features, train_and_evaluate
from lps_sweep.train.events import (
    KEPT_IN_TRAINING,
    CheckpointSaved,
    EpochDone,
    Event,
    Finished,
    PackSpec,
)
from lps_sweep.train.run import Departure, Run


def train_pack(
    spec: PackSpec,
    stopped: Callable[[], Collection[str]] = tuple,
    note: Callable[[Mapping[str, str]], None] = lambda _: None,
) -> Iterator[list[Event]]:
    """Trains the members of `spec` to their end; yields the events of each epoch.

    Members fail and diverge alone; whatever else goes wrong is raised. Files of older checkpoints
    are removed when the consumer comes back for more, since by then it has taken note of the
    newer ones. A member in training keeps two checkpoints, one that came to its end keeps one.

    Args:
        spec: What to train.
        stopped: Asked when the consumer comes back after an epoch: the members that it ended.
            They leave without an event of their own, and the others go on as if they had never
            been there.
        note: Told what a record should say of how the pack trains: where its `images` are.

    Raises:
        BadInputError: The data are missing.
        StorageError: A checkpoint cannot be read or written.
        ValueError: The members cannot share a Run, or do not go on from the same state.
    """
    device = set_up_device(spec.device, spec.num_threads, spec.gpu_share)
    forget_peak_memory(device)
    run, first = start_pack(spec, device)
    note({"images": run.images.place})
    total = run.num_epochs
    last = min(total, spec.until or total)
    if first == total:  # all was trained, but the end was not recorded
        ends = _done(run, evaluate(run, last=True)) + _departed(run, total)
        yield ends
        _clean_up(spec, ends)
    saved_at = time.monotonic()
    for epoch in range(first, last):
        events, ends = _epoch(run, epoch, spec.needed)
        is_due = time.monotonic() - saved_at >= spec.checkpoint_interval_s
        if is_due or epoch + 1 in (last, *spec.rungs):
            events += _save(run, spec, epoch + 1)
            saved_at = time.monotonic()
        events += ends
        yield events
        _clean_up(spec, events)
        if spec.rungs:
            _dismiss(run, spec, stopped(), epoch + 1)
        if not run.members:
            return


def start_pack(spec: PackSpec, device: torch.device) -> tuple[Run, int]:
    """The Run with all members as they go on, and the epoch to go on with, from 0."""
    starts = {
        (m.checkpoint.epoch, m.checkpoint.run.sha256) if m.checkpoint else (0, "")
        for m in spec.members
    }
    if len(starts) != 1:
        raise ValueError("the members of a pack must go on from the same state of their Run")
    config = spec.members[0].config
    images = load(config.data)
    split = make_split(images.labels, images.num_classes, config.split)
    backbone = load_state(spec.backbone, torch.device("cpu"))
    run = Run(config, seed=spec.seed, images=images, split=split, backbone=backbone, device=device)
    for member in spec.members:
        learner = run.add(member.trial_id, member.config)
        if member.checkpoint:
            learner.load_state(load_state(member.checkpoint.member, device))
    if spec.members[0].checkpoint:
        run.load_state(load_state(spec.members[0].checkpoint.run, device))
    return run, next(iter(starts))[0]


def _epoch(run: Run, epoch: int, needed: Collection[str]) -> tuple[list[Event], list[Event]]:
    """One epoch of training and evaluation: what it brought, and whose end it was."""
    started = time.monotonic()
    num_present = len(run.members)
    training, evaluations = train_and_evaluate(run, epoch)
    found = {
        m.trial_id: {**evaluations[m.trial_id].metrics, **training[m.trial_id]} for m in run.members
    }
    for member in list(run.members):
        if wrong := unmeasured(found[member.trial_id], needed):
            run.members.remove(member)
            why = f"{wrong} after epoch {epoch + 1}"
            run.departures.append(Departure(member.trial_id, "diverged", why))
    is_last = epoch + 1 == run.num_epochs
    done = _done(run, evaluations) if is_last else []
    seconds = (time.monotonic() - started) / num_present
    events: list[Event] = [
        EpochDone(m.trial_id, epoch + 1, found[m.trial_id], seconds) for m in run.members
    ]
    return events, done + _departed(run, epoch)


def _dismiss(run: Run, spec: PackSpec, stopped: Collection[str], epoch: int) -> None:
    """Lets members go that were ended from outside after `epoch`."""
    for member in [m for m in run.members if m.trial_id in stopped]:
        run.members.remove(member)
        prune(spec.checkpoints / member.trial_id, epoch, keep=1)


def _save(run: Run, spec: PackSpec, epoch: int) -> list[Event]:
    shared = run.state()
    return [
        CheckpointSaved(
            m.trial_id,
            save_checkpoint(spec.checkpoints / m.trial_id, epoch, m.learner.state(), shared),
        )
        for m in run.members
    ]


def _done(run: Run, evaluations: Mapping[str, Evaluation]) -> list[Event]:
    unlabeled = run.split.unlabeled
    indices, features = kept_features(run)
    memory = peak_memory(run.device)
    events: list[Event] = []
    for member in run.members:
        evaluation = evaluations[member.trial_id]
        arrays: dict[str, NDArray[Any]] = {
            "unlabeled_indices": unlabeled,
            "targets": run.split.targets[unlabeled],
            "predictions": evaluation.predictions,
            "pi_hat": member.learner.pi_hat_epochs(),
            "feature_indices": indices,
            "features": features[member.trial_id],
        }
        trained = float(member.learner.num_trained_weights if run.views else 0)
        metrics = {**evaluation.metrics, "trained_weights": trained, **memory}
        events.append(Finished(member.trial_id, "done", run.num_epochs, metrics, arrays))
    return events


def _departed(run: Run, epoch: int) -> list[Event]:
    """The ends of the members that left since the last time, after `epoch` whole epochs."""
    departures, run.departures = run.departures, []
    return [Finished(d.trial_id, d.status, epoch, error=d.error) for d in departures]


def _clean_up(spec: PackSpec, events: Sequence[Event]) -> None:
    """Removes the checkpoints that `events` have made superfluous."""
    for event in events:
        folder = spec.checkpoints / event.trial_id
        if isinstance(event, CheckpointSaved):
            prune(folder, event.checkpoint.epoch, KEPT_IN_TRAINING)
        elif isinstance(event, Finished) and event.status != "out_of_memory":
            prune(folder, event.epoch, keep=1)
