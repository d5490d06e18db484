"""Seen classes that play novel: how trials did on folds of them, whose labels the user has.

The trainings on folds are those of a sweep beside the one that they belong to, so that they are in
none of its tables.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from lps_sweep.config import FOLDS, as_json, field_table
from lps_sweep.results.confirmed import digest_if_there, done_trials, name_beside, without_places
from lps_sweep.results.encoding import json_text
from lps_sweep.results.ledger import Ledger

if TYPE_CHECKING:
    from lps_sweep.results.records import Json
    from lps_sweep.results.view import SweepView

FIELD = "hidden_fold"
"""The value of a configuration that says which fold plays novel."""
METRIC = "acc_fold"
"""What a training on a fold is scored by, percent."""


def folds_name(sweep: str) -> str:
    """What the sweep of the folds of `sweep` is called."""
    return name_beside(sweep, FOLDS)


def folds_digest(ledger: Ledger, sweep: str) -> str:
    """Changes when the sweep of the folds of `sweep` does; empty where there is none."""
    return digest_if_there(ledger, folds_name(sweep))


def fold_scores(view: SweepView) -> dict[str, float]:
    """Mean score over the folds of each done trial of `view` all of whose folds are done.

    A training on a fold belongs to the trial of the same seed and, but for the fold, the same
    values.
    """
    found: dict[str, dict[str, float]] = {}
    for row in done_trials(view, folds_name(view.record.name)):
        score = row.metrics.get(METRIC)
        if score is not None:
            fold = str(row.config.get(FIELD, ""))
            found.setdefault(_key(row.config, row.seed), {})[fold] = score
    scores: dict[str, float] = {}
    done = view.trials[view.trials["status"] == "done"]
    for trial, seed in zip(done["trial_id"], done["seed"], strict=True) if found else ():
        folds = found.get(_key(view.configs[trial], seed), {})
        if folds and len(folds) == int(next(iter(folds)).partition("/")[2] or 0):
            scores[trial] = sum(folds.values()) / len(folds)
    return scores


def _key(config: Mapping[str, Json], seed: int) -> str:
    """What a trial and its trainings on folds have in common, whichever version recorded them."""
    table = field_table(str(config["method"]))
    kept = {
        name: value
        for name, value in without_places(config).items()
        if name != FIELD and not (name in table and value == as_json(table[name].default))
    }
    return json_text([int(seed), sorted(kept.items())])


def missing_folds(view: SweepView, scored: int) -> str:
    """In words, what is missing of folds that were begun; empty where nothing is.

    `scored` done trials of `view` have all of theirs.
    """
    name, number = folds_name(view.record.name), view.counts.done
    with Ledger.open(view.folder) as ledger:
        counts = ledger.counts(name, False) if name in ledger.sweeps() else None
    if counts is None or scored == number:
        return ""
    return (
        f"{scored} of {number} done trials have all their folds done: of {counts.planned} planned "
        f"trainings on folds {counts.done} are done and {counts.failed + counts.diverged} lost"
    )
