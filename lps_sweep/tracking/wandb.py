"""Weights & Biases: a run per trial, grouped by sweep."""

from __future__ import annotations

from typing import Any

import wandb

from lps_sweep.tracking.history import TrialHistory

EXIT_CODES = {"done": 0, "stopped": 0}
"""What W&B shows as finished; all else is shown as failed."""


class WandbTracker:
    """Sends a run per trial with the trial's id, so that sending again goes on with it.

    The service says which epoch it has last. Offline (``WANDB_MODE=offline``) nobody can, and a
    new tracker writes the whole run again, which ``wandb sync`` joins by its id.

    Args:
        place: ``project`` or ``entity/project``.
    """

    def __init__(self, place: str) -> None:
        entity, _, self._project = place.rpartition("/")
        self._entity = entity or None
        self._runs: dict[str, Any] = {}
        self._ended: set[str] = set()

    def update(self, trial: TrialHistory) -> int:
        """See `Tracker.update`."""
        if trial.trial_id in self._ended:
            return 0
        run = self._run(trial)
        new = {epoch: metrics for epoch, metrics in trial.epochs.items() if epoch >= run.step}
        for epoch, metrics in new.items():
            run.log({**metrics, "epoch": epoch}, step=epoch, commit=True)
        run.summary["status"] = trial.status
        if trial.ended:
            run.summary.update({f"final/{name}": value for name, value in trial.final.items()})
            run.finish(exit_code=EXIT_CODES.get(trial.status, 1))
            del self._runs[trial.trial_id]
            self._ended.add(trial.trial_id)
        return len(new)

    def close(self) -> None:
        """See `Tracker.close`."""
        for run in self._runs.values():
            run.finish()
        wandb.teardown()  # what the process beside this one still has to write

    def _run(self, trial: TrialHistory) -> Any:
        if trial.trial_id not in self._runs:
            self._runs[trial.trial_id] = wandb.init(
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
        return self._runs[trial.trial_id]
