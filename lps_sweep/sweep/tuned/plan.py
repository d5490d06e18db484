"""The sweep that an experiment of Tune's is, as if it had been planned."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence

from lps_sweep.config import Config, Value, as_json, field_table, find_field, flat, resolved
from lps_sweep.plan import ARM, OBJECTIVES
from lps_sweep.results import Json, SweepRecord, TrialRecord
from lps_sweep.sweep.planned import trial_record
from lps_sweep.sweep.tuned.folder import Experiment
from lps_sweep.sweep.tuned.taken import Taken
from lps_sweep.sweep.tuned.trials import SEED, Base
from lps_sweep.sweep.written import space_text

IMPORTED = "Imported from an experiment of Ray Tune."
"""The question of a sweep that was imported."""


def plan_of(
    name: str, experiment: Experiment, base: Base, taken: Sequence[Taken]
) -> tuple[SweepRecord, list[TrialRecord]]:
    """The sweep and its trials, as if they had been planned."""
    swept = [_swept(one) for one in taken]
    names = dict.fromkeys(key for values in swept for key in values)
    levels = {key: list(dict.fromkeys(values.get(key) for values in swept)) for key in names}
    axes = {key: _in_order(found) for key, found in levels.items() if len(found) > 1}
    config = resolved(base.config())
    defaults, seeds = _values(config), sorted({one.trial.seed for one in taken})
    source = {"preset": base.preset, "set": dict(base.settings), "seeds": seeds}
    record = SweepRecord(
        name=name,
        question=IMPORTED,
        source=f"# what the trainable of {experiment.name} was given\n{space_text(source)}",
        axes=axes,
        defaults={key: as_json(defaults.get(key)) for key in axes},
        settings={key: as_json(value) for key, value in flat(config).items()},
        seeds=seeds,
        preset=base.preset,
        search=_search(
            experiment, [tuple(values.get(key) for key in axes) for values in swept], seeds
        ),
    )
    trials = []
    for one, values in zip(taken, swept, strict=True):
        own = {key: values.get(key) for key in axes}
        trials.append(trial_record(dataclasses.replace(one.trial, swept=own)))
    return record, trials


def _swept(one: Taken) -> dict[str, Value]:
    """Its values of what the `param_space` varies, by flat name."""
    table, values = field_table(one.trial.config.method.name), _values(one.trial.config)
    names = [ARM if key == "method" else key for key in one.source.params if key != SEED]
    return {n: values[n] for n in (n if n == ARM else find_field(table, n)[0] for n in names)}


def _values(config: Config) -> dict[str, Value]:
    """The values of `config` by flat name; its method is an arm."""
    return {**flat(config), ARM: config.method.name}


def _in_order(values: Sequence[Value]) -> list[Json]:
    """The levels of an axis: numbers ascend, others are as they came; None is none."""
    numbers = [v for v in values if isinstance(v, int | float) and not isinstance(v, bool)]
    known = [value for value in values if value is not None]
    return [as_json(v) for v in (sorted(numbers) if len(numbers) == len(known) else known)]


def _search(
    experiment: Experiment, points: Sequence[tuple[Value, ...]], seeds: Sequence[int]
) -> dict[str, Json] | None:
    """What is known of the searcher, where it chose configurations that have all of the seeds."""
    whole = set(Counter(points).values()) == {len(seeds)}
    if not experiment.searched or not whole or experiment.metric not in OBJECTIVES:
        return None
    return {"objectives": [experiment.metric], "sampler": "Ray Tune", "domains": []}
