"""Importance of the parameters of a search, where the configurations allow to speak of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lps_sweep.report.escape import plot_text
from lps_sweep.report.figures.search_info import SearchInfo
from lps_sweep.report.figures.style import light, new_figure, thin
from lps_sweep.report.section import Block, Figure, Key, Panel
from lps_sweep.report.tables import Cell, Column, Table, number_text

if TYPE_CHECKING:
    from lps_sweep.results.importance import Axis, Importances

_SHARE = Key("mean over the forests, with their range", "ink", "solid", "circle", 1.6)
_NOISE = Key("highest share of pure noise", "vermillion", "dash", "", 1.5)


@dataclass(frozen=True)
class ImportanceInfo:
    """What the parameters of a search matter for its first objective.

    Attributes:
        missing: Why there is nothing to say; empty otherwise.
        conditional: Parameters that not every configuration has: no part of the forests.
        found: The forests\u2019 shares; None where `missing` says why.
        top: Share of each parameter in reaching the top 10 %, sum one; empty without Optuna.
    """

    missing: str = ""
    conditional: tuple[str, ...] = ()
    found: Importances | None = None
    top: dict[str, float] = field(default_factory=dict)


def importance_info(info: SearchInfo) -> ImportanceInfo:
    """Shares by forests and by PED-ANOVA, over complete configurations."""
    from lps_sweep.results.importance import MIN_PER_PARAMETER, forest_importances, top_importances

    complete = info.complete()
    axes = tuple(axis for axis in info.axes if _varies(axis))
    always = [a for a in axes if all(c.point[a.name] is not None for c in complete)]
    conditional = tuple(a.name for a in axes if a not in always)
    needed = MIN_PER_PARAMETER * len(axes)
    if len(complete) < needed or not always:
        text = (
            f"{len(complete)} complete configurations are too few for {len(axes)} parameters; "
            f"{needed} are needed"
        )
        return ImportanceInfo(text if always or not axes else "no parameter is in all of them")
    means = [info.mean(c) for c in complete]
    if max(means) == min(means):
        return ImportanceInfo("all configurations have the same mean", conditional)
    points = [_point(c.point) for c in complete]
    try:
        found = forest_importances(points, means, always)
    except ImportError:
        return ImportanceInfo("the forests need scikit-learn, which is not installed", conditional)
    try:
        top = top_importances(points, means, axes)
    except ImportError:
        top = {}
    return ImportanceInfo("", conditional, found, top)


def _varies(axis: Axis) -> bool:
    return len(axis.choices) > 1 if axis.kind == "choice" else axis.high > axis.low


def _point(point: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(v) if isinstance(v, list) else v for name, v in point.items()}


def importance_blocks(info: SearchInfo) -> list[Block]:
    """Figure and table, or the reason why there are none."""
    found = importance_info(info)
    if found.missing or found.found is None:
        return [f"No importance of parameters is given: {found.missing}."]
    r2 = number_text(found.found.mean_r2, 2)
    blocks: list[Block] = []
    if found.found.trusted:
        blocks.append(_figure(info, found, found.found))
    else:
        from lps_sweep.results.importance import MIN_R2

        blocks.append(
            f"No importance by forests is given: they explain too little of {info.labels[0]} "
            f"(out-of-bag R\u00b2 {r2}, below {MIN_R2})."
        )
    if not found.top:
        blocks.append(
            "What reaching the top 10\u00a0% depends on (PED-ANOVA) is not given: it needs Optuna, "
            "which is not installed."
        )
    return [*blocks, importance_table(info, found)]


def importance_table(info: SearchInfo, found: ImportanceInfo) -> Table:
    """One row per parameter, then the noise: shares by forests, and in reaching the top 10 %."""
    forests = found.found
    assert forests is not None
    columns = (
        Column("parameter", "Parameter"),
        Column("share", "Share of variance by itself, %", "number"),
        Column("range", "Over the forests", "interval"),
        Column("above_noise", "Above noise"),
        Column("top", "What reaching the top 10 % depends on, %", "number"),
    )
    trusted = forests.trusted
    rows: list[tuple[Cell, ...]] = []
    for name in sorted(forests.shares, key=lambda n: -sum(forests.shares[n])):
        shares = [100 * share for share in forests.shares[name]]
        top = None if name not in found.top else 100 * found.top[name]
        word = "yes" if forests.above_noise(name) else "no"
        known = (sum(shares) / len(shares), (min(shares), max(shares)), word)
        rows.append((name, *(known if trusted else (None, None, "not told")), top))
    for name in found.conditional:
        top = None if name not in found.top else 100 * found.top[name]
        rows.append((name, None, None, "not in all configurations", top))
    noise = [100 * share for share in forests.noise]
    if trusted:
        rows.append(("(noise)", sum(noise) / len(noise), (min(noise), max(noise)), "", None))
    last = len(rows) - 1
    return Table(
        info.named("search_importance"),
        _caption(info, forests),
        columns,
        tuple(rows),
        muted=frozenset({last}) if trusted else frozenset(),
    )


def _caption(info: SearchInfo, forests: Importances) -> str:
    from lps_sweep.results.importance import NUM_TREES

    used = f"{forests.num_used} of {len(info.complete())} complete configurations"
    return (
        f"Importance for {info.labels[0]}, over the means of {used}. Share of variance: functional "
        f"ANOVA of {len(forests.r2)} forests of {NUM_TREES} trees, main effects only, mean and "
        f"range over the forests; mean out-of-bag R\u00b2 {number_text(forests.mean_r2, 2)}. Above "
        "noise: the least share of the parameter exceeds the highest of a parameter of pure noise "
        "that took part. Beside it, another question: what reaching the top 10\u00a0% depends on "
        f"(PED-ANOVA, sum 100). {_sampler_text(info)} The seed is no parameter here: means over "
        "seeds are explained."
    )


def _sampler_text(info: SearchInfo) -> str:
    if info.sampler in ("random", "quasi_random"):
        return "The sampler looked evenly."
    return (
        f"{info.sampler} does not look evenly, so that the forests know little of what it passed "
        "over."
    )


def draw_importance(forests: Importances) -> tuple[Panel, ...]:
    """Dots with the range over the forests; a line at the highest share of the noise."""
    figure = new_figure()
    names = sorted(forests.shares, key=lambda n: sum(forests.shares[n]))
    means = [100 * sum(forests.shares[n]) / len(forests.shares[n]) for n in names]
    figure.add_vline(
        x=thin(100 * max(forests.noise)),
        line={"color": light(_NOISE.colour), "dash": "dash", "width": 1.5},
    )
    figure.add_scatter(
        x=[thin(mean) for mean in means],
        y=list(range(len(names))),
        mode="markers",
        marker={"color": light("ink"), "symbol": "circle", "size": 8},
        error_x={
            "type": "data",
            "symmetric": False,
            "thickness": 1.6,
            "width": 5,
            "color": light("ink"),
            "array": [
                thin(100 * max(forests.shares[n]) - m) for n, m in zip(names, means, strict=True)
            ],
            "arrayminus": [
                thin(m - 100 * min(forests.shares[n])) for n, m in zip(names, means, strict=True)
            ],
        },
        hovertemplate="%{x:.1f} %<extra></extra>",
    )
    figure.update_xaxes(
        title_text="share of variance by itself, %", rangemode="tozero", showgrid=True
    )
    figure.update_yaxes(
        tickmode="array",
        tickvals=list(range(len(names))),
        ticktext=[plot_text(name) for name in names],
        range=[-0.6, len(names) - 0.4],
        showgrid=False,
    )
    words = ", ".join(f"{n} {m:.0f} %" for n, m in zip(names[::-1], means[::-1], strict=True))
    return (Panel("Importance by forests", figure, words),)


def _figure(info: SearchInfo, found: ImportanceInfo, forests: Importances) -> Figure:
    above = [n for n in forests.shares if forests.above_noise(n)]
    title = f"Above noise for {info.labels[0]}: {', '.join(above) or 'none'}"
    left_out = ""
    if found.conditional:
        left_out = (
            f" Left out, because not every configuration has it: {', '.join(found.conditional)}."
        )
    return Figure(
        info.named("search_importance_figure"),
        title,
        f"{_caption(info, forests)}{left_out} {info.where}",
        (_SHARE, _NOISE),
        lambda: draw_importance(forests),
        130 + 34 * len(forests.shares),
        info.named("search_importance"),
    )
