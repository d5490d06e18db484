"""Machine noise: what last bits alone do to the default cell, beside what seeds do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lps_sweep.report.cells import ACCURACIES, Cell, cell_of
from lps_sweep.report.model import Column, Section, Table
from lps_sweep.report.numbers import number_text

if TYPE_CHECKING:
    from lps_sweep.results.statistics import Pooled
    from lps_sweep.results.view import SweepView

ORDER = 78
KINDS = {"perturbation": "Other last bits of the weights", "threads": "Other number of threads"}
"""What a trial of machine noise differs in, in words."""

Spreads = Mapping[tuple[str, str], "Pooled | None"]
"""The spread within seeds by kind and accuracy."""

_NOTES = (
    "Within a seed: the trial of the default cell and those that repeat it, pooled over the seeds "
    "with df degrees of freedom. Other last bits: each weight of the trainable part starts "
    "multiplied by 1 + 2^-23 or 1 - 2^-23; the trunk is the same. The spread over seeds contains "
    "this one. These trials are in no other table."
)


def noise_table(over_seeds: Cell, spreads: Spreads) -> Table:
    """One row per accuracy: the spread over seeds, and of each kind within them."""

    def of(kind: str, name: str) -> Any:
        return lambda metric: getattr(spreads[kind, metric], name, None)

    columns = [
        Column("metric", "Accuracy", of=ACCURACIES.get, says="metric"),
        Column(
            "seeds_sd", "sd", "number", 2, of=lambda m: over_seeds.mean_sd(m)[1], span="Over seeds"
        ),
        Column("seeds_n", "n", "value", of=lambda m: len(over_seeds.numbers(m)), span="Over seeds"),
    ]
    for kind, words in KINDS.items():
        columns += [
            Column(f"{kind}_sd", "sd", "number", 2, of=of(kind, "sd"), span=words),
            Column(f"{kind}_n", "n", "value", of=of(kind, "n"), span=words),
            Column(f"{kind}_df", "df", "value", of=of(kind, "df"), span=words),
        ]
    caption = (
        "Standard deviations of the default cell, in points: over seeds, and within a seed where "
        "nothing but last bits differs."
    )
    return Table.of("noise", caption, columns, ACCURACIES, notes=_NOTES)


def finding(over_seeds: Cell, spreads: Spreads) -> str:
    """The spreads of All in a sentence."""
    metric = "acc_all"
    known = [(KINDS[kind].lower(), spreads[kind, metric]) for kind in KINDS]
    parts = [f"{number_text(s.sd, 2)} (df = {s.df}, {words})" for words, s in known if s]
    sd = over_seeds.mean_sd(metric)[1]
    seeds = f"; over seeds {number_text(sd, 2)} (n = {over_seeds.num_done})" if sd else ""
    return f"Machine noise: sd of All at one seed, in points: {', '.join(parts)}{seeds}."


def sections(view: SweepView) -> list[Section]:
    """The section, or the command that makes it; none where nothing of the default is done."""
    from lps_sweep.results.noise import default_trials, is_noise, noise_trials, spread

    over_seeds = cell_of(default_trials(view), tuple(ACCURACIES))
    if is_noise(view) or not over_seeds.num_done:
        return []
    trials = noise_trials(view)
    spreads = {(kind, m): spread(trials, kind, m) for kind in KINDS for m in ACCURACIES}
    if any(spreads.values()):
        said = (finding(over_seeds, spreads),)
        return [Section("noise", "Machine noise", (noise_table(over_seeds, spreads),), said)]
    text = (
        "How far last bits alone move the default cell, as another machine changes them, is not "
        f"measured. This measures it: lps-sweep noise DIR {view.record.name}"
    )
    return [Section("noise", "Machine noise", (text,), folded=True)]
