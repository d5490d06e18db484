"""The trials of a search space as the ledger knows and keeps them."""

from __future__ import annotations

import dataclasses
import functools
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from lps_sweep.config import (
    METHODS,
    Config,
    Value,
    as_json,
    config_from_flat,
    field_table,
    flat,
    resolved,
    spelled_id,
)
from lps_sweep.errors import BadInputError
from lps_sweep.params import FieldInfo
from lps_sweep.plan import (
    Asked,
    Content,
    PlannedTrial,
    SearchSpace,
    axes,
    default_config,
    defaults,
    expand_asked,
)
from lps_sweep.results import Ledger, SweepRecord, TrialRecord
from lps_sweep.sweep.content import content_of

HEAD = "assumed_classes"
"""Besides those of the split, the value that can be spelled in several ways."""


def planned_for(
    space: SearchSpace,
    asked: Iterable[Asked],
    ledger: Ledger,
    content: Callable[[Config], Content] = content_of,
) -> tuple[PlannedTrial, ...]:
    """The trials of the configurations that a search asked for, as `ledger` knows them."""
    return as_known(expand_asked(space, asked, content), ledger, content)


def as_known(
    trials: Sequence[PlannedTrial],
    ledger: Ledger,
    content: Callable[[Config], Content] = content_of,
) -> tuple[PlannedTrial, ...]:
    """`trials`, each under the id of the record that `ledger` has of the same setting.

    Such a record is of the same values and content, but its split or `assumed_classes` may be
    spelled in another way, which was part of the id in older versions. What is finished goes
    before what has another end, and this before what has none.
    """
    ends = ledger.known()
    open_ = {t.trial_id for t in trials if ends.get(t.trial_id) != "done"}
    if not open_ or not ends.keys() - {t.trial_id for t in trials}:
        return tuple(trials)
    records = defaultdict(list)
    for record in ledger.trial_records():
        records[_rest(record.config), record.seed].append(record)
    found = []
    for trial in trials:
        if trial.trial_id in open_:
            key = _rest(flat(trial.config)), trial.seed
            trial = _under_its_record(trial, records.get(key, ()), ends, content)
        found.append(trial)
    return tuple(found)


def _under_its_record(
    trial: PlannedTrial,
    records: Iterable[TrialRecord],
    ends: Mapping[str, str],
    content: Callable[[Config], Content],
) -> PlannedTrial:
    """`trial` as the best of `records` has it, if one is of the same setting."""
    best = trial
    for record in records:
        better = _rank(ends.get(record.trial_id)) > _rank(ends.get(best.trial_id))
        if better and _is_of(record, trial, content(trial.config)):
            table = field_table(trial.config.method.name)
            spelled = {n: record.config[n] for n in _spelled_names(table) if n in record.config}
            best = dataclasses.replace(trial, trial_id=record.trial_id, spelled=spelled)
    return best


def _rank(end: str | None) -> int:
    """How much there is of a trial: nothing, a plan, an end, a result."""
    return 0 if end is None else 3 if end == "done" else 2 if end else 1


def _is_of(record: TrialRecord, trial: PlannedTrial, content: Content) -> bool:
    """Whether the id of `record` is made of the content of `trial`, and its values mean the same.

    The id is the proof that data, split, trunk and revision were the same.
    """
    try:
        config = config_from_flat(record.config)
    except BadInputError:  # values that this version does not have
        return False
    known = {"data": content.data, "split": content.split, "trunk": trial.trunk}
    same_id = record.trial_id == spelled_id(config, record.seed, **known)
    return same_id and resolved(config).head == trial.config.head


def _rest(values: Mapping[str, Any]) -> str:
    """As text, all values that count, but for those that can be spelled in several ways."""
    method = str(values.get("method"))
    kept = _kept(method, bool(values.get("pretrained"))) if method in METHODS else {}
    return json.dumps([method, *(values.get(name, default) for name, default in kept.items())])


@functools.cache
def _kept(method: str, is_pretrained: bool) -> Mapping[str, Any]:
    """Names and defaults of the values in `_rest`."""
    table = field_table(method)
    unused = "pretrain" if is_pretrained else ""
    spelled = _spelled_names(table)
    return {
        name: info.default
        for name, info in table.items()
        if name not in spelled and not info.param.location and info.section != unused
    }


def _spelled_names(table: Mapping[str, FieldInfo]) -> list[str]:
    return [name for name, info in table.items() if info.section == "split" or name == HEAD]


def sweep_record(space: SearchSpace, trials: Sequence[PlannedTrial] = ()) -> SweepRecord:
    """The sweep as the ledger keeps it; what a search varies has the values of its `trials`."""
    settings = flat(resolved(default_config(space)))
    levels = _told_apart(axes(space), trials) | _searched_axes(space, trials)
    return SweepRecord(
        name=space.name,
        question=space.question,
        source=space.source,
        axes={name: [as_json(value) for value in values] for name, values in levels.items()},
        defaults={name: as_json(value) for name, value in defaults(space).items()},
        settings={name: as_json(value) for name, value in settings.items()},
        seeds=list(space.seeds),
        preset=space.preset,
        margin=space.margin,
        search=space.search.facts() if space.search else None,
    )


def _told_apart(
    levels: dict[str, list[Value]], trials: Sequence[PlannedTrial]
) -> dict[str, list[Value]]:
    """`levels` without those at which each configuration is the twin of one at another."""
    own = {(name, value) for trial in trials for name, value in trial.swept.items()}
    twins = {item for trial in trials for twin in trial.twins for item in twin.items()} - own
    return {n: [value for value in v if (n, value) not in twins] for n, v in levels.items()}


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
        config={name: as_json(v) for name, v in {**flat(trial.config), **trial.spelled}.items()},
        seed=trial.seed,
        pack_key=trial.pack_key,
        swept={name: as_json(value) for name, value in trial.swept.items()},
    )
