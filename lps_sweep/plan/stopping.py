"""The block `stopping`: trials that do badly are ended before their last epoch."""

from __future__ import annotations

from dataclasses import dataclass

from lps_sweep.errors import BadInputError
from lps_sweep.indices import LAST_ONLY
from lps_sweep.params import param, section_table
from lps_sweep.plan.entries import Entries, check_values, read_mapping, refuse_missing
from lps_sweep.plan.search import HOLDOUT, OBJECTIVES

METRICS = tuple(name for name in OBJECTIVES if name not in LAST_ONLY)
"""What every epoch has."""

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
    metric: str = param(HOLDOUT, "what is compared; greater is better", choices=METRICS)
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


STOPPING = section_table("stopping", Stopping)


def read_stopping(entries: Entries) -> Stopping | None:
    """The rule of a file, or nothing where it has none.

    Raises:
        BadInputError: With file, line and what would be right.
    """
    if "stopping" not in entries:
        return None
    given = check_values(read_mapping(entries, "stopping"), STOPPING)
    refuse_missing(given, REQUIRED, STOPPING, entries["stopping"].where)
    rule = given["rule"].value
    for key, located in given.items():
        if rule not in OF_RULES.get(key, RULES):
            whose = " and ".join(OF_RULES[key])
            raise BadInputError(f"{key} belongs to {whose}, not to {rule}", located.where)
    return Stopping(**{key: located.value for key, located in given.items()})
