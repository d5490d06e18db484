"""Claims ledger: sentences of the paper, what this sweep shows of them, and a verdict."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lps_sweep.report.figures.evidence import Claim, Evidence, Judgement, Verdict
from lps_sweep.report.figures.paper_claims import CLAIMS
from lps_sweep.report.section import Block, Fold, Section
from lps_sweep.report.tables import Column, Table

if TYPE_CHECKING:
    from lps_sweep.results.view import SweepView

ORDER = 85
TESTED: tuple[Verdict, ...] = ("supported", "contradicted", "inconclusive")


@dataclass(frozen=True)
class ClaimsInfo:
    """The claims, each with its judgement; None where the sweep does not vary what it is about.

    Attributes:
        judged: In the order of the paper.
        setting: Empty where the setting is the paper's, else in what it differs.
    """

    judged: tuple[tuple[Claim, Judgement | None], ...]
    setting: str


def claims_info(view: SweepView) -> ClaimsInfo:
    """Judge every claim by `view`."""
    from lps_sweep.results.paper import same_method, same_setting

    evidence = Evidence(view)
    same, reason = same_setting(view.record.settings)
    setting = "" if same else reason
    if same and not same_method(view.record.settings):
        setting = "its default cell is another method\u2019s"
    lps = view.record.settings.get("method", "lps") == "lps"
    judged = (c.judge(evidence) if lps or not c.lps_only else None for c in CLAIMS)
    return ClaimsInfo(tuple(zip(CLAIMS, judged, strict=True)), setting)


def claims_table(info: ClaimsInfo) -> Table:
    """One row per claim that the sweep is about."""
    columns = (
        Column("claim", "The paper says"),
        Column("where", "Where"),
        Column("verdict", "Verdict here"),
        Column("evidence", "Evidence here"),
        Column("figure", "Figure", "link"),
    )
    rows = tuple(
        (claim.text, claim.where, found.verdict, found.evidence, found.link)
        for claim, found in info.judged
        if found is not None
    )
    caption = (
        "Sentences of the paper and what this sweep shows of them: estimates in points of accuracy "
        "unless said, with 95 % intervals. Supported and contradicted need an interval without "
        "zero and all seeds on one side; robust needs equivalence within a declared margin, and "
        "what is substantial an interval beyond it, where one was declared. An "
        "interval is simultaneous within its own table and not over all claims."
    )
    return Table("claims", caption, columns, rows)


def untested_table(info: ClaimsInfo) -> Table:
    """The claims that the sweep is not about, and what would test them."""
    columns = (
        Column("claim", "The paper says"),
        Column("where", "Where"),
        Column("needs", "A test needs"),
    )
    rows = tuple((c.text, c.where, c.needs) for c, found in info.judged if found is None)
    return Table("claims_untested", "Not tested by this sweep.", columns, rows)


def setting_text(info: ClaimsInfo) -> str:
    """What the verdicts are about."""
    if not info.setting:
        return "The setting is the paper\u2019s, with our own implementation."
    return (
        f"Not the paper\u2019s setting: {info.setting}. A verdict says what this sweep shows of "
        "a sentence in this setting; it neither confirms nor refutes the paper\u2019s own "
        "experiments."
    )


def finding(info: ClaimsInfo) -> str:
    """How many claims have which verdict; empty without a tested one."""
    counts = Counter(found.verdict for _, found in info.judged if found is not None)
    tested = sum(counts[word] for word in TESTED)
    if not tested:
        return ""
    words = ", ".join(f"{counts[word]} {word}" for word in TESTED)
    setting = " in this setting, which is not the paper\u2019s" if info.setting else ""
    return f"Sentences of the paper that this sweep tests{setting}: {tested}; {words}."


def sections(view: SweepView) -> list[Section]:
    """The section on the paper's claims; a search samples too unevenly to test them."""
    if view.record.search:
        return []
    info = claims_info(view)
    table, untested = claims_table(info), untested_table(info)
    blocks: list[Block] = [setting_text(info)]
    if table.rows:
        blocks.append(table)
    else:
        blocks.append("No sentence of the paper is tested by what this sweep varies.")
    if untested.rows:
        blocks.append(Fold("Claims that this sweep does not test", untested))
    found = finding(info)
    return [Section("claims", "The paper\u2019s claims", tuple(blocks), (found,) if found else ())]
