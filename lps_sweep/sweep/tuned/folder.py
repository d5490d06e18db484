"""The folder of a Ray Tune experiment, read without Ray: JSON and CSV alone, nothing unpickled."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lps_sweep.errors import BadInputError
from lps_sweep.files import inside, read_text
from lps_sweep.sweep.tuned.trials import COLUMN, Told

MOST_BYTES = 2**30
"""Of one of its files."""

_WRONG = (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError)


@dataclass(frozen=True)
class TuneRow:
    """What a trial reported after an epoch.

    Attributes:
        told: What our trainable says of it.
        at: When, in seconds since 1970.
        took: Seconds since the row before, or since the trial was started.
        checkpoint: Name of the folder of its checkpoint, in the trial's; empty without one.
    """

    told: Told
    at: float
    took: float
    checkpoint: str


@dataclass(frozen=True)
class TuneTrial:
    """A trial of Tune's.

    Attributes:
        name: Name of its folder.
        status: As the experiment's state has it: PENDING, RUNNING, PAUSED, TERMINATED or ERROR.
        params: Its values of the `param_space`.
        rows: By epoch, from 1, ascending.
        error: What its error file says, of a trial with an error.
        started: When it was started last, in seconds since 1970; None if it never was.
        folder: Its folder, which need not be there.
    """

    name: str
    status: str
    params: Mapping[str, Any]
    rows: Mapping[int, TuneRow]
    error: str
    started: float | None
    folder: Path


@dataclass(frozen=True)
class Experiment:
    """An experiment as far as it has come.

    Attributes:
        name: Name of its folder.
        trials: In the order in which they were made.
        metric: What it compares trials by; empty where it does not.
        searched: Whether a searcher chose the values, and no list of them.
    """

    name: str
    trials: tuple[TuneTrial, ...]
    metric: str
    searched: bool


def read_experiment(folder: Path) -> Experiment:
    """The experiment in `folder`.

    Raises:
        BadInputError: It is none, cannot be read, or a trial is not of our trainable.
        StorageError: A trial names a folder outside it.
    """
    states = sorted(folder.glob("experiment_state-*.json"))
    if not states:
        raise BadInputError(
            "this is no experiment of Ray Tune: it has no experiment_state-*.json", str(folder)
        )
    text = read_text(states[-1], MOST_BYTES)
    try:
        state = json.loads(text)
        known = [(json.loads(own), json.loads(ran)) for own, ran in state["trial_data"]]
        known.sort(key=lambda pair: int(str(pair[0]["experiment_tag"]).partition("_")[0]))
        metric = state["runner_data"].get("_metric") or ""
        trials = tuple(_trial(folder, own, ran) for own, ran in known)
    except _WRONG as error:
        raise BadInputError(
            f"this is no state of an experiment: {error!r}", str(states[-1])
        ) from None
    searched = any(folder.glob("searcher-state-*"))
    return Experiment(folder.resolve().name, trials, str(metric), searched)


def _trial(folder: Path, own: Mapping[str, Any], ran: Mapping[str, Any]) -> TuneTrial:
    """A trial, from the two parts that the experiment's state has of it, and from its folder."""
    name = str(own.get("relative_logdir") or own["trial_id"])
    place = inside(folder, name)
    params, error = place / "params.json", place / "error.txt"
    failed, started = own["status"] == "ERROR", ran.get("start_time")
    return TuneTrial(
        name,
        str(own["status"]),
        dict(json.loads(read_text(params, MOST_BYTES)) if params.is_file() else own["config"]),
        _rows(place),
        read_text(error, MOST_BYTES).strip() if failed and error.is_file() else "",
        None if started is None else float(started),
        place,
    )


def _rows(place: Path) -> dict[int, TuneRow]:
    """By epoch, the rows of a trial; one that went back to an epoch goes on from there."""
    found: dict[int, TuneRow] = {}
    for number, row in enumerate(_reported(place), start=1):
        where = f"{place}: row {number}"
        if COLUMN not in row:
            raise BadInputError("this was not reported by lps_sweep.tune.trainable", where)
        try:
            told, epoch = Told.read(row[COLUMN]), int(row["training_iteration"])
            at, took = float(row["timestamp"]), float(row["time_this_iter_s"])
        except _WRONG as error:
            raise BadInputError(f"what was reported cannot be read: {error!r}", where) from None
        found = {e: earlier for e, earlier in found.items() if e < epoch}
        found[epoch] = TuneRow(told, at, took, str(row.get("checkpoint_dir_name") or ""))
    return found


def _reported(place: Path) -> Iterator[Mapping[str, Any]]:
    """The rows of a trial as its result.json has them, or else its progress.csv."""
    if (place / "result.json").is_file():
        lines = read_text(place / "result.json", MOST_BYTES).splitlines()
        for number, line in enumerate(lines, start=1):
            try:
                yield dict(json.loads(line))
            except _WRONG as error:
                if number < len(lines):  # the last one may have been cut off with the driver
                    where = f"{place / 'result.json'}:{number}"
                    raise BadInputError(f"this is no row: {error!r}", where) from None
    elif (place / "progress.csv").is_file():
        yield from csv.DictReader(io.StringIO(read_text(place / "progress.csv", MOST_BYTES)))
