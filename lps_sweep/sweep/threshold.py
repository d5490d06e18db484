"""When a run asks before it starts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lps_sweep.config.fields import param
from lps_sweep.plan import PlannedTrial, SearchSpace
from lps_sweep.sweep.budget import read_limits
from lps_sweep.sweep.estimate import estimate, workers_here
from lps_sweep.sweep.preview import hours_text, planned_so_far, recorded, still_to_ask
from lps_sweep.sweep.selection import Selection


@dataclass(frozen=True)
class Threshold:
    """What a run may start without a question."""

    trials: int = param(1000, "trials to be started", low=0)
    hours: float = param(24.0, "hours that they take here, by what is recorded", low=0)


def read_threshold(texts: Sequence[str]) -> Threshold:
    """The threshold that ``name=value`` texts describe, several of them separated by commas.

    Raises:
        BadInputError: For an unknown name, one given twice, or a value out of range.
    """
    return Threshold(**read_limits(texts, Threshold))


def above(
    threshold: Threshold,
    space: SearchSpace,
    listed: Sequence[PlannedTrial],
    selection: Selection,
    results: Path,
) -> str:
    """In words, what a run would start beyond `threshold`; empty where it would not.

    Args:
        threshold: What may be started without a question.
        space: What is run.
        listed: Its listed trials; of a search, those of its cells.
        selection: Which of them may be started.
        results: The results folder, which is only read.

    Raises:
        StorageError: The results folder cannot be read.
    """
    trials = planned_so_far(space, listed, results)
    known = recorded(space, trials, results)
    ids = [t.trial_id for t in trials] if space.search else selection.matching(trials)
    chosen = {*selection.choose(ids, known.outcomes)}
    configs = [trial.config for trial in trials if trial.trial_id in chosen]
    configs += still_to_ask(space, listed, trials)
    if len(configs) > threshold.trials:
        return f"{len(configs)} trials are to be started, more than {threshold.trials}"
    hours = estimate(configs, known.costs, workers_here(space.resources)).hours
    if hours is not None and hours > threshold.hours:
        return (
            f"{len(configs)} trials are to be started, which take {hours_text(hours)} here, more "
            f"than {threshold.hours:g}"
        )
    return ""
