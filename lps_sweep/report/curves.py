"""Metrics against the epoch: the lines of seeds and their means, and a panel of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lps_sweep.report.cells import select
from lps_sweep.report.escape import MINUS, plot_text
from lps_sweep.report.model import Facets, Key, Panel
from lps_sweep.report.plot import Plot
from lps_sweep.report.style import light, thin

if TYPE_CHECKING:
    from pandas import DataFrame

    from lps_sweep.results.view import SweepView

MAX_POINTS = 200
"""Epochs of a line that are drawn at the most."""

GAP = "gap"
METRICS = {
    "acc_seen": "Seen, %",
    "acc_novel": "Novel, %",
    "acc_all": "All, %",
    GAP: f"Seen {MINUS} novel, points",
    "kl_prior_to_estimate": "KL(prior ‖ estimate), nats",
    "kl_estimate_to_prior": "KL(estimate ‖ prior), nats",
}
"""What is drawn against the epoch, and its unit."""


@dataclass(frozen=True)
class Line:
    """A metric against the epoch; the lengths agree."""

    epochs: tuple[int, ...]
    values: tuple[float, ...]


@dataclass(frozen=True)
class Group:
    """The trials of one configuration.

    Attributes:
        label: Its level.
        lines: Per metric, the line of each seed that has recorded epochs.
        means: Per metric, the mean over the seeds in `num_done`, at the epochs that all have.
        num_done: Number of done trials, over which the means run.
        trials: Id of the trial of each seed.
        done: The seeds whose trial is done.
    """

    label: str
    lines: dict[str, dict[int, Line]]
    means: dict[str, Line]
    num_done: int
    trials: dict[int, str] = field(default_factory=dict)
    done: frozenset[int] = frozenset()

    def done_lines(self, metric: str) -> dict[int, Line]:
        """The lines of done trials."""
        return {seed: line for seed, line in self.lines[metric].items() if seed in self.done}


def read_group(view: SweepView, point: dict[str, Any], label: str = "") -> Group:
    """The curves of the trials at `point`, also of trials that are not done."""
    planned = select(view.trials, point)
    done = {int(s) for s in planned[planned["status"] == "done"]["seed"].tolist()}
    rows = select(view.epochs, point)
    lines = {metric: _lines(rows, metric) for metric in METRICS}
    means = {metric: _mean(lines[metric], done) for metric in METRICS}
    ids = zip(planned["seed"].tolist(), planned["trial_id"].tolist(), strict=True)
    trials = {int(seed): str(trial) for seed, trial in ids}
    return Group(label, lines, means, len(done), trials, frozenset(done))


def lines_of(view: SweepView, point: dict[str, Any], metric: str) -> dict[int, Line]:
    """The curve of any recorded metric at `point`, by seed, also of trials that are not done."""
    return _lines(select(view.epochs, point), metric)


def _lines(rows: DataFrame, metric: str) -> dict[int, Line]:
    needed = ["acc_seen", "acc_novel"] if metric == GAP else [metric]
    if any(name not in rows.columns for name in needed):
        return {}
    values = rows["acc_seen"] - rows["acc_novel"] if metric == GAP else rows[metric]
    found: dict[int, list[tuple[int, float]]] = {}
    triples = zip(rows["seed"].tolist(), rows["epoch"].tolist(), values.tolist(), strict=True)
    for seed, epoch, value in triples:
        if value is not None and math.isfinite(value):
            found.setdefault(int(seed), []).append((int(epoch), float(value)))
    return {seed: _line(found[seed]) for seed in sorted(found)}


def _line(points: list[tuple[int, float]]) -> Line:
    points = sorted(points)
    epochs = tuple(epoch for epoch, _ in points)
    return Line(epochs, tuple(value for _, value in points))


def _mean(lines: dict[int, Line], seeds: set[int]) -> Line:
    chosen = [
        dict(zip(line.epochs, line.values, strict=True)) for s, line in lines.items() if s in seeds
    ]
    if not chosen or len(chosen) < len(seeds):
        return Line((), ())
    epochs = sorted(set.intersection(*(set(line) for line in chosen)))
    return Line(tuple(epochs), tuple(sum(line[e] for line in chosen) / len(chosen) for e in epochs))


def average(line: Line) -> float:
    """Mean of a line over its epochs: the area under it, divided by their number."""
    return sum(line.values) / len(line.values)


def bucket_size(num_epochs: int) -> int:
    """Epochs of which two are drawn, so that at most about `MAX_POINTS` are; 1 for all of them."""
    return 1 if num_epochs <= MAX_POINTS else -(-2 * num_epochs // MAX_POINTS)


def thinned(line: Line) -> Line:
    """`line` with the least and the greatest value of each bucket of epochs, and the last one."""
    size, count = bucket_size(len(line.epochs)), len(line.epochs)
    if size == 1:
        return line
    keep = {count - 1}
    for start in range(0, count, size):
        places = range(start, min(start + size, count))
        keep |= {min(places, key=line.values.__getitem__), max(places, key=line.values.__getitem__)}
    kept = sorted(keep)
    return Line(tuple(line.epochs[i] for i in kept), tuple(line.values[i] for i in kept))


Series = tuple[Group, str, Key]
"""A group's metric and how it is drawn."""


def draw_curves(
    title: str, unit: str, series: Sequence[Series], facets: Facets | None = None
) -> Panel:
    """One set of axes: each seed as a thin line, each mean as a thick one."""
    figure = Plot()
    for group, metric, key in series:
        for seed, line in group.lines[metric].items():
            trial = group.trials.get(seed)
            _add(figure, line, key, f"{key.label}, seed {seed}", width=0.6, meta=trial)
    for group, metric, key in series:
        if group.means[metric].epochs:
            name = f"{key.label}, mean of {group.num_done}"
            _add(figure, group.means[metric], key, name, width=key.width)
    figure.update_xaxes(title_text="epoch", rangemode="tozero")
    figure.update_yaxes(title_text=plot_text(unit))
    ends = [
        f"{key.label} ends at {group.means[metric].values[-1]:.3g}"
        for group, metric, key in series
        if group.means[metric].values
    ]
    return Panel(title, figure, "; ".join(ends) or "no trial is done", facets or {})


def _add(figure: Any, line: Line, key: Key, name: str, *, width: float, **more: Any) -> None:
    drawn = thinned(line)
    figure.add_scatter(
        x=list(drawn.epochs),
        y=[thin(v) for v in drawn.values],
        mode="lines" if len(drawn.epochs) > 1 else "markers",
        line={"color": light(key.colour), "dash": key.dash, "width": width},
        name=plot_text(name),
        hovertemplate="%{fullData.name}<br>epoch %{x}: %{y:.2f}<extra></extra>",
        **more,
    )
