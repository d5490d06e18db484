"""From a search space to trials, each with its identity."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from lps_sweep.config import (
    Config,
    Value,
    field_table,
    pack_key,
    resolved,
    shown,
    spelled_id,
    trunk_recipe,
)
from lps_sweep.errors import BadInputError
from lps_sweep.plan.blocks import ARM
from lps_sweep.plan.points import Asked, Point, asked_points, points
from lps_sweep.plan.space import SearchSpace


class Content(NamedTuple):
    """Content hashes of what a configuration reads; `weights` is empty without such a file."""

    data: str
    split: str
    weights: str = ""


@dataclass(frozen=True)
class PlannedTrial:
    """One configuration at one seed.

    Attributes:
        trial_id: Its identity.
        pack_key: Trials with the same key may train in one pack.
        trunk: Hash of the recipe of its pre-trained trunk.
        config: All that it is, except the seed, in the one spelling that `resolved` gives.
        seed: The replicate.
        swept: Its value of each swept parameter, with the name of its arm where there are arms.
        twins: Other such values that name this trial too.
        spelled: Values of `config` as an older record of this trial spells them, as JSON.
    """

    trial_id: str
    pack_key: str
    trunk: str
    config: Config
    seed: int
    swept: Mapping[str, Value]
    twins: tuple[Mapping[str, Value], ...] = ()
    spelled: Mapping[str, object] = field(default_factory=dict)


def default_config(space: SearchSpace) -> Config:
    """The configuration of `space` with every swept parameter at its default: the first arm's."""
    return space.config_of(space.variants[0])


def expand(space: SearchSpace, content: Callable[[Config], Content]) -> tuple[PlannedTrial, ...]:
    """The listed trials of `space`, in the order of `points`, each configuration at all seeds.

    With a search they are its cells' with every searched parameter at its default. Configurations
    that are one and the same setting have their trials in common, the first's; so have cells, but
    where what is searched decides what a number of classes means.

    Args:
        space: The search space.
        content: Gives the content hashes of a configuration's data, split and released weights.

    Raises:
        BadInputError: Two values together are not right, or `content` finds no data, split or
            weights for them; names the place of the key at fault. Two values differ in nothing
            that counts, as locations, or those of a pre-training that released weights replace.
    """
    return tuple(_trials(space, points(space), content, listed=True))


def expand_asked(
    space: SearchSpace,
    asked: Iterable[Asked],
    content: Callable[[Config], Content],
) -> tuple[PlannedTrial, ...]:
    """The trials of the configurations that a search asked for, each at all seeds.

    Raises:
        BadInputError: As `expand`.
    """
    return tuple(_trials(space, asked_points(space, asked), content))


class _Setting(NamedTuple):
    """What a configuration comes to; two with the same `key` train bit for bit alike."""

    given: Config
    config: Config
    hashes: Content
    trunk: str

    @property
    def key(self) -> Hashable:
        """All that counts: of the split its content alone, however it is spelled."""
        config = self.config
        own = (config.method, config.trunk, config.loop, config.schedule, config.head)
        return own, self.hashes, self.trunk


def setting_key(space: SearchSpace, point: Point, content: Callable[[Config], Content]) -> Hashable:
    """What all configurations of the same setting as `point` have in common, and no others.

    Raises:
        BadInputError: As `expand`.
    """
    return _setting(space, point, content).key


def _setting(space: SearchSpace, point: Point, content: Callable[[Config], Content]) -> _Setting:
    given = point.config()
    config = resolved(given)
    try:
        hashes = content(config)
    except BadInputError as error:
        raise _placed(error, point, space) from error
    trunk = trunk_recipe(config, data=hashes.data, weights=hashes.weights)
    return _Setting(given, config, hashes, trunk)


def _trials(
    space: SearchSpace,
    chosen: Iterable[Point],
    content: Callable[[Config], Content],
    listed: bool = False,
) -> Iterator[PlannedTrial]:
    found: dict[Hashable, tuple[_Setting, list[Mapping[str, Value]]]] = {}
    apart = listed and _searches_split(space)
    for point in chosen:
        setting = _setting(space, point, content)
        key = (setting.key, _spelling(setting) if apart else "")
        first, same = found.setdefault(key, (setting, []))
        if listed and same and _spelling(first) == _spelling(setting):
            raise _idle(space, same[0], point.swept)
        same.append(point.swept)
    for (_, config, hashes, trunk), (swept, *twins) in found.values():
        known = {"data": hashes.data, "split": hashes.split, "trunk": trunk}
        for seed in space.seeds:
            yield PlannedTrial(
                trial_id=spelled_id(config, seed, **known),
                pack_key=pack_key(config, seed, **known),
                trunk=trunk,
                config=config,
                seed=seed,
                swept=swept,
                twins=tuple(twins),
            )


def _spelling(setting: _Setting) -> str:
    """What configurations have in common that differ in nothing that counts, by their own words."""
    return spelled_id(setting.given, 0, data="", split="", trunk="")


def _searches_split(space: SearchSpace) -> bool:
    """Whether a search chooses the data or their split."""
    return any(space.field_of(domain).section in ("data", "split") for domain in space.domains)


def _idle(
    space: SearchSpace, first: Mapping[str, Value], second: Mapping[str, Value]
) -> BadInputError:
    """Says that what two configurations differ in changes nothing: such a sweep is a mistake."""
    name = next(name for name, value in second.items() if value != first[name])
    places = {arm.name: arm.where for arm in space.arms}
    return BadInputError(
        f"{name} changes nothing here: {shown(first[name])} and {shown(second[name])} give the "
        "same trial",
        places[str(second[name])] if name == ARM else space.swept[name][0].where,
    )


def _placed(error: BadInputError, point: Point, space: SearchSpace) -> BadInputError:
    """`error` with the place of the key that it names, or else of the data set's."""
    if error.where not in field_table(point.arm.method):
        return error
    given = {**space.fixed_for(point.arm), **point.moves}
    known = given.get(error.where) or given.get("dataset")
    return BadInputError(str(error), known.where if known else space.where)
