"""Class distribution: how far the estimate is from the prior, by epoch, and where it ends."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lps_sweep.report.cells import held_point
from lps_sweep.report.curves import Group, draw_curves, ends, read_group
from lps_sweep.report.kept import CLUSTERING, Kept, chosen_trials, load_kept
from lps_sweep.report.model import Block, Column, Figure, Fold, Key, Panel, Section, Table
from lps_sweep.report.numbers import at_text
from lps_sweep.report.plot import Plot
from lps_sweep.report.reference import where_text
from lps_sweep.report.style import light, scale_buttons, thin

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lps_sweep.results.view import SweepView

ORDER = 42
DEAD = 0.1
"""Part of the uniform share below which a class counts as dead."""
MOST_FRAMES = 25
"""Epochs that the slider offers at the most."""
MOST_SEEDS = 10
MOST_BARS = 200
KL_KEYS = {
    "kl_estimate_to_prior": Key("KL(estimate ‖ prior)", "purple", "dash", width=2.4),
    "kl_prior_to_estimate": Key("KL(prior ‖ estimate)", "green", "solid", width=2.4),
}
SEEN = Key("seen class", "blue", "none", "square")
NOVEL = Key("novel class", "vermillion", "none", "square-open")
CLUSTER = Key("cluster", "grey", "none", "square")
UNIFORM = Key("uniform share", "ink", "dash")


@dataclass(frozen=True)
class Shares:
    """The class distribution of one trial.

    Attributes:
        label: Of its configuration.
        seed: Of the trial.
        estimate: Whether it is the estimate pi_hat (a mean over the steps of the epoch); else the
            shares of the final predictions, for methods that keep no estimate.
        num_seen: Number of seen classes, whose ids come first; None where ids are clusters.
        epochs: The epochs of `shares`, counted from 1.
        shares: By epoch, the share of each class; each sums to one.
    """

    label: str
    seed: int
    estimate: bool
    num_seen: int | None
    epochs: tuple[int, ...]
    shares: tuple[tuple[float, ...], ...]

    @property
    def kind(self) -> str:
        """What it is, in a word."""
        return "estimate" if self.estimate else "predictions"

    @property
    def final(self) -> tuple[float, ...]:
        """The shares of the last epoch."""
        return self.shares[-1]

    @property
    def order(self) -> tuple[int, ...]:
        """Class ids from the largest final share to the smallest; ties by id."""
        return tuple(sorted(range(len(self.final)), key=lambda k: (-self.final[k], k)))

    @property
    def dead(self) -> int:
        """Classes below `DEAD` of the uniform share at the end."""
        return sum(1 for share in self.final if share < DEAD / len(self.final))

    @property
    def entropy(self) -> float:
        """Of the final shares, in nats; log of their number where all are equal."""
        return -math.fsum(share * math.log(share) for share in self.final if share > 0)

    @property
    def seen_share(self) -> float | None:
        """Sum of the seen classes' final shares; None for clusters."""
        return None if self.num_seen is None else math.fsum(self.final[: self.num_seen])

    def key(self, k: int) -> Key:
        """What class `k` is."""
        if self.num_seen is None:
            return CLUSTER
        return SEEN if k < self.num_seen else NOVEL


