"""What the confirmation of a sweep measured, on seeds that had no say in the selection."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from lps_sweep.config import field_table
from lps_sweep.results.ledger import Ledger
from lps_sweep.results.records import Json, TrialRow

if TYPE_CHECKING:
    from lps_sweep.results.view import SweepView

SUFFIX = "_confirm"
_LONGEST = 64
"""Letters of a sweep's name at the most."""
_PLACES = frozenset({"data_root", "rule_images"})
"""Values that say where something lies or what is measured besides, not what it is."""


def confirmation_name(sweep: str) -> str:
    """What the confirmation of `sweep` is called."""
    return name_beside(sweep, SUFFIX)


def name_beside(sweep: str, suffix: str) -> str:
    """The name of `sweep` with `suffix`; of a long name, the beginning and a hash."""
    if len(sweep) + len(suffix) <= _LONGEST:
        return f"{sweep}{suffix}"
    digits = hashlib.sha256(sweep.encode()).hexdigest()[:8]
    return f"{sweep[: _LONGEST - len(suffix) - 9]}-{digits}{suffix}"


def is_beside(view: SweepView) -> bool:
    """Whether `view` is of machine noise or of folds, and has settings that no other sweep has."""
    fields = [name for name, info in field_table("lps").items() if info.param.beside]
    return any(name in config for config in view.configs.values() for name in fields)


def fresh_trials(view: SweepView) -> list[TrialRow]:
    """The done trials of the confirmation of `view`, at seeds that `view` has not."""
    rows = done_trials(view, confirmation_name(view.record.name))
    return [row for row in rows if row.seed not in view.record.seeds]


def done_trials(view: SweepView, sweep: str) -> list[TrialRow]:
    """The done trials of a `sweep` beside that of `view`; none where it is not there."""
    with Ledger.open(view.folder) as ledger:
        rows = ledger.trial_rows(sweep, False) if sweep in ledger.sweeps() else []
    return [row for row in rows if row.status == "done"]


def values_at(
    trials: Sequence[TrialRow], config: Mapping[str, Json], metric: str
) -> dict[int, float]:
    """`metric` of those of `trials` that have the flat configuration `config`, by seed."""
    wanted = without_places(config)
    found = {t.seed: t.metrics.get(metric) for t in trials if without_places(t.config) == wanted}
    return {seed: value for seed, value in sorted(found.items()) if value is not None}


def confirmation_digest(ledger: Ledger, sweep: str) -> str:
    """Changes when the confirmation of `sweep` does; empty where there is none."""
    return digest_if_there(ledger, confirmation_name(sweep))


def digest_if_there(ledger: Ledger, sweep: str) -> str:
    """The digest of `sweep`; empty where there is none."""
    return ledger.digest(sweep, False) if sweep in ledger.sweeps() else ""


def without_places(config: Mapping[str, Json]) -> dict[str, Json]:
    """The values of a flat configuration without `_PLACES`: what it is."""
    return {name: value for name, value in config.items() if name not in _PLACES}
