"""Sentences of the paper, what this sweep shows of them, and a verdict on each.

``claims.toml`` beside this has the sentences, each with the judge that tests it and its parameters.
"""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from lps_sweep.report.evidence import Evidence, Judgement, Verdict
from lps_sweep.report.judges import JUDGES
from lps_sweep.report.model import Block, Column, Fold, Section, Table

if TYPE_CHECKING:
    from lps_sweep.results.view import SweepView

ORDER = 85


@dataclass(frozen=True)
class Claim:
    """A sentence of the paper.

    Attributes:
        text: What it says, in its words as far as they fit.
        where: Its table or figure.
        needs: What a sweep must vary to test it.
        judge: Which of `judges.JUDGES` tests it; empty where none can.
        given: The parameters of the judge, with `what` its number is where it has one of its own.
        only: Settings without which it is about another sweep.
        unless: Settings with one of which it is.
    """

    text: str
    where: str
    needs: str
    judge: str = ""
    given: Mapping[str, Any] = field(default_factory=dict)
    only: Mapping[str, Any] = field(default_factory=dict)
    unless: Mapping[str, Any] = field(default_factory=dict)

    def judged(self, evidence: Evidence) -> Judgement | None:
        """What the sweep shows of it; None where it is about another."""
        settings = evidence.view.record.settings
        here = all(settings.get(name) == value for name, value in self.only.items())
        if not here or any(settings.get(name) == value for name, value in self.unless.items()):
            return None
        return JUDGES[self.judge](evidence, **self.given) if self.judge else None


@cache
def claims() -> tuple[Claim, ...]:
    """All sentences, on LPS, on fine-tuning and on methods, each in the order of the paper."""
    file = resources.files("lps_sweep.report").joinpath("pages/claims.toml")
    rows = tomllib.loads(file.read_text("utf-8"))["claims"]
    return tuple(claim for row in rows for claim in _claims_of(**row))


def _claims_of(each: tuple[str, ...] = ("",), what: str = "", **row: Any) -> Iterator[Claim]:
    if what:
        row["given"] = {**row["given"], "what": what}
    for name in each:
        yield Claim(**_filled(row, name))


def _filled(value: Any, name: str) -> Any:
    """`value` with `name` in place of each ``{each}``, and in capitals of each ``{EACH}``."""
    if isinstance(value, dict):
        return {_filled(key, name): _filled(one, name) for key, one in value.items()}
    if isinstance(value, list):
        return [_filled(one, name) for one in value]
    if isinstance(value, str):
        return value.replace("{each}", name).replace("{EACH}", name.upper())
    return value


Judged = tuple[tuple[Claim, Judgement | None], ...]


def judged(view: SweepView) -> Judged:
    """Every claim with its judgement by `view`."""
    evidence = Evidence(view)
    return tuple((claim, claim.judged(evidence)) for claim in claims())


def setting_difference(view: SweepView) -> str:
    """In what the setting differs from the paper's; empty where it is that."""
    from lps_sweep.results.paper import same_method, same_setting

    same_as_paper, reason = same_setting(view.record.settings)
    if not same_as_paper:
        return reason
    return "" if same_method(view.record.settings) else "its default cell is another method\u2019s"


def claims_table(found: Judged) -> Table:
    """One row per claim that the sweep is about."""
    columns = (
        Column("claim", "The paper says", of=lambda row: row[0].text),
        Column("where", "Where", of=lambda row: row[0].where),
        Column("verdict", "Verdict here", of=lambda row: row[1].verdict),
        Column("evidence", "Evidence here", of=lambda row: row[1].evidence),
        Column("figure", "Figure", "link", of=lambda row: row[1].link),
    )
    caption = (
        "Sentences of the paper and what this sweep shows of them: estimates in points of accuracy "
        "unless said, with 95 % intervals."
    )
    notes = (
        "Supported and contradicted need an interval without zero and all seeds on one side; "
        "robust needs equivalence within a declared margin, and what is substantial an interval "
        "beyond it, where one was declared. An interval is simultaneous within its own table and "
        "not over all claims."
    )
    tested = [row for row in found if row[1] is not None]
    return Table.of("claims", caption, columns, tested, notes=notes)


def untested_table(found: Judged) -> Table:
    """The claims that the sweep is not about, and what would test them."""
    columns = (
        Column("claim", "The paper says", of="text"),
        Column("where", "Where"),
        Column("needs", "A test needs"),
    )
    untested = [claim for claim, judgement in found if judgement is None]
    return Table.of("claims_untested", "Not tested by this sweep.", columns, untested)


def setting_text(difference: str) -> str:
    """What the verdicts are about."""
    if not difference:
        return "The setting is the paper\u2019s, with our own implementation."
    return (
        f"Not the paper\u2019s setting: {difference}. A verdict says what this sweep shows of "
        "a sentence in this setting; it neither confirms nor refutes the paper\u2019s own "
        "experiments."
    )


def finding(found: Judged, difference: str) -> str:
    """How many claims have which verdict; empty without a tested one."""
    words: tuple[Verdict, ...] = ("supported", "contradicted", "inconclusive")
    counts = Counter(judgement.verdict for _, judgement in found if judgement is not None)
    tested = sum(counts[word] for word in words)
    if not tested:
        return ""
    each = ", ".join(f"{counts[word]} {word}" for word in words)
    setting = " in this setting, which is not the paper\u2019s" if difference else ""
    return f"Sentences of the paper that this sweep tests{setting}: {tested}; {each}."


def sections(view: SweepView) -> list[Section]:
    """The section on the paper's claims: a search samples too unevenly, noise is about none."""
    from lps_sweep.results.confirmed import is_beside

    if view.record.search or is_beside(view):
        return []
    found, difference = judged(view), setting_difference(view)
    table, untested = claims_table(found), untested_table(found)
    none = "No sentence of the paper is tested by what this sweep varies."
    blocks: list[Block] = [setting_text(difference), table if table.rows else none]
    if untested.rows:
        blocks.append(Fold("Claims that this sweep does not test", untested))
    said = tuple(text for text in [finding(found, difference)] if text)
    return [Section("claims", "The paper\u2019s claims", tuple(blocks), said, folded=True)]
