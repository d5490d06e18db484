"""A sweep as Ray Tune's own documentation would have it: what the checker is shown to go red on.

Usage: plain_tune.py (fit|restore) STORAGE TRUTH SEARCH; SEARCH is ``grid``, ``optuna`` or
``hungry``: the grid, of which one trial eats memory until it is killed.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import ray
from ray import tune
from ray.tune.search.optuna import OptunaSearch

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.faults import truth

EPOCHS = 8
TRIALS = 6
EPOCH_S = 0.25
CHECKPOINT_BYTES = 400_000


def trainer(config: dict[str, Any]) -> None:
    """Reports a metric per epoch, with a checkpoint; a value that is missing has a default."""
    name, file = f"x={config.get('x', 'default')}", Path(os.environ["LPS_TRUTH"])
    first, checkpoint = 0, tune.get_checkpoint()
    if checkpoint:
        with checkpoint.as_directory() as folder:
            first = int((Path(folder) / "epoch").read_text().split()[0])
    truth.write(file, "start", trial=name, epoch=first)
    for epoch in range(first + 1, EPOCHS + 1):
        time.sleep(EPOCH_S)
        if config.get("hungry") and epoch == 3:
            _eat()
        metrics = {"loss": 1 / epoch}
        truth.write(file, "reported", trial=name, epoch=epoch, metrics=metrics)
        if epoch == EPOCHS:
            truth.write(file, "finishing", trial=name, status="done", metrics=metrics)
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "epoch").write_text(f"{epoch} " + "x" * CHECKPOINT_BYTES)
            tune.report(
                {"name": name, "epoch": epoch, **metrics},
                checkpoint=tune.Checkpoint.from_directory(folder),
            )
        truth.write(file, "acknowledged", trial=name, epoch=epoch)
    truth.write(file, "finished", trial=name, status="done")


def _eat() -> None:
    kept = []
    while True:
        kept.append(bytearray(os.urandom(1 << 20) * 64))
        time.sleep(0.02)


def main(verb: str, storage: str, file: str, search: str) -> None:
    """Fits or restores, as the documentation says."""
    os.environ["LPS_TRUTH"] = file
    temporary = tempfile.mkdtemp(prefix="lps-tune-")
    ray.init(
        address="local",
        num_cpus=2,
        include_dashboard=False,
        log_to_driver=False,
        _temp_dir=temporary,
        runtime_env={"env_vars": {"LPS_TRUTH": file}},
    )
    space: dict[str, Any] = {"x": tune.grid_search(list(range(TRIALS)))}
    settings: dict[str, Any] = {"num_samples": 1}
    if search == "hungry":
        space["hungry"] = tune.sample_from(lambda config: config["x"] == 1)
    if search == "optuna":
        space = {"x": tune.uniform(0, 1)}
        settings = {
            "num_samples": TRIALS,
            "search_alg": OptunaSearch(metric="loss", mode="min", seed=0),
        }
    if verb == "restore":
        tuner = tune.Tuner.restore(f"{storage}/plain", trainer, resume_errored=True)
    else:
        tuner = tune.Tuner(
            trainer,
            param_space=space,
            tune_config=tune.TuneConfig(max_concurrent_trials=2, **settings),
            run_config=tune.RunConfig(
                name="plain",
                storage_path=storage,
                verbose=0,
                failure_config=tune.FailureConfig(max_failures=1),
            ),
        )
    print("fitting", flush=True)
    tuner.fit()
    print("fitted", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
