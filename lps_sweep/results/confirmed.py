"""What the confirmation of a sweep measured, on seeds that had no say in the selection."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from lps_sweep.results.ledger import Ledger
from lps_sweep.results.records import Json

if TYPE_CHECKING:
    from lps_sweep.results.queries import TrialRow
    from lps_sweep.results.view import SweepView

SUFFIX = "_confirm"
"""What the name of a confirmation has after that of the sweep that it confirms."""
_PLACES = frozenset({"data_root"})
"""Values that say where something lies, not what it is."""


def fresh_trials(view: SweepView) -> list[TrialRow]:
    """The done trials of the confirmation of `view`, at seeds that `view` has not."""
    name = f"{view.record.name}{SUFFIX}"
    if not Ledger.exists(view.folder):
        return []
    with Ledger.open(view.folder) as ledger:
        rows = ledger.trial_rows(name, False) if name in ledger.sweeps() else []
    return [row for row in rows if row.status == "done" and row.seed not in view.record.seeds]


def values_at(
    trials: Sequence[TrialRow], config: Mapping[str, Json], metric: str
) -> dict[int, float]:
    """`metric` of those of `trials` that have the flat configuration `config`, by seed."""
    wanted = _content(config)
    found = {t.seed: t.metrics.get(metric) for t in trials if _content(t.config) == wanted}
    return {seed: value for seed, value in sorted(found.items()) if value is not None}


def confirmation_digest(ledger: Ledger, sweep: str) -> str:
    """Changes when the confirmation of `sweep` does; empty where there is none."""
    name = f"{sweep}{SUFFIX}"
    if name not in ledger.sweeps():
        return ""
    return hashlib.sha256(ledger.digest(name, False).encode()).hexdigest()


def _content(config: Mapping[str, Json]) -> dict[str, Json]:
    return {name: value for name, value in config.items() if name not in _PLACES}
