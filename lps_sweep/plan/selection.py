"""The block `selection`: what rules of selection need to have trained besides."""

from __future__ import annotations

from dataclasses import dataclass

from lps_sweep.config import Located
from lps_sweep.params import param, section_table
from lps_sweep.plan.entries import (
    Entries,
    check_values,
    read_mapping,
    refuse_missing,
    refuse_unknown,
)

RULE = "pseudo_novel"


@dataclass(frozen=True, kw_only=True)
class PseudoNovel:
    """Seen classes that play novel, so that configurations can be scored on known labels."""

    folds: int = param(
        3,
        "parts of the seen classes; each loses its labels in one more training of every trial",
        low=2,
        high=100,
    )


PSEUDO_NOVEL = section_table(RULE, PseudoNovel)


def read_folds(entries: Entries) -> Located:
    """The number of folds of a file and its place; 0 where it asks for none.

    Raises:
        BadInputError: With file, line and what would be right.
    """
    given = read_mapping(entries, "selection")
    refuse_unknown(given, [RULE])
    if RULE not in given:
        return Located(0)
    found = check_values(read_mapping(given, RULE), PSEUDO_NOVEL)
    refuse_missing(found, ["folds"], PSEUDO_NOVEL, given[RULE].where)
    return found["folds"]
