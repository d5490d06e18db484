"""Rules of selection: what chooses a configuration, or a seed of one. Objects of their own.

A rule is a number of a trial, read from its columns, and higher is better. It has a number of a
configuration too, the mean over seeds, and tells which of several seeds is best. A rule whose name
begins with ``oracle.`` sees hidden labels; no other does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import fdtrc
from scipy.stats import rankdata

from lps_sweep.errors import BadInputError, nearest
from lps_sweep.indices import COLUMNS

if TYPE_CHECKING:
    from lps_sweep.results.records import Json

Numbers = NDArray[np.float64]

ORACLE = "oracle."
AGREEMENT = "seed_agreement"
PSEUDO_NOVEL = "pseudo_novel"
LEVEL = 0.05
"""A rule cannot tell where noise alone would spread its values so far more often than this."""

_NO_LOSS = re.compile(
    r"acc_.*|nmi_.*|novel_to_.*|"
    r"lr|confiden.*|.*_share.*|gap|uncertainty|teacher|coefficient|.*_weight|weight_mean|threshold.*"
)
"""What an epoch's row may hold beside losses."""


@dataclass(frozen=True)
class Rule:
    """One rule.

    Attributes:
        name: Its name.
        says: What its number is.
        columns: The columns that it may read: the first that all compared trials have.
        sign: -1 where a lower value of the column is better.
        parts: Of a combination: the rules whose ranks are averaged.
        needs: What a search space must say so that trials have it; empty where nothing.
    """

    name: str
    says: str
    columns: tuple[str, ...] = ()
    sign: float = 1.0
    parts: tuple[Rule, ...] = ()
    needs: str = ""

    @property
    def hidden(self) -> bool:
        """Whether it sees hidden labels."""
        return any(part.hidden for part in self.parts) or self.name.startswith(ORACLE)

    def score(self, of: Callable[[Rule], Numbers]) -> Numbers:
        """A number (n,) of each of n things; NaN where it has none.

        `of` gives the numbers of a rule that is no combination. Of a combination they are the mean
        of the ranks among these n, 1 for the best down to 1 / n.
        """
        if not self.parts:
            return of(self)
        ranks = [_ranks(part.score(of)) for part in self.parts]
        return np.asarray(np.mean(ranks, axis=0))


def _ranks(values: Numbers) -> Numbers:
    """Ranks from the worst, over the number of values; NaN stays."""
    ranks = np.full(values.shape, np.nan)
    there = np.isfinite(values)
    ranks[there] = rankdata(values[there]) / max(1, int(there.sum()))
    return ranks


FIXED: Mapping[str, Rule] = {
    rule.name: rule
    for rule in (
        Rule(
            "holdout",
            "accuracy on labeled images kept out of training",
            ("acc_holdout",),
            needs="set: {labeled_holdout: 0.2}",
        ),
        Rule(
            PSEUDO_NOVEL,
            "accuracy on folds of the seen classes that play novel, mean over the folds",
            (PSEUDO_NOVEL,),
            needs="selection: {pseudo_novel: {folds: 3}}",
        ),
        *(
            Rule(name, says, (name, "confidence_mean") if name == "confidence" else (name,))
            for name, says in COLUMNS.items()
        ),
        Rule(
            AGREEMENT,
            "agreement of the predictions with those of the other seeds: mean of adjusted Rand "
            "index and NMI",
            (AGREEMENT,),
        ),
        *(
            Rule(f"{ORACLE}{name}", f"hidden {name} after the last epoch", (name,))
            for name in ("acc_all", "acc_novel", "acc_seen", "acc_novel_strict", "nmi_novel")
        ),
        Rule(f"{ORACLE}best_acc_all", "hidden acc_all after the best epoch", ("best_acc_all",)),
    )
}
"""The rules that every method may have, by name."""

COMBINED = ("silhouette+balance+confidence", "silhouette+davies_bouldin+calinski_harabasz")
"""The combinations that a report shows."""


@dataclass(frozen=True, eq=False)
class Candidates:
    """Configurations whose seeds are all done, n of s seeds each.

    Attributes:
        trials: Ids (n, s).
        seeds: The seeds, ascending.
        configs: The flat configuration of each.
        swept: What it sets of what the sweep varies.
        default: Place of the sweep's default; None where it is none of them.
        columns: Columns by name, (n, s), NaN where a trial has none.
        agreements: Agreement of each two seeds of a configuration, (n, s, s).
        losses: Columns that are losses.
        left_out: Configurations that are not complete, or learn something else.
        missing: By rule, what is still to be trained for it, in words.
    """

    trials: NDArray[Any]
    seeds: tuple[int, ...]
    configs: tuple[Mapping[str, Json], ...]
    swept: tuple[Mapping[str, Any], ...]
    default: int | None
    columns: Mapping[str, Numbers]
    agreements: Numbers
    losses: tuple[str, ...]
    left_out: int
    missing: Mapping[str, str] = field(default_factory=dict)

    def has(self, rule: Rule) -> bool:
        """Whether it has a number of two configurations, or of the only one."""
        known = np.isfinite(self.values(rule, range(len(self.seeds))).mean(1)).sum()
        return bool(known >= min(2, len(self.trials)) > 0)

    def values(self, rule: Rule, seeds: Sequence[int]) -> Numbers:
        """(n, len(seeds)), the rule's number of each trial at the places `seeds`.

        The agreement of a seed is that with the others among them.
        """
        at = list(seeds)
        if rule.columns == (AGREEMENT,):
            others = self.agreements[:, at][:, :, at].copy()
            own = np.arange(len(at))
            others[:, own, own] = 0.0
            return np.asarray(others.sum(2) / (len(at) - 1 if len(at) > 1 else np.nan))
        known = [self.columns[name][:, at] for name in rule.columns if name in self.columns]
        whole = [one for one in known if np.isfinite(one).all()]
        found = (whole or known or [np.full((len(self.trials), len(at)), np.nan)])[0]
        return rule.sign * found

    def hidden(self, metric: str = "acc_all") -> Numbers:
        """(n, s), a hidden metric of each trial."""
        return self.columns.get(metric, np.full(self.trials.shape, np.nan))


