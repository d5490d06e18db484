"""A search space: what its YAML file says, as data."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from lps_sweep.config import (
    PRESETS,
    Config,
    Located,
    Value,
    build_config,
    config_class,
    field_table,
)
from lps_sweep.params import FieldInfo
from lps_sweep.plan.blocks import (
    Arm,
    Levels,
    names_by_field,
    qualified,
)
from lps_sweep.plan.domains import Domain
from lps_sweep.plan.resources import Resources
from lps_sweep.plan.search import Search
from lps_sweep.plan.stopping import Stopping


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
        fixed: Values of all trials, by flat name: the preset's for all methods, then the file's,
            then the command line's. An arm's values go before them; what the preset has for the
            arm's method alone, and the method's own recipe, before the preset's alone.
        given: Names of those that are the file's or the command line's.
        arms: Named settings, the first of them the default; empty where there are none.
        grid: Values of parameters that are combined, in the order of the file.
        zipped: Values of parameters that move together, all of one length.
        one_at_a_time: Values of parameters of which at most one is not at its default.
        centre: The default of each parameter of `one_at_a_time`.
        seeds: The replicates.
        resources: What a pack gets.
        places: Where each of the resources that is no default was read from.
        margin: Largest difference, in points of accuracy, that does not matter in practice.
        search: An adaptive search of each cell; nothing where all values are listed.
        stopping: What ends trials before their last epoch; nothing where all go on to it.
        folds: Folds of the seen classes, each of which plays novel in a further training of every
            trial, with their place; 0 for none.
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
    folds: Located = field(default=Located(0))
    where: str = ""
    places: Mapping[str, str] = field(default_factory=dict)
    given: Collection[str] = ()

    @property
    def variants(self) -> tuple[Arm, ...]:
        """The arms; without arms, the one that sets nothing."""
        return self.arms or (Arm("", self.method, where=self.where),)

    @property
    def domains(self) -> tuple[Domain, ...]:
        """The searched parameters; none where there is no search."""
        return self.search.domains if self.search else ()

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
        alone = PRESETS[self.preset].get(arm.method, {}) if self.preset else {}
        found = {names[name]: value for name, value in self.fixed.items()}
        given = {names[name]: found[names[name]] for name in self.given} | dict(arm.values)
        recipe = given.get("recipe", Located("unified")).value
        own = config_class(arm.method).own_recipe if recipe == "own" else {}
        return {
            **found,
            **{name: Located(value, f"preset {self.preset}") for name, value in alone.items()},
            **{name: Located(value, f"{arm.method}'s own recipe") for name, value in own.items()},
            **given,
        }

    def domains_of(self, arm: Arm) -> tuple[Domain, ...]:
        """What the search of `arm` searches."""
        return tuple(d.within_arm() for d in self.domains if d.of_arm(arm.name))

    def field_of(self, domain: Domain) -> FieldInfo:
        """The field that `domain` is of, in the first arm that searches it."""
        arm = next(arm for arm in self.variants if domain.of_arm(arm.name))
        return field_table(arm.method)[domain.name]

    def names_for(self, arm: Arm) -> dict[str, str]:
        """The flat name, for the method of `arm`, of each name of this space that it has."""
        table, own = field_table(self.variants[0].method), names_by_field(arm.method)
        fields = {name: table[name] for name in (*self.fixed, *self.swept)}
        fields |= {d.name: self.field_of(d) for d in self.domains if d.of_arm(arm.name)}
        return {name: own[qualified(info)] for name, info in fields.items()}

    def config_of(self, arm: Arm) -> Config:
        """The configuration of `arm` with every swept parameter at its default."""
        return build_config(self.fixed_for(arm), method=arm.method)
