"""The block `optuna`: an adaptive search over domains instead of listed values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from lps_sweep.config import (
    FieldInfo,
    Located,
    Value,
    check_value,
    find_fields,
    section_fields,
    shown,
)
from lps_sweep.config.fields import param
from lps_sweep.errors import BadInputError, nearest
from lps_sweep.plan.entries import Entries, Table, read_mapping, refuse_repeats

SAMPLERS = ("tpe", "gp", "cmaes", "random", "quasi_random")
HOLDOUT = "acc_holdout"
OBJECTIVES = (
    *(f"oracle.acc_{part}" for part in ("seen", "novel", "all")),
    "oracle.acc_novel_strict",
    "oracle.nmi_novel",
    HOLDOUT,
)
"""What can be maximised. `oracle` marks what needs the hidden labels of the unlabeled images;
`acc_holdout` is the accuracy on labeled images kept out of training."""

KEYS = ("objective", "sampler", "configurations", "together", "startup", "seed", "domains")
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
        when: Values of other parameters under which this one is searched at all.
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
        """Whether `value` lies in the domain."""
        if self.kind == "choice":
            return value in self.choices
        return isinstance(value, int | float) and self.low <= value <= self.high

    def active(self, point: Mapping[str, Value]) -> bool:
        """Whether the parameter is searched beside the values of `point`."""
        return all(point.get(name) in values for name, values in self.when.items())


@dataclass(frozen=True, kw_only=True)
class SearchSettings:
    """The single values of a search."""

    sampler: str = param("tpe", "how configurations are chosen", choices=SAMPLERS)
    configurations: int = param(30, "configurations of each search", low=1, high=10_000)
    together: int = param(4, "configurations of a search asked for at once", low=1, high=1000)
    startup: int = param(10, "random configurations before tpe and gp model", low=1)
    seed: int = param(0, "seed of the sampler", low=0, high=2**31 - 1)


@dataclass(frozen=True, kw_only=True)
class Search(SearchSettings):
    """An adaptive search; every objective is maximised, as the mean over the seeds.

    Attributes:
        objectives: One, or several for a Pareto front.
        domains: The searched parameters; one that depends on another comes after it.
    """

    objectives: tuple[str, ...]
    domains: tuple[Domain, ...]

    def facts(self) -> dict[str, Any]:
        """What decides which configurations are asked for, as plain values."""
        domains = [
            {
                "name": d.name,
                "kind": d.kind,
                **(
                    {"choices": list(d.choices)}
                    if d.kind == "choice"
                    else {"low": d.low, "high": d.high, "log": d.log}
                ),
                "when": {name: list(values) for name, values in d.when.items()},
            }
            for d in self.domains
        ]
        return {
            "objectives": list(self.objectives),
            "sampler": self.sampler,
            "startup": self.startup,
            "together": self.together,
            "seed": self.seed,
            "domains": domains,
        }


def read_search(entries: Entries, table: Table) -> Search | None:
    """The search of a file, or nothing where it has none.

    Raises:
        BadInputError: With file, line and what would be right.
    """
    if "optuna" not in entries:
        return None
    given = read_mapping(entries, "optuna")
    where = entries["optuna"].where
    for key, located in given.items():
        if key not in KEYS:
            raise BadInputError(f"unknown key {key!r}; {nearest(key, KEYS)}", located.where)
    domains = _domains(read_mapping(given, "domains"), table, where)
    objectives = _objectives(given.get("objective"), where)
    settings = _settings(given)
    if settings.get("sampler") == "cmaes":
        _refuse_cmaes(domains, objectives, given["sampler"].where)
    return Search(objectives=objectives, domains=domains, **settings)


def _settings(given: Entries) -> dict[str, Any]:
    fields = {info.name: info for info in section_fields("optuna", SearchSettings)}
    return {key: check_value(key, fields[key], given[key]) for key in fields if key in given}


def _objectives(located: Located | None, where: str) -> tuple[str, ...]:
    if located is None:
        raise BadInputError(
            f"the key 'objective' is missing; one of {', '.join(OBJECTIVES)}", where
        )
    items = located.value if isinstance(located.value, list) else [located]
    for item in items:
        if item.value not in OBJECTIVES:
            hint = nearest(str(item.value), OBJECTIVES)
            raise BadInputError(f"unknown objective {shown(item.value)}; {hint}", item.where)
    if not items:
        raise BadInputError("objective must name something to maximise", located.where)
    refuse_repeats("objective", items)
    return tuple(item.value for item in items)


def _domains(given: Entries, table: Table, where: str) -> tuple[Domain, ...]:
    if not given:
        raise BadInputError("optuna needs domains: parameters with low and high, or choices", where)
    domains: list[Domain] = []
    for name, (info, located) in find_fields(table, given).items():
        if not isinstance(located.value, dict):
            raise BadInputError(
                f"{name} must be a mapping such as {{low: 1, high: 20}}", located.where
            )
        domains.append(_domain(name, info, located, {d.name: d for d in domains}))
    return tuple(domains)


def _domain(name: str, info: FieldInfo, located: Located, earlier: Mapping[str, Domain]) -> Domain:
    given: Entries = located.value
    for key, item in given.items():
        if key not in DOMAIN_KEYS:
            raise BadInputError(
                f"unknown key {key!r} of {name}; {nearest(key, DOMAIN_KEYS)}", item.where
            )
    when = _when(name, given.get("when"), earlier)
    if "choices" in given:
        return _choice(name, info, located, when)
    for key in ("low", "high"):
        if key not in given:
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


def _choice(name: str, info: FieldInfo, mapping: Located, when: Any) -> Domain:
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
    name: str, located: Located | None, earlier: Mapping[str, Domain]
) -> dict[str, tuple[Value, ...]]:
    if located is None:
        return {}
    if not isinstance(located.value, dict) or not located.value:
        raise BadInputError(
            f"when of {name} must be a mapping such as {{lambda_novel_shape: [cosine]}}",
            located.where,
        )
    found = {}
    for other, values in located.value.items():
        domain = earlier.get(other)
        if domain is None or domain.kind != "choice":
            raise BadInputError(
                f"{name} can depend only on a parameter with choices that comes before it, "
                f"not on {other!r}",
                values.where,
            )
        items = values.value if isinstance(values.value, list) else [values]
        for item in items:
            if item.value not in domain.choices:
                raise BadInputError(
                    f"{shown(item.value)} is no choice of {other}: {list(domain.choices)}",
                    item.where,
                )
        found[other] = tuple(item.value for item in items)
    return found


def _refuse_cmaes(domains: tuple[Domain, ...], objectives: tuple[str, ...], where: str) -> None:
    if any(d.kind == "choice" for d in domains) or len(objectives) > 1:
        raise BadInputError(
            "cmaes searches numbers for one objective; take tpe for choices or several objectives",
            where,
        )
