"""An adaptive search: what was asked for, in order, and how it did."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lps_sweep.report.cells import Cell as Trials
from lps_sweep.report.cells import cell_of, plain
from lps_sweep.report.escape import plot_text
from lps_sweep.report.figures.style import light, new_figure, thin
from lps_sweep.report.section import Block, Figure, Key, Panel, Section
from lps_sweep.report.tables import Cell, Column, Table, value_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lps_sweep.results.view import SweepView

ORDER = 15
SEED = Key("a seed", "sky", "none", "circle")
MEAN = Key("mean over the seeds", "ink", "none", "circle")
BEST = Key("highest mean so far", "vermillion", "solid", width=2)
FRONT = Key("no other is higher in both", "vermillion", "none", "diamond")


@dataclass(frozen=True)
class Configuration:
    """One configuration that was asked for.

    Attributes:
        number: Its place in the order of asking, from 1.
        point: Its values; None for a parameter that a condition leaves out.
        trials: Its trials.
    """

    number: int
    point: dict[str, Any]
    trials: Trials


@dataclass(frozen=True)
class SearchInfo:
    """A search as far as it has come.

    Attributes:
        objectives: Metrics that it maximises, without the word "oracle".
        labels: The same as the search space writes them.
        sampler: Name of the sampler.
        parameters: The searched parameters.
        num_seeds: Trials of a configuration.
        configurations: In the order of asking.
    """

    objectives: tuple[str, ...]
    labels: tuple[str, ...]
    sampler: str
    parameters: tuple[str, ...]
    num_seeds: int
    configurations: tuple[Configuration, ...]

    def complete(self) -> tuple[Configuration, ...]:
        """Configurations whose seeds are all done."""
        return tuple(c for c in self.configurations if c.trials.num_done == self.num_seeds)

    def mean(self, configuration: Configuration, objective: int = 0) -> float:
        """The mean of an objective over the seeds of a complete configuration."""
        mean = configuration.trials.mean(self.objectives[objective])
        assert mean is not None
        return mean


def search_info(view: SweepView) -> SearchInfo | None:
    """The search of a sweep; None where its values were listed."""
    search = view.record.search
    if search is None:
        return None
    labels = tuple(str(label) for label in _list(search["objectives"]))
    objectives = tuple(label.removeprefix("oracle.") for label in labels)
    parameters, num_seeds = tuple(view.record.axes), len(view.record.seeds)
    frame = view.trials
    found: list[Configuration] = []
    for start in range(0, len(frame), num_seeds):
        rows = frame.iloc[start : start + num_seeds]
        point = {name: plain(rows.iloc[0][name]) for name in parameters}
        point = {name: None if value != value else value for name, value in point.items()}
        found.append(Configuration(len(found) + 1, point, cell_of(rows, objectives)))
    sampler = str(search["sampler"])
    return SearchInfo(objectives, labels, sampler, parameters, num_seeds, tuple(found))


def best_so_far(info: SearchInfo) -> list[tuple[int, float]]:
    """Number of each complete configuration and the highest mean of the first objective by then."""
    found: list[tuple[int, float]] = []
    for configuration in info.complete():
        mean = info.mean(configuration)
        found.append((configuration.number, max(mean, found[-1][1]) if found else mean))
    return found


def front(info: SearchInfo) -> list[Configuration]:
    """Complete configurations that no other one equals or beats in both of two objectives."""
    means = {c.number: (info.mean(c, 0), info.mean(c, 1)) for c in info.complete()}

    def beaten(a: tuple[float, float]) -> bool:
        return any(b[0] >= a[0] and b[1] >= a[1] and b != a for b in means.values())

    chosen = [c for c in info.complete() if not beaten(means[c.number])]
    return sorted(chosen, key=lambda c: means[c.number])


def search_table(info: SearchInfo) -> Table:
    """One row per configuration, in the order of asking; the highest mean is marked."""
    columns = [
        Column("configuration", "Number", "value"),
        *(Column(name, name, "value") for name in info.parameters),
        *(
            Column(metric, f"{label} ± sd", "mean_sd")
            for metric, label in zip(info.objectives, info.labels, strict=True)
        ),
        Column("n", "n", "value"),
    ]
    rows: list[tuple[Cell, ...]] = []
    for c in info.configurations:
        values = [None if v is None else _cell(v) for v in c.point.values()]
        measured = [c.trials.mean_sd(metric) for metric in info.objectives]
        rows.append((c.number, *values, *measured, c.trials.num_done))
    best = selected(info)
    caption = (
        f"The configurations in the order in which {info.sampler} asked for them: mean ± sample "
        f"standard deviation over n of {info.num_seeds} seeds; values to four digits, in full in "
        "the table of all trials. A dash: the parameter has no part in this configuration."
    )
    if best:
        caption += " The one with the highest mean is marked."
    marked = frozenset({best.number - 1}) if best else frozenset()
    return Table("search", caption, tuple(columns), tuple(rows), marked)


def selected(info: SearchInfo) -> Configuration | None:
    """The complete configuration with the highest mean of the only objective."""
    if len(info.objectives) > 1 or not info.complete():
        return None
    return max(info.complete(), key=info.mean)


def finding(info: SearchInfo) -> str:
    """What the search found, with what is to be said about it."""
    complete = info.complete()
    if not complete:
        return f"No configuration of the {info.sampler} search is complete yet."
    best = selected(info)
    if best is None:
        return (
            f"{len(front(info))} of {len(complete)} complete configurations are not beaten in both "
            f"{info.labels[0]} and {info.labels[1]} by another."
        )
    point = ", ".join(
        f"{n} = {value_text(_cell(v))}" for n, v in best.point.items() if v is not None
    )
    return (
        f"Of {len(complete)} configurations number {best.number} ({point}) has the highest mean "
        f"{info.labels[0]}, {info.mean(best):.1f}. It was selected for this very number, which is "
        "therefore too high: confirm it on fresh seeds."
    )


def draw_history(info: SearchInfo) -> tuple[Panel, ...]:
    """The first objective against the order of asking."""
    figure = new_figure()
    metric = info.objectives[0]
    dots = [(c.number, v) for c in info.configurations for v in c.trials.numbers(metric)]
    _dots(figure, dots, SEED, opacity=0.6)
    _dots(figure, [(c.number, info.mean(c)) for c in info.complete()], MEAN)
    steps = best_so_far(info)
    figure.add_scatter(
        x=[number for number, _ in steps],
        y=[thin(value) for _, value in steps],
        mode="lines",
        line={"color": light(BEST.colour), "width": BEST.width, "shape": "hv"},
        hovertemplate="%{y:.2f}<extra></extra>",
    )
    figure.update_xaxes(title_text="configuration, in the order of asking")
    figure.update_yaxes(title_text=plot_text(info.labels[0]))
    last = f"the highest mean ends at {steps[-1][1]:.2f}" if steps else ""
    return (Panel("History", figure, last),)


def draw_slices(info: SearchInfo) -> tuple[Panel, ...]:
    """The first objective against each searched parameter: means of complete configurations."""
    panels = []
    for name in info.parameters:
        figure = new_figure()
        used = [c for c in info.complete() if c.point[name] is not None]
        _dots(figure, [(c.point[name], info.mean(c)) for c in used], MEAN)
        figure.update_xaxes(title_text=plot_text(name))
        figure.update_yaxes(title_text=plot_text(info.labels[0]))
        panels.append(Panel(name, figure, f"{len(used)} configurations"))
    return tuple(panels)


def draw_front(info: SearchInfo) -> tuple[Panel, ...]:
    """The second objective against the first."""
    figure = new_figure()
    pairs = [(info.mean(c, 0), info.mean(c, 1)) for c in info.complete()]
    _dots(figure, pairs, MEAN)
    _dots(figure, [(info.mean(c, 0), info.mean(c, 1)) for c in front(info)], FRONT)
    figure.update_xaxes(title_text=plot_text(info.labels[0]))
    figure.update_yaxes(title_text=plot_text(info.labels[1]))
    return (Panel("Front", figure, f"{len(front(info))} configurations on the front"),)


def _dots(figure: Any, points: Sequence[tuple[Any, float]], key: Key, opacity: float = 1.0) -> None:
    figure.add_scatter(
        x=[thin(x) if isinstance(x, float) else x for x, _ in points],
        y=[thin(y) for _, y in points],
        mode="markers",
        marker={"color": light(key.colour), "symbol": key.symbol, "size": 7},
        opacity=opacity,
        name=plot_text(key.label),
        hovertemplate="%{fullData.name}: %{x}, %{y:.2f}<extra></extra>",
    )


def sections(view: SweepView) -> list[Section]:
    """The section on the search, where the sweep is one."""
    info = search_info(view)
    if info is None:
        return []
    blocks: list[Block] = []
    if info.complete():
        blocks += _figures(info)
    blocks.append(search_table(info))
    return [Section("search", "Search", tuple(blocks), (finding(info),))]


def _figures(info: SearchInfo) -> list[Figure]:
    text = (
        "Every dot is a mean over the seeds of one configuration. The sampler looks where it "
        "expects much, so the dots are no even sample of the space, and a slope among them is no "
        "effect of the parameter alone."
    )
    history = Figure(
        "search_history",
        finding(info),
        f"{info.labels[0]} of each configuration: its seeds, their mean, and the highest mean so "
        "far. The first configuration is the default one where it lies in the searched ranges.",
        (SEED, MEAN, BEST),
        lambda: draw_history(info),
        320,
        "search",
    )
    slices = Figure(
        "search_slices",
        f"{info.labels[0]} against each parameter",
        text,
        (MEAN,),
        lambda: draw_slices(info),
        280,
        "search",
    )
    if len(info.objectives) < 2:
        return [history, slices]
    pareto = Figure(
        "search_front",
        finding(info),
        f"{info.labels[1]} against {info.labels[0]}, means over {info.num_seeds} seeds.",
        (MEAN, FRONT),
        lambda: draw_front(info),
        340,
        "search",
    )
    return [pareto, history, slices]


def _cell(value: Any) -> Cell:
    if isinstance(value, float):
        return float(f"{value:.4g}")
    return value if isinstance(value, str | int | bool) else str(value)


def _list(value: Any) -> list[Any]:
    assert isinstance(value, list)
    return value
