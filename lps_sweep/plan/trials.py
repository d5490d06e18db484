"""From a search space to trials, each with its identity."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from lps_sweep.config import (
    Config,
    Value,
    build_config,
    field_table,
    pack_key,
    shown,
    trial_id,
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
        config: All that it is, except the seed.
        seed: The replicate.
        swept: Its value of each swept parameter, with the name of its arm where there are arms.
    """

    trial_id: str
    pack_key: str
    trunk: str
    config: Config
    seed: int
    swept: Mapping[str, Value]


def default_config(space: SearchSpace) -> Config:
    """The configuration of `space` with every swept parameter at its default: the first arm's."""
    return space.config_of(space.variants[0])


def expand(space: SearchSpace, content: Callable[[Config], Content]) -> tuple[PlannedTrial, ...]:
    """The listed trials of `space`, in the order of `points`, each configuration at all seeds.

    With a search they are its cells' with every searched parameter at its default.

    Args:
        space: The search space.
        content: Gives the content hashes of a configuration's data, split and released weights.

    Raises:
        BadInputError: Two values together are not right, or `content` finds no data, split or
            weights for them; names the place of the key at fault. Two values are one and the same
            trial, as those of a pre-training that released weights replace.
    """
    trials = tuple(_trials(space, points(space), content))
    _refuse_twins(trials, space)
    return trials


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


def _trials(
    space: SearchSpace, chosen: Iterable[Point], content: Callable[[Config], Content]
) -> Iterator[PlannedTrial]:
    for point in chosen:
        config = build_config(point.values, method=point.arm.method)
        try:
            hashes = content(config)
        except BadInputError as error:
            raise _placed(error, point, space) from error
        trunk = trunk_recipe(config, data=hashes.data, weights=hashes.weights)
        known = {"data": hashes.data, "split": hashes.split, "trunk": trunk}
        for seed in space.seeds:
            yield PlannedTrial(
                trial_id=trial_id(config, seed, **known),
                pack_key=pack_key(config, seed, **known),
                trunk=trunk,
                config=config,
                seed=seed,
                swept=point.swept,
            )


def _refuse_twins(trials: Iterable[PlannedTrial], space: SearchSpace) -> None:
    """No trial is planned twice: a sweep over what changes nothing is a mistake."""
    first: dict[str, PlannedTrial] = {}
    for trial in trials:
        twin = first.setdefault(trial.trial_id, trial)
        if twin is not trial:
            name = next(n for n, value in trial.swept.items() if value != twin.swept[n])
            places = {arm.name: arm.where for arm in space.arms}
            where = places[str(trial.swept[ARM])] if name == ARM else space.swept[name][0].where
            raise BadInputError(
                f"{name} changes nothing here: {shown(twin.swept[name])} and "
                f"{shown(trial.swept[name])} give the same trial",
                where,
            )


def _placed(error: BadInputError, point: Point, space: SearchSpace) -> BadInputError:
    """`error` with the place of the key that it names, or else of the data set's."""
    if error.where not in field_table(point.arm.method):
        return error
    known = point.values.get(error.where) or point.values.get("dataset")
    return BadInputError(str(error), known.where if known else space.where)
