"""Weights & Biases: a run per trial, grouped by sweep."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Mapping
from typing import Any

import wandb

from lps_sweep.errors import BadInputError
from lps_sweep.tracking.history import SweepHistory, TrialHistory
from lps_sweep.tracking.trackers import Tracker

_PLACE = re.compile(r"([^/\\#?%:\s~]+/)?[^/\\#?%:\s~]{1,128}")

EXIT_CODES = {"done": 0, "stopped": 0}
"""What W&B shows as finished; all else is shown as failed."""


class WandbTracker(Tracker):
    """Sends a run per trial with the trial's id, so that sending again goes on with it.

    The service says which epoch it has last. Offline (``WANDB_MODE=offline``) nobody can, and a
    new tracker writes the whole run again, which ``wandb sync`` joins by its id.

    Args:
        place: ``project`` or ``entity/project``.
    """

    def __init__(self, place: str) -> None:
        super().__init__()
        if not _PLACE.fullmatch(place):
            raise BadInputError(f"W&B takes [ENTITY/]PROJECT, not {place!r}", "--to")
        entity, _, self._project = place.rpartition("/")
        self._entity = entity or None
        self._runs: dict[str, Any] = {}
        self._cache = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        os.environ.setdefault("WANDB_CACHE_DIR", self._cache.name)  # not the user's home

    def claim(self, sweep: SweepHistory) -> None:
        """See `Tracker.claim`: a run is its trial's, by its id, and nothing of it is replaced."""

    def begin(self, trial: TrialHistory) -> int:
        """See `Tracker.begin`."""
        run = self._runs[trial.trial_id] = wandb.init(
            entity=self._entity,
            project=self._project,
            id=trial.trial_id,
            group=trial.sweep,
            name=trial.name,
            config=dict(trial.config),
            resume="allow",
            reinit="create_new",
            save_code=False,
            settings=wandb.Settings(
                console="off", silent=True, disable_git=True, x_disable_stats=True
            ),
        )
        return int(run.step) - 1

    def send(self, trial: TrialHistory, epochs: Mapping[int, Mapping[str, float]]) -> None:
        """See `Tracker.send`."""
        run = self._runs[trial.trial_id]
        for epoch, metrics in epochs.items():
            run.log({**metrics, "epoch": epoch}, step=epoch, commit=True)
        run.summary["status"] = trial.status

    def finish(self, trial: TrialHistory) -> None:
        """See `Tracker.finish`."""
        run = self._runs.pop(trial.trial_id)
        run.summary.update({f"final/{name}": value for name, value in trial.final.items()})
        run.finish(exit_code=EXIT_CODES.get(trial.status, 1))

    def close(self) -> None:
        """See `Tracker.close`."""
        for run in self._runs.values():
            run.finish()
        wandb.teardown()  # what the process beside this one still has to write
        if os.environ["WANDB_CACHE_DIR"] == self._cache.name:
            del os.environ["WANDB_CACHE_DIR"]
        self._cache.cleanup()
