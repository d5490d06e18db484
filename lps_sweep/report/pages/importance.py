"""Which parameters of a search matter, where the configurations allow to speak of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lps_sweep.report import marks
from lps_sweep.report.model import Block, Column, Figure, Key, Panel, Section, Table
from lps_sweep.report.numbers import number_text
from lps_sweep.report.plot import Plot
from lps_sweep.report.searches import Search, with_parameters
from lps_sweep.report.style import light, thin

if TYPE_CHECKING:
    from lps_sweep.results.importance import Importances
    from lps_sweep.results.view import SweepView

ORDER = 17
SHARE = replace(marks.DIFFERENCE, label="mean over the forests, with their range")
NOISE = Key("highest share of pure noise", "vermillion", "dash", "", 1.5)


def importance_blocks(search: Search) -> list[Block]:
    """Figure and table of what the parameters matter, or the reason why there are none."""
    from lps_sweep.results.importance import MIN_R2, importances

    means = [search.mean(c) for c in search.complete]
    found = importances([c.point for c in search.complete], means, search.axes)
    if isinstance(found, str):
        return [f"No importance of parameters is given: {found}."]
    blocks: list[Block] = [search.own(importance_figure(search, found))]
    if not found.trusted:
        blocks = [
            f"No importance by forests is given: they explain too little of {search.labels[0]} "
            f"(out-of-bag R\u00b2 {number_text(found.mean_r2, 2)}, below {MIN_R2})."
        ]
    if not found.top:
        blocks.append(
            "What reaching the top 10\u00a0% depends on (PED-ANOVA) is not given: it needs Optuna, "
            "which is not installed."
        )
    return [*blocks, importance_table(search, found)]


def importance_table(search: Search, found: Importances) -> Table:
    """One row per parameter, then the noise: shares by forests, and in reaching the top 10 %."""
    columns = (
        Column("parameter", "Parameter"),
        Column("share", "Share of variance by itself, %", "number"),
        Column("range", "Over the forests", "interval"),
        Column("above_noise", "Above noise"),
        Column("top", "What reaching the top 10 % depends on, %", "number"),
    )
    top = {name: 100 * share for name, share in found.top.items()}
    rows: list[tuple[Any, ...]] = []
    for name, (mean, *ends) in ranges(found)[::-1]:
        word = "yes" if found.above_noise(name) else "no"
        told = (mean, tuple(ends), word) if found.trusted else (None, None, "not told")
        rows.append((name, *told, top.get(name)))
    for name in found.conditional:
        rows.append((name, None, None, "not in all configurations", top.get(name)))
    if found.trusted:
        mean, *ends = _mean_and_ends(found.noise)
        rows.append(("(noise)", mean, tuple(ends), "", None))
    muted = frozenset({len(rows) - 1}) if found.trusted else frozenset()
    caption = f"Importance for {search.labels[0]}, over the means of complete configurations."
    slug, notes = search.named("search_importance"), importance_notes(search, found)
    return Table(slug, caption, columns, tuple(rows), muted=muted, notes=notes)


def _mean_and_ends(shares: Sequence[float]) -> tuple[float, float, float]:
    """Mean, least and greatest share over the forests, in percent."""
    return 100 * sum(shares) / len(shares), 100 * min(shares), 100 * max(shares)


def ranges(found: Importances) -> list[tuple[str, tuple[float, float, float]]]:
    """`_mean_and_ends` of each parameter, the least mean first."""
    each = {name: _mean_and_ends(shares) for name, shares in found.shares.items()}
    return sorted(each.items(), key=lambda one: one[1][0])


def importance_notes(search: Search, found: Importances) -> str:
    """How the shares come about."""
    from lps_sweep.results.importance import NUM_TREES

    even = search.sampler in ("random", "quasi_random")
    looked = (
        "" if even else f" {search.sampler} passed over much, of which the forests know little."
    )
    return (
        f"Functional ANOVA of {len(found.r2)} forests of {NUM_TREES} trees on {found.num_used} of "
        f"{len(search.complete)} configurations, main effects only, mean and range over the "
        f"forests, no interval; mean out-of-bag R\u00b2 {number_text(found.mean_r2, 2)}. Above "
        "noise: the least share exceeds the highest of a parameter of pure noise that took part. "
        f"The top 10\u00a0%: PED-ANOVA, sum 100.{looked}"
    )


def draw_importance(found: Importances) -> tuple[Panel, ...]:
    """Dots with the range over the forests; a line at the highest share of the noise."""
    figure, each = Plot(), ranges(found)
    line = {"color": light(NOISE.colour), "dash": NOISE.dash, "width": NOISE.width}
    figure.add_vline(x=thin(100 * max(found.noise)), line=line)
    rows = [(mean, float(y), (low, high)) for y, (_, (mean, low, high)) in enumerate(each)]
    marks.estimates(figure, rows, SHARE, hover="%{x:.1f} %")
    figure.update_xaxes(
        title_text="share of variance by itself, %", rangemode="tozero", showgrid=True
    )
    marks.rows_axis(figure, [name for name, _ in each])
    words = [f"{name} {mean:.0f} %" for name, (mean, *_) in each[::-1]]
    return (Panel("Importance by forests", figure, marks.spoken(words)),)


def importance_figure(search: Search, found: Importances) -> Figure:
    """The shares that parameters explain by themselves."""
    above = [name for name in found.shares if found.above_noise(name)]
    without = ", ".join(found.conditional)
    left_out = f" Left out, because not every configuration has it: {without}." if without else ""
    return Figure(
        "search_importance_figure",
        f"Above noise for {search.labels[0]}: {', '.join(above) or 'none'}",
        f"Share of the variance of the means of {search.labels[0]} that each parameter explains by "
        f"itself.{left_out}",
        (SHARE, NOISE),
        lambda: draw_importance(found),
        130 + 34 * len(found.shares),
        "search_importance",
        importance_notes(search, found),
    )


def sections(view: SweepView) -> list[Section]:
    """A section for each of the first searches that has parameters and a complete configuration."""
    sections = []
    for search in with_parameters(view):
        title, blocks = search.titled("Importance of parameters"), importance_blocks(search)
        slug, folded = search.named("search_importance"), len(blocks) == 1
        sections.append(Section(slug, title, tuple(blocks), folded=folded))
    return sections
