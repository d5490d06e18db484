"""Records two experiments of Ray Tune, for tests of their import.

``python -m tests.sweep.record_tune`` does so, again where `RESULTS_REVISION` is raised. Of
``ended`` some trials are done, and the others were stopped by ASHA; ``killed`` has two of two
seeds each, whose driver was killed.
"""

from __future__ import annotations

import csv
import json
import multiprocessing
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "tune_recorded"
KEPT = ("params.json", "result.json", "progress.csv", "error.txt", "*.npz")
PICKLED = "80054e2e"
"""None, as Ray writes what JSON cannot hold."""


def _fit(name: str, storage: str) -> None:
    import ray
    from ray import tune
    from ray.tune.schedulers import ASHAScheduler
    from ray.tune.search.optuna import OptunaSearch

    from lps_sweep.tune import trainable

    class Killed(tune.Callback):
        def on_trial_result(
            self, iteration: int, trials: list[Any], trial: Any, result: Any, **info: Any
        ) -> None:
            del iteration, trials, trial, info
            if name == "killed" and result["training_iteration"] == 2:
                os._exit(9)

    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    seeds = [0, 1] if name == "killed" else []
    ours = trainable(
        preset="digits", epochs=4, pretrain_epochs=1, seeds=seeds, trunks=f"{storage}/trunks"
    )
    space: dict[str, Any] = {"C": tune.grid_search([1, 10, 20]), "seed": tune.grid_search([0, 1])}
    how: dict[str, Any] = {"scheduler": ASHAScheduler(max_t=4, grace_period=1, reduction_factor=2)}
    if name == "killed":
        space = {"C": tune.loguniform(1, 20), "tau": tune.uniform(0.2, 0.6)}
        how = {"search_alg": OptunaSearch(seed=0), "num_samples": 4, "max_concurrent_trials": 2}
    tune.Tuner(
        ours,
        param_space=space,
        tune_config=tune.TuneConfig(metric="oracle.acc_all", mode="max", **how),
        run_config=tune.RunConfig(name=name, storage_path=storage, callbacks=[Killed()]),
    ).fit()


def _plain(value: Any) -> Any:
    """`value` without pickles, and without what names the machine."""
    if isinstance(value, dict):
        named = {"hostname": "host", "node_ip": "192.0.2.1", "pid": 1}
        if "_type" in value:
            return {**value, "value": PICKLED}
        return {k: named.get(k, _plain(v)) for k, v in value.items() if k != "metric_n_steps"}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return PICKLED if isinstance(value, str) and value.startswith("8005") else value


def _keep(source: Path, target: Path) -> None:
    for pattern in KEPT:
        for file in source.rglob(pattern):
            place = target / file.relative_to(source)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, place)
    for file in target.rglob("result.json"):
        rows = [_plain(json.loads(line)) for line in file.read_text().splitlines()]
        file.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    for file in target.rglob("progress.csv"):
        with file.open(newline="") as lines:
            rows = [_plain(row) for row in csv.DictReader(lines)]
        with file.open("w", newline="") as lines:
            writer = csv.DictWriter(lines, rows[0])
            writer.writeheader()
            writer.writerows(rows)
    for file in target.rglob("error.txt"):
        file.write_text(file.read_text().splitlines()[-1] + "\n")
    (state,) = source.glob("experiment_state-*.json")
    content = json.loads(state.read_text())
    pairs = [
        [json.dumps(_plain(json.loads(part))) for part in pair] for pair in content["trial_data"]
    ]
    (target / state.name).write_text(json.dumps(_plain({**content, "trial_data": pairs})))
    for searcher in source.glob("searcher-state-*"):
        (target / searcher.name).write_bytes(bytes.fromhex(PICKLED))


if __name__ == "__main__":
    for name in ("ended", "killed"):
        with tempfile.TemporaryDirectory() as storage:
            fitting = multiprocessing.get_context("spawn").Process(
                target=_fit, args=(name, storage)
            )
            fitting.start()
            fitting.join()
            shutil.rmtree(FOLDER / name, ignore_errors=True)
            _keep(Path(storage) / name, FOLDER / name)
