"""Metrics against the epoch: the lines of seeds and their means, and a panel of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from lps_sweep.report.cells import select
from lps_sweep.report.escape import MINUS, plot_text
from lps_sweep.report.marks import spoken
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


Line = Mapping[int, float]
"""A metric by epoch, ascending."""


@dataclass(frozen=True)
class Group:
    """The trials of one configuration.

    Attributes:
        label: Its level.
        lines: Per metric, the line of each seed that has recorded epochs.
        means: Per metric, the mean over the seeds that are `done`, at the epochs that all have.
        trials: Id of the trial of each seed.
        done: The seeds whose trial is done.
    """

    label: str
    lines: Mapping[str, Mapping[int, Line]]
    means: Mapping[str, Line]
    trials: Mapping[int, str]
    done: frozenset[int]

    def done_lines(self, metric: str) -> dict[int, Line]:
        """The lines of done trials."""
        return {seed: line for seed, line in self.lines[metric].items() if seed in self.done}


def read_group(view: SweepView, point: dict[str, Any], label: str = "") -> Group:
    """The curves of the trials at `point`, also of trials that are not done."""
    planned, rows = select(view.trials, point), select(view.epochs, point)
    done = frozenset(planned["seed"][planned["status"] == "done"].tolist())
    lines = {metric: _lines(rows, metric) for metric in METRICS}
    means = {metric: _mean(lines[metric], done) for metric in METRICS}
    ids = zip(planned["seed"].tolist(), planned["trial_id"].tolist(), strict=True)
    return Group(label, lines, means, dict(ids), done)


def lines_of(view: SweepView, point: dict[str, Any], metric: str) -> dict[int, Line]:
    """The curve of any recorded metric at `point`, by seed, also of trials that are not done."""
    return _lines(select(view.epochs, point), metric)


def _lines(rows: DataFrame, metric: str) -> dict[int, Line]:
    needed = ["acc_seen", "acc_novel"] if metric == GAP else [metric]
    if any(name not in rows.columns for name in needed):
        return {}
    values = rows["acc_seen"] - rows["acc_novel"] if metric == GAP else rows[metric]
    found: dict[int, dict[int, float]] = {}
    triples = zip(rows["seed"].tolist(), rows["epoch"].tolist(), values.tolist(), strict=True)
    for seed, epoch, value in sorted(triples, key=itemgetter(0, 1)):
        if value is not None and math.isfinite(value):
            found.setdefault(int(seed), {})[int(epoch)] = float(value)
    return dict(found)


def _mean(lines: Mapping[int, Line], seeds: frozenset[int]) -> Line:
    if not seeds or not seeds <= lines.keys():
        return {}
    epochs = sorted(set.intersection(*(set(lines[seed]) for seed in seeds)))
    return {e: sum(lines[seed][e] for seed in sorted(seeds)) / len(seeds) for e in epochs}


def average(line: Line) -> float:
    """Mean of a line over its epochs: the area under it, divided by their number."""
    return sum(line.values()) / len(line)


def ends(line: Line) -> tuple[float, float]:
    """The first and the last value of a line with any."""
    return line[min(line)], line[max(line)]


def bucket_size(num_epochs: int) -> int:
    """Epochs of which two are drawn, so that at most about `MAX_POINTS` are; 1 for all of them."""
    return 1 if num_epochs <= MAX_POINTS else -(-2 * num_epochs // MAX_POINTS)


def thinned(line: Line) -> Line:
    """`line` with the least and the greatest value of each bucket of epochs, and the last one."""
    size, epochs = bucket_size(len(line)), list(line)
    if size == 1:
        return line
    keep = {epochs[-1]}
    for start in range(0, len(epochs), size):
        some = epochs[start : start + size]
        keep |= {min(some, key=line.__getitem__), max(some, key=line.__getitem__)}
    return {epoch: line[epoch] for epoch in sorted(keep)}


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
        if group.means[metric]:
            name = f"{key.label}, mean of {len(group.done)}"
            _add(figure, group.means[metric], key, name, width=key.width)
    figure.update_xaxes(title_text="epoch", rangemode="tozero")
    figure.update_yaxes(title_text=plot_text(unit))
    words = [
        f"{key.label} ends at {ends(group.means[metric])[1]:.3g}"
        for group, metric, key in series
        if group.means[metric]
    ]
    return Panel(title, figure, spoken(words), facets or {})


def _add(figure: Any, line: Line, key: Key, name: str, *, width: float, **more: Any) -> None:
    drawn = thinned(line)
    figure.add_scatter(
        x=list(drawn),
        y=[thin(v) for v in drawn.values()],
        mode="lines" if len(drawn) > 1 else "markers",
        line={"color": light(key.colour), "dash": key.dash, "width": width},
        name=plot_text(name),
        hovertemplate="%{fullData.name}<br>epoch %{x}: %{y:.2f}<extra></extra>",
        **more,
    )