def shares_of(kept: Kept) -> Shares | None:
    """The distribution that a trial left; None where it left none."""
    import numpy as np

    num_seen = None if kept.config.get("method") in CLUSTERING else kept.num_seen
    estimate = kept.arrays.get("pi_hat", np.zeros(0))
    if estimate.ndim == 2 and estimate.size and np.isfinite(estimate).all():
        total = estimate.shape[0]
        step = -(-total // MOST_FRAMES)
        epochs = range((total - 1) % step, total, step)
        rows = tuple(_normal(estimate[epoch]) for epoch in epochs)
        return Shares(kept.label, kept.seed, True, num_seen, tuple(e + 1 for e in epochs), rows)
    predictions = kept.arrays.get("predictions", np.zeros(0))
    if not predictions.size:
        return None
    classes = 1 + int(max(predictions.max(), kept.arrays["targets"].max(initial=0)))
    counts = np.bincount(predictions, minlength=classes)
    return Shares(kept.label, kept.seed, False, num_seen, (0,), (_normal(counts),))


def _normal(row: NDArray[Any]) -> tuple[float, ...]:
    total = float(row.sum())
    return tuple(float(v) / total if total > 0 else float(v) for v in row.tolist())


def read_shares(view: SweepView) -> tuple[tuple[Shares, ...], int]:
    """The distributions of the shown trials, group by group, and how many could not be read."""
    kept = [load_kept(view, *one) for one in chosen_trials(view, seeds=MOST_SEEDS)]
    found = [None if one is None else shares_of(one) for one in kept]
    return tuple(shares for shares in found if shares is not None), kept.count(None)


def first_of_each(shares: Sequence[Shares]) -> tuple[Shares, ...]:
    """The first seed of each configuration."""
    return tuple(own[0] for own in _by_label(shares).values())


def _by_label(shares: Sequence[Shares]) -> dict[str, list[Shares]]:
    found: dict[str, list[Shares]] = {}
    for one in shares:
        found.setdefault(one.label, []).append(one)
    return found


def draw_divergence(group: Group) -> tuple[Panel, ...]:
    """Both divergences against the epoch, with a switch between linear and logarithmic."""
    series = [(group, metric, key) for metric, key in KL_KEYS.items() if group.lines[metric]]
    panel = draw_curves("Divergence of estimate and prior", "KL, nats", series)
    panel.plot.update_layout(updatemenus=[scale_buttons()], margin={"t": 40})
    return (panel,)


def draw_shares(found: Shares) -> Panel:
    """Bars from the largest final share to the smallest, and a slider through the epochs."""
    figure = Plot()
    order = found.order[:MOST_BARS]
    keys = [found.key(k) for k in order]
    figure.add_bar(
        x=list(range(1, len(order) + 1)),
        y=[thin(100 * found.final[k]) for k in order],
        marker={
            "color": [light(key.colour) for key in keys],
            "pattern": {"shape": ["/" if key is NOVEL else "" for key in keys], "size": 5},
            "line": {"width": 0},
        },
        customdata=[f"{key.label} {k}" for k, key in zip(order, keys, strict=True)],
        hovertemplate="%{customdata}: %{y:.2f} %<extra></extra>",
    )
    line = {"color": light("ink"), "dash": "dash", "width": 1.5}
    figure.add_hline(y=thin(100 / len(found.final)), line=line)
    highest = max(max(row) for row in found.shares)
    figure.update_yaxes(title_text="share, %", range=[0, thin(105 * highest)])
    figure.update_xaxes(title_text="classes, by final share", rangemode="tozero")
    if len(found.epochs) > 1:
        figure.update_layout(sliders=[_slider(found, order)], margin={"b": 104})
    words = f"{found.dead} dead classes, entropy {found.entropy:.2f} nats"
    return Panel(f"{found.label}, seed {found.seed}: {found.kind}", figure, words)


def _slider(found: Shares, order: Sequence[int]) -> dict[str, Any]:
    frames = [[thin(100 * row[k]) for k in order] for row in found.shares]
    steps = [
        {"label": str(epoch), "method": "restyle", "args": [{"y": [frame]}, [0]]}
        for epoch, frame in zip(found.epochs, frames, strict=True)
    ]
    look = {"pad": {"t": 46, "b": 0}, "ticklen": 3, "minorticklen": 0, "font": {"size": 10}}
    value = {"prefix": "epoch ", "font": {"size": 12}}
    return {"active": len(steps) - 1, "steps": steps, "currentvalue": value, **look}


def shares_table(shares: Sequence[Shares]) -> Table:
    """One row per trial: dead classes, entropy, share of the seen classes, smallest and largest."""

    def of_highest(row: Shares) -> float | None:
        return 100 * row.entropy / math.log(len(row.final)) if len(row.final) > 1 else None

    def seen(row: Shares) -> float | None:
        return None if row.seen_share is None else 100 * row.seen_share

    columns = (
        Column("configuration", "Configuration", of="label"),
        Column("seed", "Seed", "value"),
        Column("of", "Of", of="kind"),
        Column("classes", "Classes", "value", of=lambda row: len(row.final)),
        Column("dead", "Dead", "value"),
        Column("entropy", "Entropy, nats", "number", 3),
        Column("entropy_share", "Of the highest, %", "number", of=of_highest),
        Column("seen", "Share of seen, %", "number", of=seen),
        Column("smallest", "Smallest share, %", "number", 2, lambda row: 100 * min(row.final)),
        Column("largest", "Largest share, %", "number", 2, lambda row: 100 * max(row.final)),
    )
    return Table.of(
        "class_shares",
        "The final class distribution, a row per trial.",
        columns,
        shares,
        notes="Estimate: pi_hat, averaged over the steps of the last epoch. Predictions: shares of "
        "the predicted ids among the unlabeled images, of methods without an estimate. A class "
        f"is dead below {100 * DEAD:.0f}\u00a0% of the uniform share.",
    )


def final_table(shares: Sequence[Shares]) -> Table:
    """One row per drawn trial and class: its final share."""
    columns = (
        Column("configuration", "Configuration", of=lambda row: row[0].label),
        Column("seed", "Seed", "value", of=lambda row: row[0].seed),
        Column("class", "Class", "value", of=lambda row: row[1]),
        Column("part", "Part", of=lambda row: row[0].key(row[1]).label.split(" ")[0]),
        Column("share", "Share, %", "number", 3, lambda row: 100 * row[0].final[row[1]]),
    )
    caption = "The shares as drawn: the first seed of each configuration, after the last epoch."
    rows = [(s, k) for s in first_of_each(shares) for k in s.order]
    return Table.of("class_shares_final", caption, columns, rows)


def sections(view: SweepView) -> list[Section]:
    """The section on the class distribution; none without an estimate or an artefact."""
    point = held_point(view)
    group = read_group(view, point)
    shares, lost = read_shares(view)
    blocks: list[Block] = []
    if any(group.lines[metric] for metric in KL_KEYS):
        blocks.append(_divergence_figure(view, group, point))
    if shares:
        blocks += [_shares_figure(view, shares), shares_table(shares)]
        blocks.append(Fold("Every class", final_table(shares)))
    if lost:
        blocks.append(f"The arrays of {lost} finished trials are missing or damaged.")
    if not blocks:
        return []
    return [Section("class_distribution", "Class distribution", tuple(blocks), folded=True)]


def _divergence_figure(view: SweepView, group: Group, point: dict[str, Any]) -> Figure:
    found = group.means["kl_estimate_to_prior"]
    title = "Divergence of the class estimate from the prior, by epoch"
    if found:
        first, last = ends(found)
        title = f"KL(estimate ‖ prior) goes from {first:.3g} nats to {last:.3g}"
    return Figure(
        "divergence_figure",
        title,
        f"Default cell{at_text(point)}. The estimate, pi_hat, is the class distribution that the "
        "margin uses; the prior is uniform.",
        tuple(key for metric, key in KL_KEYS.items() if group.lines[metric]),
        lambda: draw_divergence(group),
        300,
        "pace_default",
        "KL(estimate ‖ prior) is that of the paper's Figure 4, which prints no number; KL(prior ‖ "
        f"estimate) is the factor of the margin. Thick lines: mean of the {len(group.done)} done "
        f"trials. {where_text(view.record.settings)}.",
    )


def _shares_figure(view: SweepView, shares: Sequence[Shares]) -> Figure:
    first = first_of_each(shares)
    kinds = {s.key(k) for s in first for k in s.order}
    most = f" At most {MOST_FRAMES} epochs and the {MOST_BARS} largest shares are drawn."
    return Figure(
        "class_shares_figure",
        dead_text(shares),
        "Classes by final share, of the first finished seed of each configuration. The slider goes "
        "through the epochs. Hatched: novel classes.",
        (*(key for key in (SEEN, NOVEL, CLUSTER) if key in kinds), UNIFORM),
        lambda: tuple(map(draw_shares, first)),
        370,
        "class_shares_final",
        "The bars keep the order of the end. The ids of novel classes are not those of true "
        "classes. Methods without an estimate show the shares of their final predictions."
        f"{most} {where_text(view.record.settings)}.",
    )


def dead_text(shares: Sequence[Shares]) -> str:
    """The mean number of dead classes of each configuration, over how many seeds."""
    counts = {label: [s.dead for s in own] for label, own in _by_label(shares).items()}
    means = (f"{label} {sum(dead) / len(dead):.2g}" for label, dead in counts.items())
    sizes = sorted({len(dead) for dead in counts.values()})
    n = f"n {sizes[0]} each" if len(sizes) == 1 else f"n {sizes[0]} to {sizes[-1]}"
    return f"Dead classes at the end, means over seeds ({n}): {', '.join(means)}"
