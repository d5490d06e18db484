"""A search space: what its YAML file says, checked."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lps_sweep.config import (
    Config,
    Located,
    Value,
    build_config,
    field_table,
    fields_of_method,
    flat,
    shown,
)
from lps_sweep.errors import BadInputError, nearest
from lps_sweep.plan.blocks import (
    Arm,
    Levels,
    check_for_arm,
    check_zip,
    names_by_field,
    qualified,
    read_arms,
    read_levels,
    refuse_shared_keys,
)
from lps_sweep.plan.entries import (
    check_values,
    read_mapping,
    read_margin,
    read_name,
    read_preset,
    read_seeds,
    read_settings,
    read_word,
)
from lps_sweep.plan.resources import Resources, build_resources
from lps_sweep.plan.search import Search, read_search
from lps_sweep.plan.searched import check_search, searched_levels
from lps_sweep.plan.stopping import Stopping, check_stopping, read_stopping
from lps_sweep.plan.yaml_file import parse_yaml, read_text

LISTS = ("grid", "zip", "one_at_a_time")
"""The blocks that list values of parameters."""
KEYS = (
    *("name", "question", "preset", "method", "set", "arms", *LISTS, "optuna"),
    *("stopping", "seeds", "resources", "margin_points"),
)
MAX_TRIALS = 100_000


@dataclass(frozen=True)
class SearchSpace:
    """A validated search space: every arm x grid x zip x one_at_a_time x seed is a trial.

    With a search, each arm x grid x zip x one_at_a_time is a cell, which has a search of its own.

    The names of `fixed` and of the blocks are the flat names of the first arm's method.

    Attributes:
        name: Name of the sweep and of its folder.
        question: What the sweep is to answer.
        source: The text it was read from.
        preset: Name of the preset, or empty for the defaults.
        method: Name of the method of what names none.
        fixed: Values of all trials, by flat name: the preset's, then the file's, then the
            command line's. An arm's values go before them.
        arms: Named settings, the first of them the default; empty where there are none.
        grid: Values of parameters that are combined, in the order of the file.
        zipped: Values of parameters that move together, all of one length.
        one_at_a_time: Values of parameters of which at most one is not at its default.
        centre: The default of each parameter of `one_at_a_time`.
        seeds: The replicates.
        resources: What a pack gets.
        margin: Largest difference, in points of accuracy, that does not matter in practice.
        search: An adaptive search of each cell; nothing where all values are listed.
        stopping: What ends trials before their last epoch; nothing where all go on to it.
        where: Where it was read from, for messages.
    """

    name: str
    question: str
    source: str
    preset: str
    method: str
    fixed: Mapping[str, Located]
    arms: tuple[Arm, ...]
    grid: Levels
    zipped: Levels
    one_at_a_time: Levels
    centre: Mapping[str, Value]
    seeds: tuple[int, ...]
    resources: Resources
    search: Search | None = None
    margin: float | None = None
    stopping: Stopping | None = None
    where: str = ""

    @property
    def variants(self) -> tuple[Arm, ...]:
        """The arms; without arms, the one that sets nothing."""
        return self.arms or (Arm("", self.method, where=self.where),)

    @property
    def swept(self) -> Levels:
        """The listed values of each swept parameter, of all blocks but the arms."""
        return {**self.grid, **self.zipped, **self.one_at_a_time}

    @property
    def off_centre(self) -> list[tuple[str, Located]]:
        """The values of `one_at_a_time` that are not the default, each with its parameter."""
        found = [(name, level) for name, levels in self.one_at_a_time.items() for level in levels]
        return [(name, level) for name, level in found if level.value != self.centre[name]]

    @property
    def num_trials(self) -> int:
        """Number of trials, without expanding them; of a search, the largest."""
        return math.prod(number for number, _ in self._factors())

    @property
    def num_cells(self) -> int:
        """Number of configurations that are listed; with a search, of searches."""
        return math.prod(number for number, _ in self._listed())

    def _factors(self) -> list[tuple[int, str]]:
        found = self._listed()
        if self.search:
            found.append((self.search.configurations, "configurations"))
        return [*found, (len(self.seeds), "seeds")]

    def _listed(self) -> list[tuple[int, str]]:
        found = [(len(self.arms), "arms")] if self.arms else []
        found += [(len(levels), name) for name, levels in self.grid.items()]
        if self.zipped:
            found.append((len(next(iter(self.zipped.values()))), " with ".join(self.zipped)))
        if self.one_at_a_time:
            found.append((1 + len(self.off_centre), "one at a time"))
        return found

    def size_text(self) -> str:
        """What the number of trials is made of: ``5 C x 5 tau x 3 seeds``."""
        return " x ".join(f"{number} {what}" for number, what in self._factors())

    def fixed_for(self, arm: Arm) -> dict[str, Located]:
        """All values of `arm` that are not swept, by flat name of its method."""
        names = self.names_for(arm)
        return {names[name]: located for name, located in self.fixed.items()} | dict(arm.values)

    def names_for(self, arm: Arm) -> dict[str, str]:
        """The flat name, for the method of `arm`, of each name of this space."""
        table, own = field_table(self.variants[0].method), names_by_field(arm.method)
        names = (*self.fixed, *self.swept, *searched_levels(self.search))
        return {name: own[qualified(table[name])] for name in names}

    def config_of(self, arm: Arm) -> Config:
        """The configuration of `arm` with every swept parameter at its default."""
        return build_config(self.fixed_for(arm), method=arm.method)


def read_space(path: Path, *, preset: str = "", settings: Sequence[str] = ()) -> SearchSpace:
    """The search space in the YAML file `path`.

    Args:
        path: The file.
        preset: A preset that replaces the file's.
        settings: ``key=value`` texts that override the file's `set`.

    Raises:
        BadInputError: That names the file, the line and what would be right.
    """
    source = read_text(path)
    content = parse_yaml(source, str(path))
    if not isinstance(content.value, dict):
        raise BadInputError("a search space is a mapping of keys to values", content.where)
    if preset:
        content.value["preset"] = Located(preset, "--preset")
    return build_space(content, settings=settings, source=source)


def build_space(content: Located, *, settings: Sequence[str], source: str) -> SearchSpace:
    """A search space from the located `content` of a file.

    Raises:
        BadInputError: For whatever is not understood, out of range, or planned too large.
    """
    entries: dict[str, Located] = content.value
    for key, located in entries.items():
        if key not in KEYS:
            raise BadInputError(f"unknown key {key!r}; {nearest(key, KEYS)}", located.where)
    method = read_word(entries, "method", content.where, "lps")
    fields_of_method(method, entries.get("method", content).where)
    arms = read_arms(entries, method)
    table = field_table(arms[0].method if arms else method)
    preset = read_word(entries, "preset", content.where, "")
    given = check_values(read_mapping(entries, "set"), table)
    given |= check_values(read_settings(settings), table)
    blocks = {block: read_levels(entries, block, table) for block in LISTS}
    check_zip(blocks["zip"])
    search = read_search(entries, table)
    varied = {**blocks, "optuna": searched_levels(search)}
    refuse_shared_keys(given, arms, varied, table)
    fixed = read_preset(preset, entries.get("preset", content).where, table) | given
    swept = {name: levels for block in varied.values() for name, levels in block.items()}
    values = {**{name: (located,) for name, located in fixed.items()}, **swept}
    for arm in {arm.method: arm for arm in reversed(arms)}.values():
        check_for_arm(arm, ((table[name], levels) for name, levels in values.items()))
    space = SearchSpace(
        name=read_name(entries, content.where),
        question=read_word(entries, "question", content.where, ""),
        source=source,
        preset=preset,
        method=method,
        fixed=fixed,
        arms=arms,
        grid=blocks["grid"],
        zipped=blocks["zip"],
        one_at_a_time=blocks["one_at_a_time"],
        centre={},
        seeds=read_seeds(entries.get("seeds"), content.where),
        resources=build_resources(read_mapping(entries, "resources")),
        search=search,
        margin=read_margin(entries.get("margin_points")),
        stopping=read_stopping(entries),
        where=content.where,
    )
    return _checked_as_a_whole(space, entries)


def single_space(*, preset: str, settings: Sequence[str], seed: int) -> SearchSpace:
    """A sweep of one configuration, named by the settings.

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
    return build_space(Located(entries, where), settings=settings, source=source)


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
    check_search(space, entries)
    check_stopping(space, entries)
    return space


def _defaults_of_arms(space: SearchSpace) -> dict[str, Value]:
    """The default of each parameter of one_at_a_time; refuses equal arms, and unequal defaults."""
    centre: dict[str, Value] = {}
    first: dict[Config, Arm] = {}
    for arm in space.variants:
        config = space.config_of(arm)  # what two keys together may not be
        twin = first.setdefault(config, arm)
        if twin is not arm:
            raise BadInputError(
                f"the arms {twin.name!r} and {arm.name!r} are one and the same", arm.where
            )
        values, names = flat(config), space.names_for(arm)
        for name, levels in space.one_at_a_time.items():
            value = values[names[name]]
            if centre.setdefault(name, value) != value:
                raise BadInputError(
                    f"{name} varies around its default, which is {shown(centre[name])} in the arm "
                    f"{space.arms[0].name!r} and {shown(value)} in {arm.name!r}; write it in grid",
                    levels[0].where,
                )
    return centre
