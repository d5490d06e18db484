"""What a search has to agree on with the rest of its file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lps_sweep.errors import BadInputError
from lps_sweep.plan.blocks import Levels
from lps_sweep.plan.entries import Entries
from lps_sweep.plan.search import HOLDOUT, Search

if TYPE_CHECKING:
    from lps_sweep.plan.space import SearchSpace

MAX_CELLS = 1000
"""Searches of one file; each is a study of its own."""


def searched_levels(search: Search | None) -> Levels:
    """The outermost values of each searched parameter: its bounds, or all its choices."""
    domains = search.domains if search else ()
    return {domain.name: domain.outermost() for domain in domains}


def check_search(space: SearchSpace, entries: Entries) -> None:
    """Refuses a search that cannot be measured, or too many of them.

    Raises:
        BadInputError: There are too many cells, or some of them keep no labeled image out of
            training and the objective needs it.
    """
    if space.search is None:
        return
    where = entries["optuna"].where
    if space.num_cells > MAX_CELLS:
        raise BadInputError(
            f"each of {space.num_cells} cells would have a search of its own; the limit is "
            f"{MAX_CELLS}",
            where,
        )
    listed = space.swept.get("labeled_holdout", ())
    shares = [level.value for level in listed] or [
        space.config_of(arm).split.labeled_holdout for arm in space.variants
    ]
    if HOLDOUT in space.search.objectives and not all(shares):
        raise BadInputError(
            f"{HOLDOUT} needs labeled images kept out of training: set labeled_holdout, as 0.2",
            where,
        )
