"""MLflow: an experiment per sweep, a run per trial."""

from __future__ import annotations

import time

from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag

from lps_sweep.tracking.history import TrialHistory

TRIAL_TAG = "lps_sweep.trial_id"
STATUSES = {"done": "FINISHED", "stopped": "KILLED", "failed": "FAILED", "diverged": "FAILED"}
MOST_PARAMS = 100
"""Parameters that MLflow takes at once."""


class MlflowTracker:
    """Sends a run per trial, found again by its tag; the run says which epoch it has last.

    Args:
        place: A tracking URI: a server, or a database such as ``sqlite:///mlflow.db``.
    """

    def __init__(self, place: str) -> None:
        self._client = MlflowClient(tracking_uri=place)
        self._experiments: dict[str, str] = {}
        self._runs: dict[str, tuple[str, int]] = {}
        self._ended: set[str] = set()

    def update(self, trial: TrialHistory) -> int:
        """See `Tracker.update`."""
        if trial.trial_id in self._ended:
            return 0
        run, last = self._runs.get(trial.trial_id) or self._find(trial) or self._begin(trial)
        if trial.trial_id in self._ended:
            return 0
        now = int(time.time() * 1000)
        new = {epoch: metrics for epoch, metrics in trial.epochs.items() if epoch > last}
        for epoch, metrics in new.items():
            values = {**metrics, "epoch": float(epoch)}
            rows = [Metric(name, value, now, epoch) for name, value in values.items()]
            self._client.log_batch(run, metrics=rows)
        self._runs[trial.trial_id] = run, max([last, *new])
        if trial.ended:
            final = [Metric(f"final/{n}", v, now, 0) for n, v in trial.final.items()]
            self._client.log_batch(run, metrics=final, tags=[RunTag("status", trial.status)])
            self._client.set_terminated(run, STATUSES[trial.status])
            self._ended.add(trial.trial_id)
        return len(new)

    def close(self) -> None:
        """See `Tracker.close`: every update is sent at once."""

    def _find(self, trial: TrialHistory) -> tuple[str, int] | None:
        """The run of an earlier tracker and the last epoch in it."""
        query = f"tags.`{TRIAL_TAG}` = '{trial.trial_id}'"
        found = self._client.search_runs([self._experiment(trial.sweep)], query, max_results=1)
        if not found:
            return None
        run, last = found[0], int(found[0].data.metrics.get("epoch", 0))
        if trial.ended and run.info.status == STATUSES[trial.status] and last >= max(trial.epochs):
            self._ended.add(trial.trial_id)
        return run.info.run_id, last

    def _begin(self, trial: TrialHistory) -> tuple[str, int]:
        tags = {TRIAL_TAG: trial.trial_id}
        experiment = self._experiment(trial.sweep)
        run = self._client.create_run(experiment, tags=tags, run_name=trial.name).info.run_id
        params = [Param(name, str(value)) for name, value in trial.config.items()]
        for start in range(0, len(params), MOST_PARAMS):
            self._client.log_batch(run, params=params[start : start + MOST_PARAMS])
        return run, 0

    def _experiment(self, sweep: str) -> str:
        if sweep not in self._experiments:
            known = self._client.get_experiment_by_name(sweep)
            self._experiments[sweep] = (
                known.experiment_id if known else self._client.create_experiment(sweep)
            )
        return self._experiments[sweep]
