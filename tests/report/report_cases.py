"""Sweeps for the tests of the report: made numbers in a real ledger."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lps_sweep.results import Json, Ledger, SweepRecord, TrialRecord

SETTINGS: dict[str, Json] = {
    "dataset": "digits",
    "data_root": "",
    "labeled_ratio": 0.5,
    "seen_classes": 0,
    "network": "small_cnn",
    "frozen_through": "stage3",
    "epochs": 20,
    "batch_size": 128,
    "C": 10.0,
    "tau": 0.4,
}
PAPER: dict[str, Json] = {
    **SETTINGS,
    "dataset": "cifar10",
    "network": "resnet18",
    "epochs": 200,
    "batch_size": 512,
}
C_TAU: dict[str, list[Json]] = {"C": [1, 5, 10, 15, 20], "tau": [0.2, 0.3, 0.4, 0.5, 0.6]}
ARMS: dict[str, dict[str, Json]] = {
    "full": {},
    "without_margin": {"C": 0.0},
    "without_pc": {"eta1": 0.0},
    "without_uc": {"eta2": 0.0},
    "without_entropy": {"w_entropy": 0.0},
}
"""The arms of the paper's Table 4 and what each of them changes."""
WEIGHTS: dict[str, Json] = {"eta1": 1.0, "eta2": 1.0, "w_entropy": 1.0}
SEEDS = [0, 1, 2]
BEGUN_AT = 1_790_000_000.0
"""When the first attempt began: 2026-09-21 14:13 UTC."""
Fates = Mapping[tuple[Any, ...], str]
"""What becomes of a trial, by its swept values and seed: done unless named."""


def record(
    axes: Mapping[str, Sequence[Json]],
    seeds: Sequence[int] = SEEDS,
    *,
    settings: Mapping[str, Json] = SETTINGS,
    defaults: Mapping[str, Json] | None = None,
    name: str = "c_tau",
    question: str = "How do C and tau trade seen against novel accuracy?",
    margin: float | None = None,
    search: dict[str, Json] | None = None,
) -> SweepRecord:
    """A sweep over `axes`; defaults are those of `settings` unless given."""
    return SweepRecord(
        name=name,
        question=question,
        source=f"name: {name}\ngrid:\n  C: [1, 5]\n",
        axes={key: list(levels) for key, levels in axes.items()},
        defaults={key: settings.get(key) for key in axes} | dict(defaults or {}),
        settings=dict(settings),
        seeds=list(seeds),
        preset="digits",
        margin=margin,
        search=search,
    )


def ablation_record(
    seeds: Sequence[int] = SEEDS,
    *,
    arms: Sequence[str] = tuple(ARMS),
    settings: Mapping[str, Json] = SETTINGS,
    margin: float | None = None,
) -> SweepRecord:
    """A sweep over arms, the first of them the default."""
    known = {**settings, **WEIGHTS}
    axes = {"arm": list(arms)}
    return record(
        axes, seeds, settings=known, defaults={"arm": arms[0]}, name="ablation", margin=margin
    )


def final_metrics(point: Sequence[Any], seed: int, merges: bool = True) -> dict[str, float]:
    """Made final metrics: novel near 95, now and then a whole class lower."""
    numbers = [round(100 * v) if isinstance(v, int | float) else len(str(v)) for v in point]
    draw = np.random.default_rng([7, seed, *(abs(n) for n in numbers)])
    seen = 99.5 + draw.normal(0, 0.2)
    novel = 95.0 + draw.normal(0, 1.2) - (13.0 if merges and draw.random() < 0.15 else 0.0)
    seen, novel = min(seen, 100.0), min(novel, 100.0)
    return {
        "acc_seen": seen,
        "acc_novel": novel,
        "acc_all": seen / 3 + 2 * novel / 3,
        "acc_novel_strict": novel - 0.4,
        "nmi_novel": novel - 4.0,
        "acc_gap": seen - novel,
        "novel_to_seen_share": 1.5,
    }


