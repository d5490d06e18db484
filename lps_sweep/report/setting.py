"""The groups of columns of a comparison of methods, and the paper's Table 1, with its doubts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lps_sweep.report.arms import assignment_gap
from lps_sweep.report.cells import ACCURACIES, metric_facets
from lps_sweep.report.escape import MINUS
from lps_sweep.report.model import Column, Facets, Table
from lps_sweep.report.numbers import value_text
from lps_sweep.report.reference import NAMES

if TYPE_CHECKING:
    from lps_sweep.results import Json

OWN = "own"
"""The recipe of a trial that is trained as its method's authors train."""
COPIED, ABOVE, BELOW = "the same with 10 and 50\u00a0% labeled", 0.5, -7.5
"""Of the paper's numbers: a doubt, and the assignment gaps, in points, beyond which there is one.

Rounding explains 0.1 points above zero. A matching for each of seen and novel does at least as well
as one for all, so that nothing lies further above.
"""


@dataclass(frozen=True)
class Setting:
    """A group of columns, within which methods are ranked.

    Attributes:
        dataset: The data set.
        ratio: Its labeled share.
        frozen: Whether anything is frozen; true of the methods' own recipes, which differ in it.
        recipe: The track: one recipe of training for all methods, or each method's own.
    """

    dataset: str
    ratio: float
    frozen: bool = True
    recipe: str = ""

    @classmethod
    def of(cls, config: Mapping[str, Json]) -> Setting:
        """That of a configuration."""
        ratio = config.get("labeled_ratio")
        known = float(ratio) if isinstance(ratio, int | float) else 0.0
        own = OWN if config.get("recipe") == OWN else ""
        frozen = bool(own) or config.get("frozen_through") != "none"
        return cls(str(config.get("dataset")), known, frozen, own)

    @property
    def label(self) -> str:
        """``CIFAR-10, 50 % labeled``."""
        own = ", own recipes" if self.recipe else ""
        name = NAMES.get(self.dataset, self.dataset)
        return f"{name}, {100 * self.ratio:.0f}\u00a0% labeled{own}"

    @property
    def facets(self) -> Facets:
        """What the page narrows its columns by."""
        return {"dataset": self.dataset, "ratio": value_text(self.ratio)}

    @property
    def key(self) -> str:
        """``cifar10_50``: for names of columns."""
        own = f"_{self.recipe}" if self.recipe else ""
        return f"{self.dataset}_{100 * self.ratio:g}{own}"

    def paper(self, method: str) -> dict[str, float]:
        """The paper's numbers of `method`, by metric; empty where it has none."""
        from lps_sweep.results.paper import paper_value

        return paper_value(self.dataset, self.ratio, method=method, frozen=self.frozen)

    def paper_gap(self, method: str) -> float | None:
        """The assignment gap of the paper's `method`, in points."""
        return assignment_gap(self.paper(method), {"labeled_ratio": self.ratio})

    def doubt(self, method: str) -> str:
        """Why the paper's numbers of `method` cannot be what they say; empty for no reason."""
        gap = self.paper_gap(method)
        if gap is None:
            return ""
        others = (Setting(self.dataset, r, self.frozen) for r in (0.1, 0.5) if r != self.ratio)
        words = [COPIED] if any(o.paper(method) == self.paper(method) for o in others) else []
        if gap > ABOVE:
            words.append("All is above what Seen and Novel allow")
        if gap < BELOW:
            words.append("Seen, Novel and All are of assignments unlike each other")
        return "; ".join(words)

    def column(self, name: str, label: str, kind: Any, **more: Any) -> Column:
        """One of its columns."""
        facets = {**self.facets, **more.pop("facets", {})}
        return Column(f"{self.key}_{name}", label, kind, span=self.label, facets=facets, **more)


def paper_methods() -> tuple[str, ...]:
    """The methods of the paper's Table 1, from top to bottom."""
    from lps_sweep.results.paper import paper_numbers

    return tuple(dict.fromkeys(n.method for n in paper_numbers() if n.table == 1))


def _paper_settings() -> tuple[Setting, ...]:
    from lps_sweep.results.paper import paper_numbers

    cases = dict.fromkeys((n.dataset, n.labeled_ratio) for n in paper_numbers() if n.table == 1)
    ordered = sorted(cases, key=lambda case: list(NAMES).index(case[0]))
    return tuple(Setting(dataset, ratio) for dataset, ratio in ordered)


def paper_table() -> Table:
    """The paper\u2019s Table 1 whole, with the gap of each cell."""
    columns = [Column("method", "Method", of=str)]
    for s in _paper_settings():
        for m, title in ACCURACIES.items():

            def read(method: str, s: Setting = s, m: str = m) -> float | None:
                return s.paper(method).get(m)

            columns.append(s.column(m, title, "number", of=read, facets=metric_facets(m)))
        columns.append(s.column("gap", "Gap", "signed", of=s.paper_gap))
    caption = (
        "The paper\u2019s Table 1 as printed, means of three runs without a spread, in percent; "
        "the gap is computed from them. Another setting than ours: nothing in it is compared."
    )
    rows = paper_methods()
    return Table.of("main_paper", caption, columns, rows, muted=frozenset(range(len(rows))))


def doubts_table() -> Table:
    """A row per cell of the paper\u2019s Table 1 whose numbers do not go together."""
    rows = [
        (method, setting.label, setting.paper_gap(method), doubt)
        for method in paper_methods()
        for setting in _paper_settings()
        if (doubt := setting.doubt(method))
    ]
    columns = (
        Column("method", "Method"),
        Column("setting", "Setting"),
        Column("gap", "Gap", "signed"),
        Column("doubt", "Doubt"),
    )
    caption = (
        f"{len(rows)} of {len(paper_methods()) * len(_paper_settings())} cells of the paper\u2019s "
        "Table 1 in which Seen, Novel and All do not go together, or are not of their setting."
    )
    notes = (
        "Where seen and novel are matched each by itself, All is at most their mean, weighted by "
        f"their images: a gap above zero is not of one protocol. A gap below {MINUS}7.5 points is "
        "that of novel classes which are scored in a seen class\u2019s place, or also not of one."
    )
    every = frozenset(range(len(rows)))
    return Table("main_doubts", caption, columns, tuple(rows), muted=every, notes=notes)
