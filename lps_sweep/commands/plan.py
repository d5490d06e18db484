"""`plan`: what would run; and `schema`: what a search space may say."""

from __future__ import annotations

import json as json_format
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lps_sweep.commands.nodes import cluster_lines
from lps_sweep.commands.output import aligned, counted, in_columns, print_json, wrapped
from lps_sweep.commands.output import settings as as_settings
from lps_sweep.errors import ExitCode

if TYPE_CHECKING:
    from lps_sweep.plan import SearchSpace, Varied
    from lps_sweep.sweep.forecast import Cluster
    from lps_sweep.sweep.preview import Folds, Preview

JSON_CONFIGURATIONS = 3
"""Whole configurations that programs are given unless they ask for another number."""

MOST_ARMS = 3
"""Arms from which their number is told instead of their names."""
MOST_ROWS = 6
"""Rows of a table; what is varied, the arms and what is set stay on one screen."""

MOST_VALUES = 8
"""Values of a list that are shown."""

MOST_LEFT_OUT = 3
"""Trials no longer planned that are shown."""


def plan(
    *,
    file: Path,
    preset: str,
    settings: Sequence[str],
    resources: Sequence[str],
    results: Path | str,
    ledger: Path | None,
    probe: bool,
    configurations: int,
    assume: Sequence[str],
    json: bool,
    **nodes: float | None,
) -> int:
    """Shows what would run; `nodes` are fields of `forecast.Cluster`."""
    from lps_sweep.plan import read_space
    from lps_sweep.results.places import check_results
    from lps_sweep.sweep.folder import driver_folder
    from lps_sweep.sweep.forecast import read_cluster

    cluster = read_cluster(nodes, assume)
    space = read_space(file, preset=preset, settings=settings, resources=resources)
    folder, _ = driver_folder(results, ledger, space.name)
    check_results(folder)
    return show_plan(
        space, folder, probe=probe, configurations=configurations, json=json, cluster=cluster
    )


def show_plan(
    space: SearchSpace,
    results: Path,
    *,
    probe: bool = False,
    configurations: int = 0,
    json: bool = False,
    cluster: Cluster | None = None,
) -> int:
    """Shows what would run of `space`; the arguments are those of `plan`."""
    from lps_sweep.sweep.preview import preview

    number = configurations or (JSON_CONFIGURATIONS if json else 0)
    shown = preview(space, results, probed=probe, num_configurations=number, cluster=cluster)
    print(_to_json(shown) if json else "\n\n".join(_sections(shown)))
    return ExitCode.DONE


def schema() -> int:
    """Prints the JSON Schema of a search space."""
    from lps_sweep.plan import json_schema

    print_json(json_schema())
    return ExitCode.DONE


def _to_json(shown: Preview) -> str:
    """A line for each fact, which is quick to write for many trials."""
    facts = (
        f"  {json_format.dumps(name)}: {json_format.dumps(value, default=asdict)}"
        for name, value in vars(shown).items()
    )
    return "{\n" + ",\n".join(facts) + "\n}"


def _sections(shown: Preview) -> Iterator[str]:
    title = f"{shown.name}: {shown.question}" if shown.question else shown.name
    origin = f"preset {shown.preset}, " if shown.preset else ""
    yield "\n".join(map(wrapped, (title, _counts(shown), f"{origin}method {shown.method}")))
    if shown.varied:
        yield _table(
            ("varied", "symbol", "block", "default", "values"),
            [
                (v.name, v.symbol or "-", v.block, _text(v.default), _values(v))
                for v in shown.varied
            ],
        )
    arms = shown.arms.items()
    if arms and all(
        {"method": shown.method, **values} == {"method": name} for name, values in arms
    ):
        yield wrapped(f"arms, each the method of its name: {', '.join(shown.arms)}")
    elif arms:
        yield _table(("arm", "sets"), [(name, as_settings(values)) for name, values in arms])
    if shown.departures:
        yield _table(
            ("set", "value", f"preset {shown.preset}" if shown.preset else "default"),
            [(one.name, _text(one.value), _text(one.preset)) for one in shown.departures],
        )
    yield "\n".join(_facts(shown))
    if shown.cluster:
        yield "\n".join(cluster_lines(shown.cluster, _source(shown)))
    for number, values in enumerate(shown.configurations, start=1):
        cells = {name: _text(value) or "-" for name, value in values.items()}
        yield f"configuration {number}\n{in_columns(cells)}"


