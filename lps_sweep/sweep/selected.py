"""The configuration that a sweep selected, measured again on seeds that had no say in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lps_sweep.config import PRESETS, Located, build_config, flat
from lps_sweep.errors import BadInputError, nearest
from lps_sweep.plan import OBJECTIVES, parse_yaml
from lps_sweep.results import Json, Ledger, SweepView, load_view
from lps_sweep.results.confirmed import SUFFIX

Values = Mapping[str, Json]


@dataclass(frozen=True)
class Selected:
    """The configuration with the highest mean.

    Attributes:
        config: Its flat values.
        mean: Of the metric over the seeds of the sweep; too high, since it was selected for it.
        num_seeds: These seeds.
        num_compared: Configurations that it was selected from, itself among them.
    """

    config: Values
    mean: float
    num_seeds: int
    num_compared: int


def confirmation_text(results: Path, sweep: str, metric: str, num_seeds: int | None) -> str:
    """A search space of two arms, the default and what `sweep` selected, on fresh seeds.

    Called again, it gives the same seeds as before.

    Args:
        results: The results folder.
        sweep: Name of the sweep.
        metric: An objective as search spaces write it; empty for the sweep's own.
        num_seeds: Fresh seeds; None for as many as the sweep has.

    Raises:
        BadInputError: There is no such sweep or metric, no configuration is complete, or the
            default was selected.
    """
    view = load_view(results, sweep)
    metric = _metric(view, metric)
    best = selected(view, metric)
    record = view.record
    default, other, shared = _differences(record.settings, best.config, record.preset)
    if not other:
        raise BadInputError(
            f"{sweep} selects its default by {metric}: there is nothing else to confirm", sweep
        )
    first = _first_fresh_seed(results, sweep)
    content: dict[str, Any] = {
        "name": f"{sweep}{SUFFIX}",
        "question": (
            f"Does what {sweep} selected of {best.num_compared} configurations by {metric}, "
            f"{best.mean:.1f} on its {best.num_seeds} seeds, hold on fresh seeds?"
        ),
        **({"preset": record.preset} if record.preset else {}),
        "method": str(record.settings["method"]),
        **({"set": shared} if shared else {}),
        "arms": {"default": default, "selected": other},
        "seeds": list(range(first, first + (num_seeds or len(record.seeds)))),
        **_resources(record.source, sweep),
        **({} if record.margin is None else {"margin_points": record.margin}),
    }
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True)


def selected(view: SweepView, metric: str) -> Selected:
    """The configuration with the highest mean of `metric`, of those whose seeds are all done.

    Raises:
        BadInputError: There is none.
    """
    name = metric.removeprefix("oracle.")
    groups: dict[str, list[int]] = {}
    for row, trial_id in enumerate(view.trials["trial_id"]):
        groups.setdefault(str(sorted(view.configs[trial_id].items())), []).append(row)
    found = []
    for rows in groups.values():
        trials = view.trials.iloc[rows]
        if name in trials and (trials["status"] == "done").all() and trials[name].notna().all():
            config = view.configs[str(trials["trial_id"].iloc[0])]
            found.append((float(trials[name].mean()), config, len(trials)))
    if not found:
        raise BadInputError(
            f"no configuration has all its seeds done with a value of {metric}", view.record.name
        )
    mean, config, num_seeds = max(found, key=lambda item: item[0])
    return Selected(config, mean, num_seeds, len(found))


def _metric(view: SweepView, metric: str) -> str:
    if metric and metric not in OBJECTIVES:
        raise BadInputError(f"unknown metric {metric!r}; {nearest(metric, OBJECTIVES)}", "--metric")
    if metric:
        return metric
    objectives = (view.record.search or {}).get("objectives")
    if not isinstance(objectives, list) or len(objectives) > 1:
        raise BadInputError(
            f"name what {view.record.name} is to select by: {', '.join(OBJECTIVES)}", "--metric"
        )
    return str(objectives[0])


def _differences(
    default: Values, other: Values, preset: str
) -> tuple[dict[str, Json], dict[str, Json], dict[str, Json]]:
    """What the two arms set, and what both have beside preset and defaults."""
    apart = {name for name in {*default, *other} if default.get(name) != other.get(name)}
    bases = {str(c["method"]): _base(preset, str(c["method"])) for c in (default, other)}

    def arm(config: Values) -> dict[str, Json]:
        base = bases[str(config["method"])]
        common = {n for n in apart if n in default and n in other}
        return {
            name: value
            for name, value in config.items()
            if name in apart and (name in common or value != base[name])
        }

    base = bases[str(default["method"])]
    shared = {n: v for n, v in default.items() if n not in apart and v != base[n]}
    return arm(default), arm(other), shared


def _base(preset: str, method: str) -> dict[str, Json]:
    """The flat values that a preset has for a method; a list is as JSON has it."""
    preset_values = {name: Located(value) for name, value in PRESETS.get(preset, {}).items()}
    values = flat(build_config(preset_values, method=method))
    return {n: list(v) if isinstance(v, tuple) else v for n, v in values.items()}


def _first_fresh_seed(results: Path, sweep: str) -> int:
    """One after all seeds of the sweeps in the folder, but for an earlier confirmation's."""
    with Ledger.open(results) as ledger:
        known = ledger.sweeps()
        if f"{sweep}{SUFFIX}" in known:
            return min(ledger.record(f"{sweep}{SUFFIX}").seeds)
        return 1 + max(seed for name in known for seed in ledger.record(name).seeds)


def _resources(source: str, sweep: str) -> dict[str, Any]:
    try:
        content = parse_yaml(source, sweep).plain()
    except BadInputError:  # a configuration given on the command line
        return {}
    found = content.get("resources") if isinstance(content, dict) else None
    return {"resources": found} if found else {}
