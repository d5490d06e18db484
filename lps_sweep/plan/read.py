"""Reads a search space from YAML, with all checks."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from lps_sweep.config import Located, Value, field_table, flat, preset_values, shown
from lps_sweep.errors import BadInputError
from lps_sweep.files import read_text as read_file
from lps_sweep.indices import OF_SUBSET
from lps_sweep.plan.blocks import (
    Arm,
    Levels,
    check_for_arm,
    check_zip,
    read_arms,
    read_levels,
    read_method,
    refuse_beside,
    refuse_shared_keys,
)
from lps_sweep.plan.domains import Domain
from lps_sweep.plan.entries import (
    PLAIN,
    Entries,
    check_values,
    read_mapping,
    read_name,
    read_plain,
    read_settings,
    read_text,
    refuse_unknown,
    split_setting,
)
from lps_sweep.plan.resources import build_resources
from lps_sweep.plan.search import HOLDOUT, read_search
from lps_sweep.plan.selection import read_folds
from lps_sweep.plan.space import SearchSpace
from lps_sweep.plan.stopping import read_stopping
from lps_sweep.plan.yaml_file import MAX_BYTES, parse_yaml

LISTS = ("grid", "zip", "one_at_a_time")
"""The blocks that list values of parameters."""
KEYS = (
    *("name", "question", *PLAIN, "set", "arms", *LISTS),
    *("optuna", "stopping", "selection", "resources"),
)
MAX_TRIALS = 100_000
MAX_CELLS = 1000
"""Searches of one file; each is a study of its own."""


def read_space(
    path: Path, *, preset: str = "", settings: Sequence[str] = (), resources: Sequence[str] = ()
) -> SearchSpace:
    """The search space in the YAML file `path`.

    Args:
        path: The file.
        preset: A preset that replaces the file's.
        settings: ``key=value`` texts that override the file's `set`.
        resources: ``key=value`` texts that override the file's `resources`.

    Raises:
        BadInputError: That names the file, the line and what would be right.
    """
    source = read_file(path, MAX_BYTES, named=True)
    content = parse_yaml(source, str(path))
    if not isinstance(content.value, dict):
        raise BadInputError("a search space is a mapping of keys to values", content.where)
    if preset:
        content.value["preset"] = Located(preset, "--preset")
    return build_space(content, settings=settings, source=source, resources=resources)


def build_space(
    content: Located, *, settings: Sequence[str], source: str, resources: Sequence[str] = ()
) -> SearchSpace:
    """A search space from the located `content` of a file.

    Raises:
        BadInputError: For whatever is not understood, out of range, or planned too large.
    """
    entries: dict[str, Located] = content.value
    refuse_unknown(entries, KEYS)
    method = read_method(entries, "lps")
    plain = read_plain(entries, content.where)
    preset = plain["preset"]
    arms = read_arms(entries, method)
    variants = arms or (Arm("", method),)
    table = field_table(variants[0].method)
    given = check_values(read_mapping(entries, "set"), table)
    given |= check_values(read_settings(settings), table)
    blocks = {block: read_levels(entries, block, table) for block in LISTS}
    check_zip(blocks["zip"])
    search = read_search(entries, variants)
    refuse_shared_keys(given, arms, blocks, table)
    domains = search.domains if search else ()
    searched = {domain.name: domain.outermost() for domain in domains}
    _refuse_swept_recipe({**blocks, "optuna": searched})
    where = f"{entries.get('preset', content).where}: preset {preset}"
    presets = preset_values(preset).items() if preset else ()
    fixed = check_values({key: Located(value, where) for key, value in presets}, table) | given
    swept = {name: levels for block in blocks.values() for name, levels in block.items()}
    values = {**{name: (located,) for name, located in fixed.items()}, **swept}
    for arm in {arm.method: arm for arm in reversed(arms)}.values():
        check_for_arm(arm, ((table[name], levels) for name, levels in values.items()))
    for domain in domains:
        _check_domain(domain, given, variants, blocks)
    name = read_name(entries, content.where)
    others = {**values, **searched}.items()
    refuse_beside(name, arms, ((table[n], levels[0]) for n, levels in others if n in table))
    placed, places = build_resources(entries, resources)
    space = SearchSpace(
        name=name,
        question=read_text(entries, "question"),
        source=source,
        preset=preset,
        method=method,
        fixed=fixed,
        arms=arms,
        grid=blocks["grid"],
        zipped=blocks["zip"],
        one_at_a_time=blocks["one_at_a_time"],
        centre={},
        seeds=plain["seeds"],
        resources=placed,
        places=places,
        search=search,
        margin=plain["margin_points"],
        stopping=read_stopping(entries),
        folds=read_folds(entries),
        where=content.where,
        given=frozenset(given),
    )
    return _checked_as_a_whole(space, entries)


def _check_domain(
    domain: Domain, given: Entries, variants: Sequence[Arm], blocks: Mapping[str, Levels]
) -> None:
    """The arms that search `domain` can, and nothing else gives its parameter.

    Raises:
        BadInputError: At what gives it too, or at a bound that a method does not take.
    """
    arms = [arm for arm in variants if domain.of_arm(arm.name)]
    info, levels = field_table(arms[0].method)[domain.name], {domain.name: domain.outermost()}
    table = {**field_table(variants[0].method), domain.name: info}
    refuse_shared_keys(given, arms, {**blocks, "optuna": levels}, table)
    for arm in {arm.method: arm for arm in reversed(arms)}.values():
        check_for_arm(arm, [(info, levels[domain.name])])


def _refuse_swept_recipe(varied: Mapping[str, Levels]) -> None:
    """A recipe brings values that a swept parameter cannot."""
    for levels in varied.values():
        if "recipe" in levels:
            raise BadInputError(
                "recipe brings other values with it; write it in set, or in arms",
                levels["recipe"][0].where,
            )


def single_space(*, preset: str, settings: Sequence[str], seed: int) -> SearchSpace:
    """A sweep of one configuration, named by the settings, of which ``method`` may be one.

    Raises:
        BadInputError: For an unknown key or preset, or a value that is not right.
    """
    source = json.dumps({"preset": preset, "settings": sorted(settings), "seed": seed})
    where = "command line"
    entries = {
        "name": Located(f"train-{hashlib.sha256(source.encode()).hexdigest()[:8]}", where),
        "seeds": Located([Located(seed, "--seed")], "--seed"),
    }
    if preset:
        entries["preset"] = Located(preset, "--preset")
    entries |= {k: v for k, v in read_settings(settings).items() if k == "method"}
    others = [text for text in settings if split_setting(text)[0] != "method"]
    return build_space(Located(entries, where), settings=others, source=source)


def _checked_as_a_whole(space: SearchSpace, entries: Mapping[str, Located]) -> SearchSpace:
    """`space` with its centre, after what can only be seen in all of it together."""
    values = _defaults_of_arms(space)
    space = dataclasses.replace(space, centre=values)
    if space.num_trials > MAX_TRIALS:
        listed = ("arms", *LISTS, "optuna")
        place = next((entries[b].where for b in entries if b in listed), space.where)
        raise BadInputError(
            f"{space.num_trials} trials are planned ({space.size_text()}); "
            f"the limit is {MAX_TRIALS}",
            place,
        )
    _check_search(space, entries)
    _check_stopping(space, entries)
    return space


def _defaults_of_arms(space: SearchSpace) -> dict[str, Value]:
    """The default of each parameter of one_at_a_time; refuses arms in which it is not the same."""
    centre: dict[str, Value] = {}
    for arm in space.variants:
        values, names = flat(space.config_of(arm)), space.names_for(arm)
        for name, levels in space.one_at_a_time.items():
            value = values[names[name]]
            if centre.setdefault(name, value) != value:
                raise BadInputError(
                    f"{name} varies around its default, which is {shown(centre[name])} in the arm "
                    f"{space.arms[0].name!r} and {shown(value)} in {arm.name!r}; write it in grid",
                    levels[0].where,
                )
    return centre


def _check_search(space: SearchSpace, entries: Entries) -> None:
    """Refuses a search that cannot be measured, or too many of them.

    Raises:
        BadInputError: There are too many cells, or some of them keep no labeled image out of
            training and the objective needs it.
    """
    if space.search is None:
        return
    where = entries["optuna"].where
    if space.num_cells > MAX_CELLS:
        raise BadInputError(
            f"each of {space.num_cells} cells would have a search of its own; the limit is "
            f"{MAX_CELLS}",
            where,
        )
    if HOLDOUT in space.search.objectives:
        _refuse_no_holdout(space, where)
    _refuse_no_subset(space, space.search.objectives, where)


def _check_stopping(space: SearchSpace, entries: Entries) -> None:
    """Refuses a rule that makes no sense for what `space` trains; `entries` are its file's.

    Raises:
        BadInputError: Trials of several lengths would be compared, or none before its end; the
            metric is not measured; or a search has several objectives.
    """
    stopping = space.stopping
    if stopping is None:
        return
    where = entries["stopping"].where
    given = read_mapping(entries, "stopping")
    lengths = {space.config_of(arm).loop.epochs for arm in space.variants}
    varied = (*space.swept, *(domain.name for domain in space.domains))
    if len(lengths) > 1 or {"epochs", "loop.epochs"} & {*varied}:
        raise BadInputError("stopping compares trials of one length, and epochs varies", where)
    (epochs,) = lengths
    if stopping.first_epoch >= epochs:
        raise BadInputError(
            f"first_epoch must be below epochs, which is {epochs}, not {stopping.first_epoch}",
            given["first_epoch"].where,
        )
    if space.search and len(space.search.objectives) > 1:
        raise BadInputError("stopping judges by one metric; give one objective", where)
    if stopping.metric == HOLDOUT:
        _refuse_no_holdout(space, given["metric"].where)
    _refuse_no_subset(space, (stopping.metric,), given["metric"].where)


def _refuse_no_subset(space: SearchSpace, metrics: Sequence[str], where: str) -> None:
    """Columns of the fixed subset of unlabeled images need one."""
    named = [name for name in metrics if name in OF_SUBSET]
    sizes = [level.value for level in space.swept.get("rule_images", ())]
    sizes += [space.config_of(arm).loop.rule_images for arm in space.variants]
    if named and not all(sizes):
        raise BadInputError(f"{named[0]} needs rule_images above 0, as 1000", where)


def _refuse_no_holdout(space: SearchSpace, where: str) -> None:
    """Labeled images are kept out of training in all trials."""
    listed = space.swept.get("labeled_holdout", ())
    shares = [level.value for level in listed] or [
        space.config_of(arm).split.labeled_holdout for arm in space.variants
    ]
    if not all(shares):
        raise BadInputError(
            f"{HOLDOUT} needs labeled images kept out of training: set labeled_holdout, as 0.2",
            where,
        )