def _counts(shown: Preview) -> str:
    configurations = counted(shown.num_configurations, "configuration")
    chosen = f" chosen by {shown.chosen_by}" if shown.chosen_by else ""
    seeds = "seed" if len(shown.seeds) == 1 else "seeds"
    return (
        f"{counted(shown.num_trials, 'trial')}: {configurations}{chosen} at {seeds} "
        f"{_listed(shown.seeds)}"
    )


def _facts(shown: Preview) -> Iterator[str]:
    """What is known of the trials, a line each."""
    yield from shown.missing
    yield wrapped(_recorded(shown))
    if shown.stopping:
        yield wrapped(f"stopped early: {shown.stopping}; the estimate does not count on it")
    yield from map(wrapped, shown.notes)
    if shown.left_out:
        yield wrapped(_left_out(shown.left_out))
    if again := _retry(shown.outcomes):
        yield f"tried again with: --retry {again}"
    yield wrapped(f"packs: {_packs(shown)}")
    if shown.pseudo_novel:
        yield wrapped(f"pseudo-novel: {_folds(shown.pseudo_novel)}")
    yield wrapped(f"resources: {_resources(shown.resources)}")
    yield f"trunks: {_trunks(shown)}"
    yield wrapped(f"estimate: {_cost(shown)}")


def _packs(shown: Preview) -> str:
    if not shown.pack_sizes and shown.num_trials > sum(shown.outcomes.values()):
        return f"known once {shown.chosen_by} has chosen"
    return _sizes(shown.pack_sizes)


def _sizes(packs: Sequence[int]) -> str:
    sizes = sorted(Counter(packs).items(), reverse=True)
    return ", ".join(f"{n} of {counted(size, 'trial')}" for size, n in sizes) or "none"


def _folds(shown: Folds) -> str:
    """What trainings on folds add, and what of the whole estimate goes to them."""
    from lps_sweep.sweep.estimate import hours_text

    left, hours = shown.num_trials - sum(shown.outcomes.values()), shown.cost.hours
    recorded = ", ".join(f"{n} {status}" for status, n in sorted(shown.outcomes.items()))
    time = "time unknown" if hours is None else f"{hours_text(hours)} of the estimate"
    return (
        f"{shown.folds} folds of the seen classes, {counted(shown.num_trials, 'training')} beside "
        f"the trials; already recorded: {recorded or 'none'}; to run: {left}, in packs: "
        f"{_sizes(shown.pack_sizes)}; {time}"
    )


def _recorded(shown: Preview) -> str:
    """The trials with an outcome, and those that are left."""
    known = ", ".join(f"{n} {status}" for status, n in sorted(shown.outcomes.items()))
    left = shown.num_trials - sum(shown.outcomes.values())
    if shown.num_unknown == shown.num_trials:
        return f"already recorded: not known; to run: {left} at the most; new: not known"
    if shown.num_unknown:
        unknown = f"not known of {shown.num_unknown}"
        return f"already recorded: {known or 'none'}, {unknown}; to run: {left} at the most"
    new = shown.change.added - shown.change.shared if shown.change else 0
    news = "" if not new else ", all new" if new == left else f", {new} of them new"
    return f"already recorded: {known or 'none'}; to run: {left}{news}"


