"""The block `optuna`: an adaptive search over domains instead of listed values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lps_sweep.config import Located, as_json, shown
from lps_sweep.errors import BadInputError
from lps_sweep.indices import COLUMNS
from lps_sweep.params import param, section_table
from lps_sweep.plan.blocks import Arm
from lps_sweep.plan.domains import Domain, read_domains
from lps_sweep.plan.entries import (
    Entries,
    check_values,
    read_mapping,
    refuse_missing,
    refuse_unknown,
)

SAMPLERS = ("tpe", "gp", "cmaes", "random", "quasi_random")
HOLDOUT = "acc_holdout"
OBJECTIVES = (
    *(f"oracle.acc_{part}" for part in ("seen", "novel", "all")),
    "oracle.acc_novel_strict",
    "oracle.nmi_novel",
    HOLDOUT,
    *COLUMNS,
)
"""What can be maximised. `oracle` marks what needs the hidden labels of the unlabeled images;
`acc_holdout` is the accuracy on labeled images kept out of training; the rest needs no label."""

MAX_GP_STEPS = 1_000_000
"""Whole numbers in a domain that gp can hold in memory: all but those of seeds fit."""


@dataclass(frozen=True, kw_only=True)
class SearchSettings:
    """The plain values of a search; the key of its objectives is `objective`."""

    objectives: tuple[str, ...] = param(
        (), "what is maximised: one, or several for a Pareto front", choices=OBJECTIVES
    )
    sampler: str = param("tpe", "how configurations are chosen", choices=SAMPLERS)
    configurations: int = param(30, "configurations of each search", low=1, high=10_000)
    together: int = param(4, "configurations of a search asked for at once", low=1, high=1000)
    startup: int = param(10, "random configurations before tpe and gp model", low=1)
    seed: int = param(0, "seed of the sampler", low=0, high=2**31 - 1)


@dataclass(frozen=True, kw_only=True)
class Search(SearchSettings):
    """An adaptive search; every objective is maximised, as the mean over the seeds.

    Attributes:
        domains: The searched parameters; one that depends on another comes after it.
    """

    domains: tuple[Domain, ...]

    def facts(self) -> dict[str, Any]:
        """What decides which configurations are asked for, as plain values."""
        domains = [
            {
                "name": d.name,
                "kind": d.kind,
                **(
                    {"choices": [as_json(choice) for choice in d.choices]}
                    if d.kind == "choice"
                    else {"low": d.low, "high": d.high, "log": d.log}
                ),
                "when": {name: [as_json(v) for v in values] for name, values in d.when.items()},
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


SETTINGS = section_table("optuna", SearchSettings)
SETTINGS = {"objective": SETTINGS.pop("objectives"), **SETTINGS}
"""What is declared of each plain key of the block."""


def read_search(entries: Entries, arms: Sequence[Arm]) -> Search | None:
    """The search of a file, or nothing where it has none.

    `arms` are all arms; without any, the one that sets nothing.

    Raises:
        BadInputError: With file, line and what would be right.
    """
    if "optuna" not in entries:
        return None
    given = read_mapping(entries, "optuna")
    where = entries["optuna"].where
    refuse_unknown(given, (*SETTINGS, "domains"))
    domains = read_domains(read_mapping(given, "domains"), arms, where)
    plain = {key: located for key, located in given.items() if key != "domains"}
    if "objective" in plain and not isinstance(plain["objective"].value, list):
        plain["objective"] = Located([plain["objective"]], plain["objective"].where)
    found = check_values(plain, SETTINGS)
    refuse_missing(found, ("objective",), SETTINGS, where)
    values = {SETTINGS[key].name: located.value for key, located in found.items()}
    search = Search(domains=domains, **values)
    if "sampler" in found:
        _refuse_unserved(search, found["sampler"].where)
    return search


def _refuse_unserved(search: Search, where: str) -> None:
    """Refuses what the sampler of `search` cannot search."""
    words = any(domain.kind == "choice" for domain in search.domains)
    if search.sampler == "cmaes" and (words or len(search.objectives) > 1):
        raise BadInputError(
            "cmaes searches numbers for one objective; take tpe for choices or several objectives",
            where,
        )
    for domain in search.domains if search.sampler == "gp" else ():
        if domain.kind == "int" and domain.high - domain.low > MAX_GP_STEPS:
            raise BadInputError(
                f"gp lists every whole number of a domain, at most {MAX_GP_STEPS}; {domain.name} "
                f"has more: {shown(domain.low)} to {shown(domain.high)}; take tpe, or choices",
                where,
            )
