"""The domains of a search: which values a parameter can take, and for which arms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from lps_sweep.config import Located, Value, check_value, field_table, find_fields, shown
from lps_sweep.errors import BadInputError, nearest
from lps_sweep.params import FieldInfo
from lps_sweep.plan.blocks import ARM, Arm, qualified
from lps_sweep.plan.entries import Entries, Table, refuse_repeats, refuse_unknown

DOMAIN_KEYS = ("low", "high", "log", "choices", "when")


@dataclass(frozen=True)
class Domain:
    """The values that a searched parameter can take.

    Attributes:
        name: Flat name of the parameter.
        kind: ``float`` and ``int`` lie in low..high, both included; ``choice`` is one of a list.
        low: Smallest value.
        high: Largest value.
        log: Whether the logarithm is what is spread evenly.
        choices: The values of a ``choice``.
        when: Values of other parameters, and arms, under which this one is searched at all.
        where: Where it was read from, for messages.
    """

    name: str
    kind: Literal["float", "int", "choice"]
    low: float = 0.0
    high: float = 0.0
    log: bool = False
    choices: tuple[Value, ...] = ()
    when: Mapping[str, tuple[Value, ...]] = field(default_factory=dict)
    where: str = field(default="", compare=False)

    def outermost(self) -> tuple[Located, ...]:
        """All choices, or the smallest and the largest value."""
        values = self.choices or (self.low, self.high)
        return tuple(Located(value, self.where) for value in values)

    def holds(self, value: Value) -> bool:
        """Whether `value`, of the parameter's type, lies in the domain."""
        if self.kind == "choice":
            return value in self.choices
        return isinstance(value, int | float) and self.low <= value <= self.high

    def text(self) -> str:
        """The values in words, for messages."""
        return shown(self.choices) if self.choices else f"{self.low:g} to {self.high:g}"

    def of_arm(self, arm: str) -> bool:
        """Whether the arm of this name searches the parameter."""
        return arm in self.when.get(ARM, (arm,))

    def within_arm(self) -> Domain:
        """The domain as the search of one of its arms has it."""
        return replace(self, when={name: v for name, v in self.when.items() if name != ARM})

    def active(self, point: Mapping[str, Value]) -> bool:
        """Whether the parameter is searched beside the values of `point`."""
        return all(point.get(name) in values for name, values in self.when.items())


def read_domains(given: Entries, arms: Sequence[Arm], where: str) -> tuple[Domain, ...]:
    """The domains of a search, in the order of the file; `where` is the place of the block.

    Raises:
        BadInputError: With file, line and what would be right.
    """
    if not given:
        raise BadInputError("optuna needs domains: parameters with low and high, or choices", where)
    domains: list[Domain] = []
    for key, place in given.items():
        if not isinstance(place.value, dict):
            raise BadInputError(
                f"{key} must be a mapping such as {{low: 1, high: 20}}", place.where
            )
        conditions = place.value.get("when")
        named = _arms(conditions, arms)
        table = field_table((named or arms)[0].method)
        ((name, (info, located)),) = find_fields(table, {key: place}).items()
        if any(name == domain.name for domain in domains):
            raise BadInputError(f"{name} is given twice", located.where)
        shared = [d for d in domains if all(d.of_arm(arm.name) for arm in named or arms)]
        earlier = [domain for domain in shared if domain.name in table]
        when = _when(name, conditions, earlier, table)
        domains.append(_domain(name, info, located, when))
    return tuple(domains)


def _arms(conditions: Located | None, arms: Sequence[Arm]) -> list[Arm]:
    """The arms that a condition names; none where it names none."""
    if conditions is None or not isinstance(conditions.value, dict) or ARM not in conditions.value:
        return []
    given, known = conditions.value[ARM], {arm.name: arm for arm in arms if arm.name}
    if given.value == []:
        raise BadInputError("arm must be the name of an arm or a list of names", given.where)
    found = []
    for item in given.value if isinstance(given.value, list) else [given]:
        if not isinstance(item.value, str) or item.value not in known:
            hint = nearest(str(item.value), known) if known else "the file has no arms"
            raise BadInputError(f"{shown(item.value)} is no arm; {hint}", item.where)
        found.append(known[item.value])
    refuse_repeats(ARM, [Located(arm.name, given.where) for arm in found])
    return found


