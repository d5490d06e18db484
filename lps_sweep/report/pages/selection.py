"""Chosen without novel labels: what each rule takes, and what that is worth on other seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import TYPE_CHECKING, Any

from lps_sweep.report import marks
from lps_sweep.report.escape import plot_text
from lps_sweep.report.model import Block, Column, Figure, Fold, Key, Panel, Section, Table
from lps_sweep.report.numbers import point_text, scalar, typeset
from lps_sweep.report.plot import Plot
from lps_sweep.report.style import thin

if TYPE_CHECKING:
    from lps_sweep.results.choosing import Measured
    from lps_sweep.results.selection import Candidates, Rule
    from lps_sweep.results.statistics import Description
    from lps_sweep.results.view import SweepView

ORDER = 38
TITLE = "Chosen without novel labels"
SLUG = "selection"
FEWEST = 3
"""Configurations from which on there is something to choose."""
MOST_POINTS = 300
"""Trials of a scatter that are drawn at the most, evenly spaced."""
TRIAL = Key("a trial", "blue", "none", "circle-open")
DEFAULT = Key("a trial of the default", "vermillion", "none", "diamond")

Rules = Mapping[str, "Rule"]


def _mean(found: Description | None) -> float | None:
    return found.mean if found else None


def choice_table(rows: Sequence[Measured], candidates: Candidates) -> Table:
    """Rule by rule what it chose on each half of the seeds, measured on the other."""

    def part(name: str, label: str, digits: int = 1) -> list[Column]:
        def value(row: Measured) -> float | None:
            return _mean(getattr(row, name))

        def interval(row: Measured) -> Any:
            return getattr(getattr(row, name), "interval", None)

        kind = "number" if name == "accuracy" else "signed"
        ends = Column(f"{name}_interval", "95 %", "interval", of=interval, span=label)
        return [Column(name, "mean", kind, digits, of=value, span=label), ends]  # type: ignore[arg-type]

    def seeds(name: str) -> Any:
        return lambda row: " ".join(map(str, getattr(row, name)))

    columns = [
        Column("rule", "Rule"),
        Column("chosen_on", "Chosen on seeds", of=seeds("chosen_on")),
        Column("measured_on", "Measured on seeds", of=seeds("measured_on")),
        Column("n", "n", "value", of="accuracy.n"),
        Column("configuration", "Takes", of=lambda row: _point(candidates, row.place)),
        *part("accuracy", "All, hidden, %"),
        *part("regret", "Regret, points"),
        *part("gain", "Gain over the default, points"),
        Column("told", "Tells apart", of=_told),
    ]
    caption = (
        f"What each rule takes of {len(candidates.trials)} configurations on one half of the "
        "seeds, measured on the other half, both ways."
    )
    from lps_sweep.results.choosing import CEILING, MIN_SEEDS

    notes = (
        "Regret: what the oracle takes on the same half less this; gain: this less the default; "
        "both paired by seed. The interval is a t interval over the measuring seeds, given the "
        "choice: another half of seeds may choose otherwise. "
        + ("" if len(candidates.seeds) >= MIN_SEEDS else f"Below {MIN_SEEDS} seeds there is none. ")
        + f"The {CEILING} is chosen on the measuring seeds themselves: a ceiling. Cannot tell: the "
        "values of the rule differ between configurations no more than seeds let them (F test "
        "with seeds as blocks, 5 %); it is then better to keep the default."
    )
    muted = frozenset(i for i, row in enumerate(rows) if _sees(row.rule))
    return Table.of(SLUG, caption, columns, rows, muted=muted, notes=notes)


def _told(row: Measured) -> str:
    from lps_sweep.results.choosing import CEILING

    if row.rule == CEILING:
        return ""
    if row.refusal:
        return "cannot tell"
    return "yes" if len(row.chosen_on) > 1 else "not tested"


def _sees(rule: str) -> bool:
    from lps_sweep.results.choosing import CEILING
    from lps_sweep.results.selection import ORACLE

    return rule.startswith((ORACLE, CEILING))


def _point(candidates: Candidates, place: int) -> str:
    point = {name: scalar(value) for name, value in candidates.swept[place].items()}
    text = point_text({name: value for name, value in point.items() if value is not None})
    return f"{text} (default)" if place == candidates.default else text


def rule_table(rules: Rules, candidates: Candidates) -> Table:
    """Rule by rule its rank correlation, and what its best seed of a configuration brings."""
    from lps_sweep.results.choosing import rank_correlations, seed_choice
    from lps_sweep.results.statistics import describe

    rows = []
    for name, rule in rules.items():
        taus = rank_correlations(rule, candidates).tolist()
        found, seed = describe(taus) if taus else None, seed_choice(rule, candidates)
        rows.append(
            {
                "rule": name,
                "tau": _mean(found),
                "tau_interval": _clipped(found.interval) if found else None,
                "n": len(taus),
                "seed_gain": seed.gain if seed else None,
                "seed_best": seed.best if seed else None,
                "seed_default": seed.default if seed else None,
                "configurations": seed.num_configurations if seed else 0,
            }
        )
    rank, best = "Rank correlation", "Best of the seeds of one configuration, points"
    columns = [
        Column("rule", "Rule"),
        Column("tau", "\u03c4", "signed", 2, span=rank),
        Column("tau_interval", "95 %", "interval", 2, span=rank),
        Column("n", "n", "value", span=rank),
        Column("seed_gain", "gain", "signed", span=best),
        Column("seed_best", "at most", "signed", span=best),
        Column("seed_default", "gain, default", "signed", span=best),
        Column("configurations", "configurations", "value", span=best),
    ]
    caption = (
        "How far each rule ranks as the hidden accuracy does, and what its best seed of a "
        "configuration brings over a seed taken at random."
    )
    notes = (
        "Kendall's \u03c4-b over configurations within a seed; mean and t interval over seeds. "
        "Gain: hidden accuracy All of the seed that the rule takes less the mean of the seeds, "
        "averaged over configurations; at most: of the best seed. The seeds of a configuration "
        "are all used to choose, and configurations share them: it has no interval."
    )
    muted = frozenset(i for i, row in enumerate(rows) if _sees(str(row["rule"])))
    return Table.of(f"{SLUG}_rules", caption, columns, rows, muted=muted, notes=notes)


def _clipped(ends: tuple[float, float] | None) -> tuple[float, float] | None:
    return ends and (max(ends[0], -1.0), min(ends[1], 1.0))


def warnings(rows: Sequence[Measured]) -> list[str]:
    """A sentence for each rule whose choices are worse than the default over both halves."""
    gains: dict[str, list[float]] = {}
    surely: set[str] = set()
    for row in rows:
        if row.gain is not None and not _sees(row.rule):
            gains.setdefault(row.rule, []).append(row.gain.mean)
            if row.gain.interval and row.gain.interval[1] < 0:
                surely.add(row.rule)
    return [
        f"Warning: what {name} takes is worse than the default, by {typeset(-fmean(found))} points "
        "on the seeds that had no say"
        + (", on one half with an interval below zero." if name in surely else ".")
        for name, found in gains.items()
        if fmean(found) < 0
    ]


def best_rule(rows: Sequence[Measured]) -> str:
    """The rule with the highest gain in a sentence; empty without a default to compare with."""
    gains: dict[str, list[float]] = {}
    for row in rows:
        if row.gain is not None and not _sees(row.rule):
            gains.setdefault(row.rule, []).append(row.gain.mean)
    if not gains:
        return ""
    name, found = max(gains.items(), key=lambda item: fmean(item[1]))
    return (
        f"Without novel labels {name} chooses best of {len(gains)} rules: "
        f"{typeset(fmean(found), signed=True)} points to the default on seeds that had no say. "
        "That it is the best of them was seen with hidden labels."
    )


def draw_scatter(rules: Rules, candidates: Candidates) -> tuple[Panel, ...]:
    """A panel for each rule: its number of each trial, against the hidden accuracy."""
    import numpy as np

    hidden, every = candidates.hidden(), range(len(candidates.seeds))
    panels = []
    for name, rule in rules.items():
        values = candidates.values(rule, every)
        places = np.argwhere(np.isfinite(values) & np.isfinite(hidden))
        shown = np.linspace(0, len(places) - 1, min(len(places), MOST_POINTS)).astype(int)
        figure = Plot()
        for key in (TRIAL, DEFAULT):
            points: list[marks.Point] = [
                (thin(values[i, j]), hidden[i, j], str(candidates.trials[i, j]))
                for i, j in places[shown].tolist()
                if (i == candidates.default) == (key is DEFAULT)
            ]
            if points:
                marks.dots(figure, points, key, hover="%{x:.4g}: %{y:.1f} %")
        figure.update_xaxes(title_text=plot_text(name), showgrid=True)
        figure.update_yaxes(title_text="All, hidden, %")
        panels.append(Panel(name, figure, f"{len(places)} trials: {rule.says}"))
    return tuple(panels)


def scatter(rules: Rules, candidates: Candidates) -> Figure:
    """The scatter of each rule."""
    return Figure(
        f"{SLUG}_scatter",
        "Rules against the hidden accuracy",
        "Each trial by what a rule says of it, higher is better, and by the hidden accuracy All "
        "after its last epoch.",
        (TRIAL, DEFAULT),
        lambda: draw_scatter(rules, candidates),
        230,
        f"{SLUG}_rules",
        f"At most {MOST_POINTS} trials, evenly spaced, are drawn. Trials of one seed share split, "
        "batches and views.",
    )


def sections(view: SweepView) -> list[Section]:
    """The section, where three configurations or more have all their seeds done."""
    from lps_sweep.results.candidates import candidates as found_in
    from lps_sweep.results.confirmed import is_beside

    if is_beside(view) or not view.record.axes:
        return []
    found = found_in(view, keep=True)
    if len(found.trials) < FEWEST:
        return []
    from lps_sweep.results.choosing import ceiling, measured
    from lps_sweep.results.selection import rules_of

    rules = rules_of(found)
    if all(rule.hidden for rule in rules.values()):
        return []
    rows = [row for rule in rules.values() for row in measured(rule, found)]
    rows += ceiling(found)
    text = f"{len(found.trials)} configurations have all {len(found.seeds)} seeds done."
    if found.left_out:
        text += f" {found.left_out} others are left out: not complete, or of another data or split."
    for rule, why in found.missing.items():
        text += f" {rule}: {why}."
    if not rows:
        text += " One seed is too few to choose on some and measure on others."
    plain = {n: r for n, r in rules.items() if not r.hidden and not r.parts}
    blocks: list[Block] = [text, *warnings(rows)]
    blocks += [choice_table(rows, found)] if rows else []
    blocks.append(rule_table(rules, found))
    if plain:
        blocks.append(Fold("Each trial by rule and hidden accuracy", scatter(plain, found)))
    said = tuple(filter(None, [best_rule(rows)]))
    return [Section(SLUG, TITLE, tuple(blocks), said)]