def _left_out(trials: Sequence[Mapping[str, Any]]) -> str:
    """Which trials are no longer planned, the first of them by their values."""
    texts = [as_settings({**old["swept"], "seed": old["seed"]}) for old in trials[:MOST_LEFT_OUT]]
    rest = len(trials) - len(texts)
    more = f"; and {rest} more" if rest else ""
    number = counted(len(trials), "trial")
    return f"{number} no longer in the plan: kept, and left out: {'; '.join(texts)}{more}"


def _retry(outcomes: Mapping[str, int]) -> str:
    from lps_sweep.results import REOPENABLE

    return ",".join(status for status in REOPENABLE if outcomes.get(status))


def _resources(used: Mapping[str, Mapping[str, Any]]) -> str:
    """The settings with a value or a source, then those that have none."""
    from lps_sweep.config import shown

    given, unset = [], []
    for name, one in used.items():
        if one["from"] != "default":
            given.append(f"{name}={shown(one['value'])} ({one['from']})")
        elif one["value"] is not None:
            given.append(f"{name}={shown(one['value'])}")
        else:
            unset.append(name)
    return ", ".join(given) + (f"; null: {', '.join(unset)}" if unset else "")


def _trunks(shown: Preview) -> str:
    number, known = shown.num_trunks, len(shown.trunks)
    if not known:
        return f"{number} needed, to be pre-trained: not known"
    absent = sum(not there for there in shown.trunks.values())
    unknown = f", not known of {number - known}" if known < number else ""
    return f"{number} needed, {absent} to be pre-trained{unknown}"


def _source(shown: Preview) -> str:
    return "a probe" if shown.estimated_from == "probe" else "recorded epochs"


def _cost(shown: Preview) -> str:
    from lps_sweep.sweep.estimate import hours_text

    cost = shown.cost
    size = "disk unknown" if cost.size is None else f"{cost.size / 1e6:.0f} MB of disk"
    if cost.hours is None:
        return f"{size}; time unknown (none recorded; try --probe)"
    gpus = f"{cost.gpu_hours:.1f} GPU-hours" if cost.gpu_hours else "no GPU here"
    time = f"{hours_text(cost.hours)} on this machine ({gpus}), from {_source(shown)}"
    if not all(shown.trunks.values()) or len(shown.trunks) < shown.num_trunks:
        part = cost.pretrain_hours
        known = part is not None and f", {hours_text(part)} of it pre-training"
        time += known or ", without the pre-training"
    return f"{time}; {size}"


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """At most `MOST_ROWS` rows; the last cell of a row goes on below itself."""
    head, *lines = aligned(header, rows[:MOST_ROWS], "l" * len(header)).splitlines()
    indent = " " * head.rindex(header[-1])
    more = len(rows) - MOST_ROWS
    last = [f"and {more} more"] if more > 0 else []
    return "\n".join([head, *(wrapped(line, indent=indent) for line in lines), *last])


def _values(one: Varied) -> str:
    """The values of a parameter, as many as fit."""
    if one.between:
        text = f"{_text(one.values[0])} to {_text(one.values[1])}{', log' if one.log else ''}"
    else:
        text = _listed(one.values)
    from lps_sweep.plan import ARM

    when = dict(one.when)
    if arms := [str(arm) for arm in when.pop(ARM, ())]:
        text += f" in {', '.join(arms) if len(arms) < MOST_ARMS else f'{len(arms)} arms'}"
    where = (f"{name} is {' or '.join(map(_text, values))}" for name, values in when.items())
    return f"{text} where {' and '.join(where)}" if when else text


def _listed(values: Sequence[Any]) -> str:
    if len(values) <= MOST_VALUES:
        return ", ".join(map(_text, values))
    first = ", ".join(map(_text, values[: MOST_VALUES - 3]))
    return f"{first}, ... {_text(values[-1])} ({len(values)} values)"


def _text(value: object) -> str:
    from lps_sweep.report.numbers import value_text

    return value_text(value)