def _domain(
    name: str, info: FieldInfo, located: Located, when: Mapping[str, tuple[Value, ...]]
) -> Domain:
    given: Entries = located.value
    refuse_unknown(given, DOMAIN_KEYS)
    if "choices" in given:
        return _choice(name, info, located, when)
    if not {"low", "high"} <= given.keys():
        raise BadInputError(f"{name} needs low and high, or choices", located.where)
    if info.type not in (int, float):
        raise BadInputError(f"{name} is no number; give it choices", located.where)
    low, high = (check_value(name, info, given[key]) for key in ("low", "high"))
    assert isinstance(low, int | float)
    assert isinstance(high, int | float)
    log = given["log"].value if "log" in given else False
    if not isinstance(log, bool):
        raise BadInputError(f"log must be true or false, not {shown(log)}", given["log"].where)
    if low >= high or (log and low <= 0):
        needs = "low must be below high" + (" and above 0 with log" if log else "")
        raise BadInputError(f"{name}: {needs}", located.where)
    kind: Literal["float", "int"] = "int" if info.type is int else "float"
    return Domain(name, kind, low, high, log, when=when, where=located.where)


def _choice(
    name: str, info: FieldInfo, mapping: Located, when: Mapping[str, tuple[Value, ...]]
) -> Domain:
    given: Entries = mapping.value
    for key in ("low", "high", "log"):
        if key in given:
            raise BadInputError(f"{name} has choices and {key}; give one", given[key].where)
    located = given["choices"]
    if not isinstance(located.value, list) or len(located.value) < 2:
        raise BadInputError(f"choices of {name} must be a list of two or more", located.where)
    items = [Located(check_value(name, info, item), item.where) for item in located.value]
    refuse_repeats(name, items)
    choices = tuple(item.value for item in items)
    return Domain(name, "choice", choices=choices, when=when, where=mapping.where)


def _when(
    name: str, located: Located | None, earlier: Sequence[Domain], table: Table
) -> dict[str, tuple[Value, ...]]:
    if located is None:
        return {}
    if not isinstance(located.value, dict) or not located.value:
        raise BadInputError(
            f"when of {name} must be a mapping such as {{lambda_novel_shape: [cosine]}}",
            located.where,
        )
    found: dict[str, tuple[Value, ...]] = {}
    for key, values in located.value.items():
        if key == ARM:
            names = values.plain() if isinstance(values.value, list) else [values.value]
            found[ARM] = tuple(names)
            continue
        named = (d for d in earlier if key in (d.name, qualified(table[d.name])))
        domain = next(named, None)
        if domain is None or domain.kind != "choice":
            raise BadInputError(
                f"{name} can depend only on a parameter with choices that comes before it, "
                f"not on {key!r}",
                values.where,
            )
        found[domain.name] = _choices_named(values, domain, table[domain.name])
    return found


def _choices_named(located: Located, domain: Domain, info: FieldInfo) -> tuple[Value, ...]:
    """The choices of `domain` that a condition names: one, or several in a list.

    A list that is itself a choice is that choice, unless each value in it is one, too.
    """

    def choice(item: Located) -> Value:
        value = check_value(domain.name, info, item)
        if value not in domain.choices:
            raise BadInputError(
                f"{shown(value)} is no choice of {domain.name}: {shown(domain.choices)}", item.where
            )
        return value

    if not isinstance(located.value, list) or not located.value:
        return (choice(located),)
    try:
        return tuple(choice(item) for item in located.value)
    except BadInputError:
        if tuple(located.plain()) in domain.choices:
            return (tuple(located.plain()),)
        raise
