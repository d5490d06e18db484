"""The configuration that a sweep selected, measured again on seeds that had no say in it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lps_sweep.config import (
    PRESETS,
    Located,
    as_json,
    build_config,
    changed_config,
    flat,
    preset_values,
)
from lps_sweep.errors import BadInputError
from lps_sweep.results import Json, Ledger, SweepView, load_view
from lps_sweep.results.candidates import candidates
from lps_sweep.results.confirmed import confirmation_name, is_beside
from lps_sweep.results.selection import best_seed, choose, find_rule, refusal
from lps_sweep.sweep.written import Writer, resources_of

if TYPE_CHECKING:
    from pandas import DataFrame

Values = Mapping[str, Json]

WRITER = Writer("confirm", "confirmation", confirmation_name, r"Does what .* hold on fresh seeds\?")


@dataclass(frozen=True)
class Selected:
    """The configuration that a rule takes.

    Attributes:
        config: Its flat values.
        mean: Of the rule over the seeds of the sweep; too high, since it was selected for it.
        num_seeds: These seeds.
        num_compared: Configurations that it was selected from, itself among them.
        best_seed: The seed that the rule takes of them; None where it cannot tell.
        refusal: Why the rule cannot tell it from the others; empty where it can.
    """

    config: Values
    mean: float
    num_seeds: int
    num_compared: int
    best_seed: int | None = None
    refusal: str = ""


def confirmation_text(results: Path, sweep: str, rule: str, num_seeds: int | None) -> str:
    """A search space of arms, the default and what `sweep` selected, on fresh seeds.

    A sweep of several searches, one for each cell of the values listed beside it, selects in each
    of them. Called again, it gives the same seeds as before.

    Args:
        results: The results folder.
        sweep: Name of the sweep.
        rule: Name of a rule of selection; empty for the objective of the sweep's search.
        num_seeds: Fresh seeds; None for as many as the sweep has.

    Raises:
        BadInputError: There is no such sweep or rule, it has nothing to compare, or the default
            was selected.
    """
    view = load_view(results, sweep)
    rule = rule or own_rule(view)
    best = selected(view, rule)
    record = view.record
    default, others, shared = differences(
        record.settings, {name: one.config for name, one in best.items()}, record.preset
    )
    if not others:
        raise BadInputError(
            f"{sweep} selects its default by {rule}: there is nothing else to confirm", sweep
        )
    first = _first_fresh_seed(results, sweep)
    content: dict[str, Any] = {
        "name": confirmation_name(sweep),
        "question": _question(sweep, rule, list(best.values())),
        **({"preset": record.preset} if record.preset else {}),
        "method": str(record.settings["method"]),
        **({"set": shared} if shared else {}),
        "arms": {"default": default, **others},
        "seeds": list(range(first, first + (num_seeds or len(record.seeds)))),
        **resources_of(record),
        **({} if record.margin is None else {"margin_points": record.margin}),
    }
    return WRITER.text(content)


def _question(sweep: str, rule: str, best: list[Selected]) -> str:
    if len(best) > 1:
        return (
            f"Does what the {len(best)} searches of {sweep} selected by {rule} hold on fresh seeds?"
        )
    return (
        f"Does what {sweep} selected of {best[0].num_compared} configurations by {rule}, "
        f"{best[0].mean:.3g} on its {best[0].num_seeds} seeds, hold on fresh seeds?"
    )


def selected(view: SweepView, rule: str) -> dict[str, Selected]:
    """By arm, the configuration of each search that `rule` takes.

    Of those whose seeds are all done; a search without any is left out. A sweep without a search
    counts as one, whose arm is ``selected``; those of several have the values listed beside them.

    Raises:
        BadInputError: No search has one, or the sweep is of machine noise or of folds.
    """
    if is_beside(view):
        name = view.record.name
        raise BadInputError(f"{name} belongs to another sweep; name the one that it is of", name)
    found: dict[str, Selected] = {}
    refused = BadInputError("no trial is planned", view.record.name)
    for number, (cell, trials) in enumerate(_cells(view), start=1):
        try:
            best = _best(view, trials, rule)
        except BadInputError as error:
            refused = error
            continue
        name = re.sub(r"[^A-Za-z0-9._-]+", "-", "_".join(["selected", *cell]))[:60]
        found[f"{name}_{number}" if name in found else name] = best
    if not found:
        raise refused
    return found


def _cells(view: SweepView) -> list[tuple[tuple[str, ...], DataFrame]]:
    """The trials of each search and the values listed beside it; no values where it is one."""
    domains = (view.record.search or {}).get("domains", [])
    known = domains if isinstance(domains, list) else []
    searched = {str(domain["name"]) for domain in known if isinstance(domain, dict)}
    listed = [axis for axis in view.record.axes if searched and axis not in searched]
    rows: dict[tuple[str, ...], list[int]] = {}
    for row, values in enumerate(view.trials[listed].itertuples(index=False)):
        rows.setdefault(tuple(map(str, values)), []).append(row)
    if len(rows) < 2:
        return [((), view.trials)]
    return [(cell, view.trials.iloc[places]) for cell, places in rows.items()]


def _best(view: SweepView, trials: DataFrame, name: str) -> Selected:
    """What the rule `name` takes of the complete configurations among `trials`.

    Raises:
        BadInputError: There is no such rule, or its values do not tell any from the others.
    """
    found = candidates(view, trials)
    rule, every = find_rule(name, found), range(len(found.seeds))
    place = choose(rule, found, every)
    if place is None:
        raise BadInputError(f"{name} cannot tell: its values are all the same", view.record.name)
    scores = rule.score(lambda one: found.values(one, every).mean(1))
    seed = best_seed(rule, found, place)
    return Selected(
        config=found.configs[place],
        mean=float(scores[place]),
        num_seeds=len(found.seeds),
        num_compared=sum(score == score for score in scores.tolist()),
        best_seed=None if seed is None else found.seeds[seed],
        refusal=refusal(rule, found, every),
    )


def own_rule(view: SweepView) -> str:
    """The objective of the search of `view`.

    Raises:
        BadInputError: It has none, or several.
    """
    objectives = (view.record.search or {}).get("objectives")
    if not isinstance(objectives, list) or len(objectives) > 1:
        raise BadInputError(f"name the rule that {view.record.name} is to select by", "--rule")
    return str(objectives[0])


def differences(
    default: Values, others: Mapping[str, Values], preset: str
) -> tuple[dict[str, Json], dict[str, dict[str, Json]], dict[str, Json]]:
    """What the default and each other arm set, and what all have beside preset and defaults.

    An arm that is the default is left out.
    """
    others = {name: config for name, config in others.items() if config != default}
    configs = [default, *others.values()]
    apart = {n for c in configs for n in {*default, *c} if default.get(n) != c.get(n)}
    common = {n for n in apart if all(n in c for c in configs)}
    base = _base(preset, default)
    shared = {n: v for n, v in default.items() if n not in apart and v != base[n]}

    def arm(config: Values) -> dict[str, Json]:
        base = _base(preset, config)
        return {
            name: value
            for name, value in config.items()
            if name in common or (name not in shared and value != base.get(name, value))
        }

    return arm(default), {name: arm(config) for name, config in others.items()}, shared


def _base(preset: str, config: Values) -> dict[str, Json]:
    """What a preset, and the recipe of `config`, have for its method; a list is as JSON has it.

    The recipe itself is at its default, so that another one is written out.
    """
    method = str(config["method"])
    given = preset_values(preset, method) if preset in PRESETS else {}
    values = {name: Located(value) for name, value in given.items()}
    base = build_config(values, method=method)
    if config.get("recipe") == "own":
        own = {name: Located(value) for name, value in base.method.own_recipe.items()}
        base = changed_config(base, own)
    return {name: as_json(value) for name, value in flat(base).items()}


def _first_fresh_seed(results: Path, sweep: str) -> int:
    """One after all seeds of the sweeps in the folder, but for an earlier confirmation's."""
    with Ledger.open(results) as ledger:
        known = ledger.sweeps()
        if (name := confirmation_name(sweep)) in known:
            return min(ledger.record(name).seeds)
        return 1 + max(seed for name in known for seed in ledger.record(name).seeds)
