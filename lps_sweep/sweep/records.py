"""What a plan looks like in the ledger."""

from __future__ import annotations

from collections.abc import Sequence

from lps_sweep.config import Value, flat
from lps_sweep.plan import PlannedTrial, SearchSpace, axes, default_config, defaults
from lps_sweep.results import Json, SweepRecord, TrialRecord


def sweep_record(space: SearchSpace, trials: Sequence[PlannedTrial] = ()) -> SweepRecord:
    """The sweep as the ledger keeps it; what a search varies has the values of its `trials`."""
    levels = axes(space) | _searched_axes(space, trials)
    return SweepRecord(
        name=space.name,
        question=space.question,
        source=space.source,
        axes={name: [_json(value) for value in values] for name, values in levels.items()},
        defaults={name: _json(value) for name, value in defaults(space).items()},
        settings={name: _json(value) for name, value in flat(default_config(space)).items()},
        seeds=list(space.seeds),
        preset=space.preset,
        margin=space.margin,
        search=space.search.facts() if space.search else None,
    )


def _searched_axes(space: SearchSpace, trials: Sequence[PlannedTrial]) -> dict[str, list[Value]]:
    """The values asked for so far, in ascending order where they are numbers."""
    found: dict[str, list[Value]] = {}
    for domain in space.search.domains if space.search else ():
        values = dict.fromkeys(trial.swept[domain.name] for trial in trials)
        numbers = [value for value in values if isinstance(value, int | float)]
        words = [value for value in values if value is not None]
        found[domain.name] = [*words] if domain.kind == "choice" else [*sorted(numbers)]
    return found


def trial_record(trial: PlannedTrial) -> TrialRecord:
    """The trial as the ledger keeps it."""
    return TrialRecord(
        trial_id=trial.trial_id,
        config={name: _json(value) for name, value in flat(trial.config).items()},
        seed=trial.seed,
        pack_key=trial.pack_key,
        swept={name: _json(value) for name, value in trial.swept.items()},
    )


def _json(value: object) -> Json:
    return list(value) if isinstance(value, tuple) else value  # type: ignore[return-value]
