"""MLflow: an experiment per sweep, a run per trial."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag

from lps_sweep.errors import BadInputError
from lps_sweep.files import local_path
from lps_sweep.results.places import refuse_own
from lps_sweep.tracking.history import SweepHistory, TrialHistory
from lps_sweep.tracking.trackers import Tracker

RESULTS_TAG = "lps_sweep.results"
SQLITE = "sqlite:///"
TRIAL_TAG = "lps_sweep.trial_id"
STATUSES = {"done": "FINISHED", "stopped": "KILLED", "failed": "FAILED", "diverged": "FAILED"}
MOST_PARAMS = 100
"""Parameters that MLflow takes at once."""


class MlflowTracker(Tracker):
    """Sends a run per trial, found again by its tag; the run says which epoch it has last.

    Args:
        place: A tracking URI: a server, or a database such as ``sqlite:///mlflow.db``.
    """

    def __init__(self, place: str) -> None:
        super().__init__()
        self._client = MlflowClient(tracking_uri=_uri(place))
        self._experiments: dict[str, str] = {}
        self._runs: dict[str, str] = {}

    def claim(self, sweep: SweepHistory) -> None:
        """See `Tracker.claim`; an older version's experiment is known by its runs."""
        name, owner = sweep.record.name, str(sweep.folder.resolve())
        known = self._client.get_experiment_by_name(name)
        if known is None:
            tags = {RESULTS_TAG: owner}
            self._experiments[name] = self._client.create_experiment(name, tags=tags)
            return
        recorded = known.tags.get(RESULTS_TAG)
        if recorded is None and all(
            TRIAL_TAG in run.data.tags for run in self._client.search_runs([known.experiment_id])
        ):
            self._client.set_experiment_tag(known.experiment_id, RESULTS_TAG, owner)
        elif recorded != owner:
            whose = f"of the results folder {recorded}" if recorded else "with runs of others"
            raise BadInputError(
                f"there is an experiment {name!r} {whose}; name another place", "--to"
            )

    def begin(self, trial: TrialHistory) -> int:
        """See `Tracker.begin`."""
        experiment, tags = self._experiment(trial.sweep), {TRIAL_TAG: trial.trial_id}
        query = f"tags.`{TRIAL_TAG}` = '{trial.trial_id}'"
        for run in self._client.search_runs([experiment], query, max_results=1):
            self._runs[trial.trial_id] = run.info.run_id
            return int(run.data.metrics.get("epoch", 0))
        run = self._client.create_run(experiment, tags=tags, run_name=trial.name)
        self._runs[trial.trial_id] = run.info.run_id
        params = [Param(name, str(value)) for name, value in trial.config.items()]
        for start in range(0, len(params), MOST_PARAMS):
            self._client.log_batch(run.info.run_id, params=params[start : start + MOST_PARAMS])
        return 0

    def send(self, trial: TrialHistory, epochs: Mapping[int, Mapping[str, float]]) -> None:
        """See `Tracker.send`."""
        now = int(time.time() * 1000)
        for epoch, metrics in epochs.items():
            values = {**metrics, "epoch": float(epoch)}
            rows = [Metric(name, value, now, epoch) for name, value in values.items()]
            self._client.log_batch(self._runs[trial.trial_id], metrics=rows)

    def finish(self, trial: TrialHistory) -> None:
        """See `Tracker.finish`."""
        run, status = self._runs[trial.trial_id], STATUSES[trial.status]
        if self._client.get_run(run).info.status == status:
            return
        now = int(time.time() * 1000)
        final = [Metric(f"final/{n}", v, now, 0) for n, v in trial.final.items()]
        self._client.log_batch(run, metrics=final, tags=[RunTag("status", trial.status)])
        self._client.set_terminated(run, status)

    def close(self) -> None:
        """See `Tracker.close`: every update is sent at once."""

    def _experiment(self, sweep: str) -> str:
        if sweep not in self._experiments:
            known = self._client.get_experiment_by_name(sweep)
            self._experiments[sweep] = (
                known.experiment_id if known else self._client.create_experiment(sweep)
            )
        return self._experiments[sweep]


def _uri(place: str) -> str:
    """The tracking URI `place`, of a file or folder of this machine with its home written out.

    Raises:
        BadInputError: It is part of a results folder, or a file that MLflow did not make.
    """
    for scheme in (SQLITE, "file://", ""):
        if place.startswith(scheme) and (scheme or "://" not in place):
            break
    else:
        return place
    where = f"--to {place}"
    path = local_path(place.removeprefix(scheme), where)
    refuse_own(path, where)
    if scheme == SQLITE and path.exists() and path.stat().st_size and not _is_mlflow(path):
        raise BadInputError("this is no database of MLflow; name another place", where)
    return f"{scheme}{path}" if scheme else str(path)


def _is_mlflow(path: Path) -> bool:
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as database:
            found = {name for (name,) in database.execute("SELECT name FROM sqlite_master")}
    except sqlite3.Error:
        return False
    return {"experiments", "runs"} <= found