def epoch_metrics(final: Mapping[str, float], epoch: int, epochs: int) -> dict[str, float]:
    """A made curve that ends at `final`."""
    late = 1 - math.exp(-5 * epoch / epochs) if epoch < epochs else 1.0
    curve = {name: value * (0.4 + 0.6 * late) for name, value in final.items()}
    curve["acc_seen"] = final["acc_seen"] * (0.9 + 0.1 * late)
    curve["kl_prior_to_estimate"] = 0.13 * (1 - late) + 0.034
    curve["kl_estimate_to_prior"] = 0.10 * (1 - late) + 0.03
    return curve


def make_ledger(
    folder: Path,
    sweep: SweepRecord,
    fates: Fates | None = None,
    *,
    epochs: int = 20,
    error: str = "RuntimeError: made",
    otherwise: str = "done",
    points: Sequence[tuple[Any, ...]] | None = None,
    finals: Callable[[Sequence[Any], int], dict[str, float]] = final_metrics,
    arms: Mapping[str, Mapping[str, Json]] = ARMS,
    ids_begin: str = "t",
) -> Path:
    """Write `sweep` with made results into a ledger in `folder`; returns `folder`.

    Args:
        folder: The results folder.
        sweep: The sweep; its grid is planned in full unless `points` are given.
        fates: By swept values and seed: failed, diverged, stopped, running or not_run.
        epochs: Recorded epochs of a done trial; others stop after three.
        error: The error of failed and diverged trials, and why others were stopped.
        otherwise: What becomes of a trial that `fates` does not name.
        points: The planned points.
        finals: Gives the final metrics of a point and seed.
        arms: What each arm changes in the settings.
        ids_begin: How the ids of its trials begin.
    """
    planned = list(itertools.product(*sweep.axes.values())) if points is None else list(points)
    cells = [(point, seed) for point in planned for seed in sweep.seeds]
    ids = [f"{ids_begin}{i:05d}" for i in range(len(cells))]
    trials = [
        TrialRecord(
            trial_id=trial_id,
            config=_config(sweep, point, arms),
            seed=seed,
            pack_key="p",
            swept=dict(zip(sweep.axes, point, strict=True)),
        )
        for trial_id, (point, seed) in zip(ids, cells, strict=True)
    ]
    with Ledger.open(folder, write=True) as ledger, ledger.transaction():
        ledger.record_plan(sweep, trials)
        for number, (trial_id, (point, seed)) in enumerate(zip(ids, cells, strict=True)):
            fate = fates.get((*point, seed), otherwise) if fates else otherwise
            if fate != "not_run":
                _run(ledger, number, trial_id, finals(point, seed), fate, epochs, error)
    return folder


def _config(
    sweep: SweepRecord, point: Sequence[Any], arms: Mapping[str, Mapping[str, Json]]
) -> dict[str, Json]:
    swept = dict(zip(sweep.axes, point, strict=True))
    changes = arms.get(str(swept.pop("arm", "")), {})
    return {**sweep.settings, **changes, **swept}


def _run(
    ledger: Ledger,
    number: int,
    trial: str,
    final: dict[str, float],
    fate: str,
    epochs: int,
    error: str,
) -> None:
    facts: dict[str, Json] = {"code": "0123abc", "packages": {"torch": "2.15"}}
    attempt = ledger.start_attempts([trial], "pack", facts)[trial]
    worker, at = f"box CPU #{number % 2 + 1}", BEGUN_AT + number // 2 * 10
    ledger.begin_attempt(trial, attempt, {"device": "cpu"}, worker=worker, at=at)
    for epoch in range(1, (epochs if fate == "done" else min(3, epochs)) + 1):
        ledger.add_epoch(trial, attempt, epoch, epoch_metrics(final, epoch, epochs), 0.4)
    if fate == "done":
        ledger.finish(trial, attempt, "done", epoch=epochs, metrics=final, at=at + 9)
    elif fate in {"failed", "diverged", "stopped"}:
        ledger.finish(trial, attempt, fate, epoch=3, error=error, at=at + 2)  # type: ignore[arg-type]
