"""What a search space varies: the blocks arms, grid, zip and one_at_a_time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from lps_sweep.config import (
    FOLDS,
    NOISE,
    Located,
    check_value,
    field_table,
    fields_of_method,
    find_fields,
    shown,
)
from lps_sweep.errors import BadInputError, nearest
from lps_sweep.files import NAME_WORDS, is_name
from lps_sweep.params import FieldInfo
from lps_sweep.plan.entries import (
    PLAIN,
    Entries,
    Table,
    check_values,
    read_mapping,
    refuse_repeats,
)

Levels = Mapping[str, tuple[Located, ...]]
"""Values of each swept parameter, by flat name, in the order of the file."""

SETS = {NOISE: "`lps_sweep noise`", FOLDS: "`selection: {pseudo_novel: {folds: 3}}`"}
"""What sets the values of sweeps beside others, by the ends of their names."""

ARM = "arm"
"""The swept parameter whose values are the names of the arms."""


@dataclass(frozen=True)
class Arm:
    """A named setting of several values.

    Attributes:
        name: Its name; empty for what a sweep without arms runs.
        method: Name of its method.
        values: What it sets, by flat name of its method; goes before the values of all trials.
        where: Where it was read from.
    """

    name: str
    method: str
    values: Mapping[str, Located] = field(default_factory=dict)
    where: str = ""


def read_arms(entries: Entries, method: str) -> tuple[Arm, ...]:
    """The arms, in the order of the file; `method` is that of an arm that names none.

    Raises:
        BadInputError: For a name that is none, an unknown method, or a key or value that the
            arm's own method does not take.
    """
    arms = []
    for name, located in read_mapping(entries, "arms").items():
        if not is_name(name):
            raise BadInputError(
                f"the name of an arm must be {NAME_WORDS}, not {shown(name)}", located.where
            )
        if not isinstance(located.value, dict):
            raise BadInputError(
                f"the arm {name!r} must be a mapping of names to values, {{}} for none, "
                f"not {shown(located.value)}",
                located.where,
            )
        own = read_method(located.value, method)
        values = check_values(located.value, {**field_table(own), "method": PLAIN["method"]})
        values.pop("method", None)
        arms.append(Arm(name, own, values, located.where))
    return tuple(arms)


def read_method(entries: Entries, default: str) -> str:
    """The method that `entries` name.

    Raises:
        BadInputError: There is none of that name.
    """
    located = entries.get("method", Located(default))
    fields_of_method(method := str(check_value("method", PLAIN["method"], located)), located.where)
    return method


def read_levels(entries: Entries, block: str, table: Table) -> dict[str, tuple[Located, ...]]:
    """The lists of `block`, each value checked; repeated ones are refused except in zip.

    Raises:
        BadInputError: For an unknown key, what is no list, and a wrong or repeated value.
    """
    found: dict[str, tuple[Located, ...]] = {}
    for name, (info, located) in find_fields(table, read_mapping(entries, block)).items():
        if not isinstance(located.value, list) or not located.value:
            raise BadInputError(
                f"{name} must be a list of values to sweep, not {shown(located.value)}",
                located.where,
            )
        levels = [Located(check_value(name, info, v), v.where) for v in located.value]
        if block != "zip":
            refuse_repeats(name, levels)
        found[name] = tuple(levels)
    return found


def check_zip(zipped: Levels) -> None:
    """The lists of zip are two at least, of equal length, and no row of values comes twice."""
    if not zipped:
        return
    first, *others = zipped
    if not others:
        raise BadInputError(
            f"zip moves lists together, and {first} is alone; write it in grid",
            zipped[first][0].where,
        )
    for name in others:
        if len(zipped[name]) != len(zipped[first]):
            raise BadInputError(
                f"lists of zip have one length, but {name} has {len(zipped[name])} and {first} has "
                f"{len(zipped[first])}",
                zipped[name][0].where,
            )
    rows = zip(*zipped.values(), strict=True)
    levels = [Located(tuple(one.value for one in row), row[-1].where) for row in rows]
    refuse_repeats(" with ".join(zipped), levels)


def refuse_shared_keys(
    given: Entries, arms: Iterable[Arm], blocks: Mapping[str, Levels], table: Table
) -> None:
    """No key is in two blocks, and none that is swept has one value for all trials as well.

    `given` and `blocks` have the flat names of `table`, arms those of their own methods. An arm
    may set what `given` sets.
    """
    first: dict[str, tuple[str, str]] = {}
    for block, levels in blocks.items():
        for name, values in levels.items():
            if name in given:
                raise BadInputError(f"{name} is swept too, at {values[0].where}", given[name].where)
            if name in first:
                other, where = first[name]
                raise BadInputError(
                    f"{name} is given twice, in {block} and, at {where}, in {other}",
                    values[0].where,
                )
            first[name] = block, values[0].where
    swept = {qualified(table[name]): (name, *first[name]) for name in first}
    for arm in arms:
        own = field_table(arm.method)
        for key, located in arm.values.items():
            if (known := swept.get(qualified(own[key]))) is not None:
                name, block, where = known
                raise BadInputError(
                    f"{name} is given twice, in the arm {arm.name!r} and, at {where}, in {block}",
                    located.where,
                )


def refuse_beside(
    sweep: str, arms: Iterable[Arm], others: Iterable[tuple[FieldInfo, Located]]
) -> None:
    """What only sweeps beside others set is in no other's tables.

    Raises:
        BadInputError: At a key among `others`, or one of the `arms` but for that of machine noise
            in a `sweep` called so.
    """
    of_arms = ((field_table(a.method)[n], located) for a in arms for n, located in a.values.items())
    own = NOISE if sweep.endswith(NOISE) else ""
    refused = (one for one in of_arms if one[0].param.beside != own)
    for info, located in (*others, *refused):
        if info.param.beside:
            raise BadInputError(
                f"{info.name} is set by {SETS[info.param.beside]} alone, in sweeps whose names end "
                f"with {info.param.beside}",
                located.where,
            )


def check_for_arm(arm: Arm, values: Iterable[tuple[FieldInfo, Sequence[Located]]]) -> None:
    """The method of `arm` takes `values`, those of all arms and swept ones, as well.

    Raises:
        BadInputError: At the key that it does not have, or the value that it does not take.
    """
    names = names_by_field(arm.method)
    table = field_table(arm.method)
    for info, levels in values:
        name = names.get(qualified(info))
        if name is None:
            raise BadInputError(
                f"the method {arm.method!r} of the arm {arm.name!r} has no {info.name!r}; "
                f"{nearest(info.name, table)}",
                levels[0].where,
            )
        for level in levels:
            check_value(name, table[name], level)


def qualified(info: FieldInfo) -> str:
    """The name of a field that is the same for all methods: ``section.name``."""
    return f"{info.section}.{info.name}"


def names_by_field(method: str) -> dict[str, str]:
    """The flat name, for `method`, of each ``section.name``."""
    return {qualified(info): name for name, info in field_table(method).items()}
