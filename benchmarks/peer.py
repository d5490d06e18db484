"""The peer: what one would do without this project, on the same job and machine.

``lps-sweep run search_spaces/c_tau.yaml`` at one seed against plain Ray Tune, a trial for each
configuration, each a reference-style loop (`benchmarks.reference_style.tuned`). Whole commands in
turns, from the start of Python to the report of ours and the last trial of theirs: wall-clock time,
and CPU time of all processes. Both go out from one trunk, which is pre-trained before. Ours writes
checkpoints, a ledger, tables and a report besides; the peer keeps what Tune writes down of itself.
"""

from __future__ import annotations

import dataclasses
import json
import math
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from benchmarks.frame import Case, Check, Measurement, Ratio, Setting
from benchmarks.metered import Used, metered
from benchmarks.workload import ACCURACIES
from lps_sweep.data import data_set, load, make_split
from lps_sweep.data.batches import PairedBatches
from lps_sweep.plan import default_config, read_space
from lps_sweep.results import Ledger
from lps_sweep.results.statistics import describe, t_quantile

ROOT = Path(__file__).parents[1]
SPACE = ROOT / "search_spaces" / "c_tau.yaml"
THEIRS, OURS = "plain Ray Tune", "lps-sweep run"


@dataclass(frozen=True)
class Trial:
    """How a trial of either side ended.

    Attributes:
        metrics: Its last accuracies in percent.
        images: Rows of all batches that it was trained on.
    """

    metrics: Mapping[str, Any]
    images: int


@dataclass(frozen=True)
class Turn:
    """One command of one side, and the trials that it trained."""

    used: Used
    trials: Sequence[Trial]


@dataclass(frozen=True)
class Sizes:
    """How much is measured.

    Attributes:
        levels: Of both parameters: the trials of a turn are their square.
        epochs: Of a trial; 0 for those of the preset.
        pairs: Of turns; each is of another seed.
        pretrain_epochs: Of the trunk; 0 for those of the preset.
    """

    levels: int = 5
    epochs: int = 0
    pairs: int = 3
    pretrain_epochs: int = 0

    @classmethod
    def of(cls, setting: Setting) -> Sizes:
        """Those of `setting`: all, few where it is quick, or what it says."""
        quick = cls(levels=2, epochs=1, pairs=1, pretrain_epochs=1)
        return dataclasses.replace(quick if setting.quick else cls(), **setting.sizes)

    @property
    def changed(self) -> dict[str, int]:
        """What is not as in the preset."""
        named = {"epochs": self.epochs, "pretrain_epochs": self.pretrain_epochs}
        return {name: value for name, value in named.items() if value}

    def text(self) -> str:
        """In words."""
        epochs = f"{self.epochs} epochs" if self.epochs else "all epochs"
        return f"{self.levels**2} cells, {epochs}"


class Job:
    """The job of both sides in a folder of its own.

    Args:
        folder: Where all files go.
        sizes: How much.
    """

    def __init__(self, folder: Path, sizes: Sizes) -> None:
        self._folder = folder
        content: dict[str, Any] = yaml.safe_load(SPACE.read_text(encoding="utf-8"))
        self._grid = {name: values[: sizes.levels] for name, values in content["grid"].items()}
        self._content = {**content, "grid": self._grid, "set": sizes.changed}
        self._settings = [f"{name}={value}" for name, value in sizes.changed.items()]
        self._trained = folder / "trained"
        command = ["pretrain", "--preset", content["preset"], "--results", str(self._trained)]
        self._lps_sweep("pretrain", [*command, *self._settings])

    def ours(self, pair: int) -> Turn:
        """The sweep at the seed `pair`."""
        results, space = self._folder / f"ours{pair}", self._folder / f"space{pair}.yaml"
        space.write_text(json.dumps({**self._content, "seeds": [pair]}), encoding="utf-8")
        subprocess.run(["cp", "-r", str(self._trained), str(results)], check=True)
        used = self._lps_sweep(f"ours{pair}", ["run", str(space), "--results", str(results)])
        rows = images_by_epoch(space)
        with Ledger.open(results) as ledger:
            ends = ledger.trial_rows(self._content["name"], driver_alive=False)
            epochs = [row.trial_id for row in ledger.epoch_rows(self._content["name"])]
        trials = [
            Trial(
                {name: end.metrics[name] for name in ACCURACIES}, epochs.count(end.trial_id) * rows
            )
            for end in ends
            if end.status == "done"
        ]
        return Turn(used, trials)

    def theirs(self, pair: int) -> Turn:
        """The same by plain Ray Tune."""
        folder = self._folder / f"theirs{pair}"
        folder.mkdir()
        (trunk,) = self._trained.glob("checkpoints/trunks/*.pt")
        job = {
            "preset": self._content["preset"],
            "settings": self._settings,
            "grid": self._grid,
            "seed": pair,
            "trunk": str(trunk),
            "folder": str(folder),
        }
        (folder / "job.json").write_text(json.dumps(job), encoding="utf-8")
        command = ["benchmarks.reference_style.tuned", str(folder / "job.json")]
        used = self._metered(f"theirs{pair}", command)
        trials = json.loads((folder / "trials.json").read_text(encoding="utf-8"))
        return Turn(used, [Trial({m: t[m] for m in ACCURACIES}, t["images"]) for t in trials])

    def _lps_sweep(self, name: str, arguments: Sequence[str]) -> Used:
        return self._metered(name, ["lps_sweep", *arguments])

    def _metered(self, name: str, module: Sequence[str]) -> Used:
        """A module of Python with its arguments, on the CPU, its temporary files in the folder."""
        environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "CUDA_VISIBLE_DEVICES": "",
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_TMPDIR": str(self._folder / "ray"),
        }
        command = [sys.executable, "-m", *module]
        return metered(command, self._folder / f"{name}.json", environment)


