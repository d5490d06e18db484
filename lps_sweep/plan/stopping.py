"""The block `stopping`: trials that do badly are ended before their last epoch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lps_sweep.config import Config, Located, check_value, section_fields, shown
from lps_sweep.config.fields import param
from lps_sweep.errors import BadInputError, nearest
from lps_sweep.plan.entries import Entries, read_mapping
from lps_sweep.plan.search import HOLDOUT, OBJECTIVES

if TYPE_CHECKING:
    from lps_sweep.plan.space import SearchSpace

RULES = ("halving", "asha", "median")
REQUIRED = ("rule", "metric", "first_epoch")
OF_RULES = {
    "reduction": ("halving", "asha"),
    "compare": ("asha", "median"),
    "min_trials": ("median",),
    "every_epochs": ("median",),
}
"""Keys that not all rules have, and whose they are."""


@dataclass(frozen=True, kw_only=True)
class Stopping:
    """When a trial is ended before its last epoch; greater values of the metric are better.

    Trials are compared at rungs: with ``halving`` and ``asha`` after `first_epoch` epochs and then
    each time `reduction` times as many; with ``median`` after `first_epoch` epochs and then each
    `every_epochs`. What is compared after the last epoch is the result, and ends nothing.
    """

    rule: str = param("asha", "what ends a trial", choices=RULES)
    metric: str = param(HOLDOUT, "what is compared; greater is better", choices=OBJECTIVES)
    first_epoch: int = param(1, "epochs that every trial is given", low=1)
    reduction: int = param(
        3,
        "halving, asha: of so many trials one goes on, and so many times as many epochs lie "
        "before the next comparison",
        low=2,
        high=100,
    )
    compare: str = param(
        "seed",
        "asha, median: with the trials of the same seed, or with all",
        choices=("seed", "all"),
    )
    min_trials: int = param(
        5, "median: other trials that must have come as far, else none is ended", low=1
    )
    every_epochs: int = param(1, "median: epochs from one comparison to the next", low=1)

    def rungs(self, epochs: int) -> tuple[int, ...]:
        """The epochs, counted from 1, after which a trial of `epochs` epochs is compared."""
        if self.rule == "median":
            return tuple(range(self.first_epoch, epochs, self.every_epochs))
        found = []
        rung = self.first_epoch
        while rung < epochs:
            found.append(rung)
            rung *= self.reduction
        return tuple(found)

    def text(self) -> str:
        """The rule with all its numbers, in words; two rules that differ have two texts."""
        others = [
            key for key in ("first_epoch", *OF_RULES) if self.rule in OF_RULES.get(key, RULES)
        ]
        return ", ".join(
            [f"{self.rule} by {self.metric}", *(f"{key}={getattr(self, key)}" for key in others)]
        )


def read_stopping(entries: Entries) -> Stopping | None:
    """The rule of a file, or nothing where it has none.

    Raises:
        BadInputError: With file, line and what would be right.
    """
    if "stopping" not in entries:
        return None
    fields = {info.name: info for info in section_fields("stopping", Stopping)}
    given = read_mapping(entries, "stopping")
    for key, located in given.items():
        if key not in fields:
            raise BadInputError(f"unknown key {key!r}; {nearest(key, fields)}", located.where)
    for key in REQUIRED:
        if key not in given:
            wanted = fields[key].param.range_text()
            raise BadInputError(f"the key {key!r} is missing; {wanted}", entries["stopping"].where)
    values: dict[str, Any] = {}
    for key, located in given.items():
        if key == "metric" and located.value not in OBJECTIVES:
            hint = nearest(str(located.value), OBJECTIVES)
            raise BadInputError(f"unknown metric {shown(located.value)}; {hint}", located.where)
        values[key] = check_value(key, fields[key], located)
    for key in given:
        if values["rule"] not in OF_RULES.get(key, RULES):
            whose = " and ".join(OF_RULES[key])
            raise BadInputError(
                f"{key} belongs to {whose}, not to {values['rule']}", given[key].where
            )
    return Stopping(**values)


def check_stopping(space: SearchSpace, entries: Entries) -> None:
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
    configs = [space.config_of(arm) for arm in space.variants]
    domains = space.search.domains if space.search else ()
    varied = {_own_name(name) for name in (*space.swept, *(domain.name for domain in domains))}
    lengths = {config.loop.epochs for config in configs}
    if len(lengths) > 1 or "epochs" in varied:
        raise BadInputError("stopping compares trials of one length, and epochs varies", where)
    (epochs,) = lengths
    if stopping.first_epoch >= epochs:
        raise BadInputError(
            f"first_epoch must be below epochs, which is {epochs}, not {stopping.first_epoch}",
            given["first_epoch"].where,
        )
    if space.search and len(space.search.objectives) > 1:
        raise BadInputError("stopping judges by one metric; give one objective", where)
    if stopping.metric == HOLDOUT and not _held_out(configs, space.swept):
        raise BadInputError(
            f"{HOLDOUT} needs labeled images kept out of training: set labeled_holdout, as 0.2",
            given["metric"].where,
        )


def _own_name(key: str) -> str:
    """The name of a field without its section."""
    return key.rpartition(".")[2]


def _held_out(configs: Iterable[Config], swept: Mapping[str, Sequence[Located]]) -> bool:
    """Whether labeled images are kept out of training in all trials."""
    for name, levels in swept.items():
        if _own_name(name) == "labeled_holdout":
            return all(level.value for level in levels)
    return all(config.split.labeled_holdout for config in configs)