def rules_of(candidates: Candidates) -> dict[str, Rule]:
    """The rules that have numbers to compare, by name: fixed ones, loss terms, combined."""
    rules = [*FIXED.values(), *(_loss(name) for name in candidates.losses)]
    known = {rule.name: rule for rule in rules if candidates.has(rule)}
    combined = {n: c for n in COMBINED if (c := _combined(n, known))}
    return known | combined


def find_rule(name: str, candidates: Candidates) -> Rule:
    """The rule of this name; names joined by ``+`` are their combination.

    Raises:
        BadInputError: There is none, or the trials have nothing that it reads.
    """
    known = rules_of(candidates)
    name = "holdout" if name == "acc_holdout" else name  # as an objective is called
    found = known.get(name) or (_combined(name, known) if "+" in name else None)
    if found:
        return found
    every = {*FIXED, *candidates.losses}
    for part in name.split("+"):
        if part not in every:
            raise BadInputError(f"unknown rule {part!r}; {nearest(part, sorted(every))}", "--rule")
    missing = next(part for part in name.split("+") if part not in known)
    rule = FIXED.get(missing) or _loss(missing)
    reads = " or ".join(rule.columns)
    why = [
        f"no two configurations have all seeds done with what it reads ({reads})",
        candidates.missing.get(missing, ""),
        f"it needs `{rule.needs}` in the search space" if rule.needs else "",
        f"rules that can: {', '.join(known)}",
    ]
    raise BadInputError(
        f"{missing} cannot tell: {'; '.join(filter(None, why))}",
        "--rule",
    )


def _combined(name: str, known: Mapping[str, Rule]) -> Rule | None:
    parts = [known.get(part) for part in name.split("+")]
    there = tuple(part for part in parts if part)
    return Rule(name, "mean of ranks", parts=there) if len(there) == len(parts) else None


def _loss(name: str) -> Rule:
    return Rule(name, f"minus {name}, a loss of the last epoch", (name,), -1.0)


def losses_among(training: Iterable[str]) -> tuple[str, ...]:
    """Those of the columns that only training records which are losses."""
    return tuple(name for name in training if not _NO_LOSS.fullmatch(name))


def choose(rule: Rule, candidates: Candidates, seeds: Sequence[int]) -> int | None:
    """Place of the configuration with the highest number, by the seeds at the places `seeds`.

    None where no configuration has a number, or all of several have the same.
    """
    scores = rule.score(lambda one: candidates.values(one, seeds).mean(1))
    finite = scores[np.isfinite(scores)]
    if not finite.size or (finite.size > 1 and np.ptp(finite) == 0):
        return None
    return int(np.nanargmax(scores))


def best_seed(rule: Rule, candidates: Candidates, place: int) -> int | None:
    """Place of the best seed of one configuration; None as in `choose`."""
    every = range(len(candidates.seeds))
    scores = rule.score(lambda one: candidates.values(one, every)[place])
    finite = scores[np.isfinite(scores)]
    if not finite.size or np.ptp(finite) == 0:
        return None
    return int(np.nanargmax(scores))


def refusal(rule: Rule, candidates: Candidates, seeds: Sequence[int]) -> str:
    """Why the rule cannot tell configurations apart; empty where it can, or one seed is all.

    From two seeds on, an F test of configurations with seeds as blocks must reject at `LEVEL`
    that all have the same mean: of a combination, of its ranks within each seed.
    """
    if choose(rule, candidates, seeds) is None:
        return "its values are all the same, or missing"
    columns = [
        rule.score(lambda one, j=j: candidates.values(one, seeds)[:, j])  # type: ignore[misc]
        for j in range(len(seeds))
    ]
    p = separation(np.stack(columns, axis=1))
    if p is None or p <= LEVEL:
        return ""
    return f"its values differ no more between configurations than between seeds (p = {p:.2f})"


def separation(values: Numbers) -> float | None:
    """P of the F test that the rows of `values`, configurations x seeds, have one mean.

    Seeds are blocks. Rows without a value are left out; None below two rows or columns.
    """
    x = values[np.isfinite(values).all(1)]
    n, s = x.shape
    if n < 2 or s < 2:
        return None
    rows, columns = x.mean(1, keepdims=True), x.mean(0, keepdims=True)
    between = s * float(((rows - x.mean()) ** 2).sum()) / (n - 1)
    rest = float(((x - rows - columns + x.mean()) ** 2).sum()) / ((n - 1) * (s - 1))
    if rest <= 1e-24 * max(between, 1e-300):
        return 0.0 if between else 1.0
    return float(fdtrc(n - 1, (n - 1) * (s - 1), between / rest))