def images_by_epoch(space: Path) -> int:
    """Rows of the batches of an epoch of any trial of the search space."""
    config = default_config(read_space(space))
    images = load(config.data)
    split = make_split(images.labels, images.num_classes, config.split)
    rounded_down = data_set(config.data.dataset).rounded_down
    batches = PairedBatches(split, config.loop.batch_size, 0, "cpu", rounded_down)
    return batches.num_steps * (batches.num_labeled + batches.num_unlabeled)


def measure(setting: Setting, pair: int = 0) -> Measurement:
    """Both sides in turn at the seed `pair`; the order changes from pair to pair."""
    sizes = Sizes.of(setting)
    with tempfile.TemporaryDirectory(prefix="peer-") as name:
        job = Job(Path(name), sizes)
        sides: dict[str, Callable[[int], Turn]] = {THEIRS: job.theirs, OURS: job.ours}
        found = {side: sides[side](pair) for side in (list(sides) if pair % 2 else [*sides][::-1])}
    return compared(found[THEIRS], found[OURS], sizes.levels**2)


def compared(theirs: Turn, ours: Turn, planned: int) -> Measurement:
    """Ratios and checks of a turn of both sides, `planned` trials each."""
    ratios = [
        Ratio(
            f"{THEIRS}, {what}",
            f"{OURS}, {what}",
            (getattr(theirs.used, key),),
            (getattr(ours.used, key),),
        )
        for what, key in (("CPU time", "cpu_s"), ("wall-clock time", "wall_s"))
    ]
    images = [sum(trial.images for trial in turn.trials) for turn in (theirs, ours)]
    done = min(len(turn.trials) for turn in (theirs, ours))
    checks = [
        Check.number("trials done", done, planned),
        Check.number("images trained on by the peer, less ours", images[0] - images[1], 0),
        Check.above("images trained on", images[1], 1),
    ]
    facts: dict[str, Any] = {"trials of a turn": planned, "images trained on": images[1]}
    for ratio in ratios:
        facts[f"s: {ratio.baseline}"] = ratio.baseline_s
        facts[f"s: {ratio.ours}"] = ratio.ours_s
    for metric in ACCURACIES:
        check, shown = agreement(metric, _values(theirs, metric), _values(ours, metric))
        checks.append(check)
        facts[f"{metric}, percent, peer and ours"] = shown
    return Measurement(checks, ratios, facts, "whole commands, all of their processes")


def agreement(
    metric: str, theirs: Sequence[float], ours: Sequence[float]
) -> tuple[Check, list[str]]:
    """That the 95 % intervals of both means meet; both as text.

    The spread is that of the trials of either side, whichever is larger. The peer's trials have
    seeds of their own; ours share batches and views at one seed, and so count as one.
    """
    described = [describe(values) for values in (theirs, ours)]
    spread = max(one.sd or 0.0 for one in described)
    t = t_quantile(0.975, len(theirs) - 1)
    halves = [t * spread / math.sqrt(number) for number in (len(theirs), 1)]
    check = Check(
        f"{metric}: points between the means, at most both half intervals",
        abs(described[0].mean - described[1].mean),
        sum(halves),
    )
    shown = zip(described, halves, strict=True)
    return check, [f"{one.mean:.1f} ± {half:.1f}" for one, half in shown]


def _values(turn: Turn, metric: str) -> list[float]:
    return [trial.metrics[metric] for trial in turn.trials]


def cases(setting: Setting) -> list[Case]:
    """One for each pair, so that they may be measured by several calls."""
    sizes = Sizes.of(setting)
    title = f"c_tau on two-digit numbers, {sizes.text()}, seed"
    pairs = range(sizes.pairs)
    return [Case(f"pair{n}", f"{title} {n}", partial(measure, pair=n)) for n in pairs]
