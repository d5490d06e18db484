"""What a rule of selection takes of a sweep, as a search space that is ready to run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lps_sweep.errors import BadInputError
from lps_sweep.results import load_view
from lps_sweep.results.confirmed import name_beside
from lps_sweep.sweep.confirmation import Selected, differences, own_rule, selected
from lps_sweep.sweep.written import resources_of, space_text

SUFFIX = "_selected"


def selection_text(results: Path, sweep: str, rule: str) -> str:
    """The configuration that `rule` takes, or that of each search of `sweep`, and why.

    The reason stands in comments. The seeds are those of the sweep; another folder trains anew.

    Args:
        results: The results folder.
        sweep: Name of the sweep.
        rule: Name of a rule of selection; empty for the objective of the sweep's search.

    Raises:
        BadInputError: There is no such sweep or rule, or the rule cannot tell.
    """
    view = load_view(results, sweep)
    rule = rule or own_rule(view)
    best, record = selected(view, rule), view.record
    for one in best.values():
        if one.refusal:
            raise BadInputError(
                f"{rule} cannot tell: {one.refusal}; keep the default, or name another rule",
                "--rule",
            )
    first, *_ = best
    configs = {name: one.config for name, one in best.items()}
    own, others, shared = differences(configs.pop(first), configs, record.preset)
    content: dict[str, Any] = {
        "name": name_beside(sweep, SUFFIX),
        "question": f"What does the configuration that {rule} takes of {sweep} give?",
        **({"preset": record.preset} if record.preset else {}),
        "method": str(best[first].config["method"]),
        **({"set": shared} if shared else {}),
        **({"arms": {first: own, **others}} if others else {}),
        "seeds": list(record.seeds),
        **resources_of(record),
    }
    reasons = [f"# {line}" for name, one in best.items() for line in _reason(name, one, rule)]
    return "\n".join([*reasons, space_text(content)])


def _reason(name: str, best: Selected, rule: str) -> list[str]:
    lines = [
        f"{name}: {rule} {best.mean:.4g}, mean over {best.num_seeds} seeds, the highest of "
        f"{best.num_compared} configurations"
    ]
    if best.best_seed is not None:
        lines.append(f"{name}: of its seeds {rule} takes {best.best_seed}")
    return lines
