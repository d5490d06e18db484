"""Tables on learning pace: means by epoch, the gap by level, and when an accuracy is reached."""

from __future__ import annotations

from collections.abc import Sequence

from lps_sweep.report.figures.lines import GAP, METRICS, Group, Line, average
from lps_sweep.report.section import slug
from lps_sweep.report.tables import Cell, Column, Pair, Table

TARGETS = (50, 60, 70, 80, 90, 95)
"""Accuracies, in percent, of which it is told when they are reached."""
SHARE = 0.9
"""Part of its last value that a level must have reached."""


def first_at(line: Line, target: float) -> int | None:
    """The first epoch whose value is `target` at least; None if none is."""
    pairs = zip(line.epochs, line.values, strict=True)
    return next((epoch for epoch, value in pairs if value >= target), None)


def epoch_table(group: Group) -> Table:
    """Means of the default cell, by epoch."""
    columns = (
        Column("epoch", "Epoch", "value"),
        *(
            Column(f"{m}_mean", t, "number", 3 if m.startswith("kl") else 1)
            for m, t in METRICS.items()
        ),
    )
    means = {m: dict(zip(line.epochs, line.values, strict=True)) for m, line in group.means.items()}
    epochs = sorted({epoch for line in means.values() for epoch in line})
    rows = tuple((e, *(means[m].get(e) for m in METRICS)) for e in epochs)
    caption = (
        f"Learning pace of the default cell: means of {group.num_done} trials after each epoch."
    )
    return Table("pace_default", caption, columns, rows)


def reach_table(group: Group) -> Table:
    """When seen and novel accuracy of the default cell reach each of `TARGETS`; per done seed."""
    columns = (
        Column("accuracy", "Accuracy, %", "value"),
        Column("seen", "Seen, epoch ± sd", "mean_sd"),
        Column("seen_n", "Seeds", "value"),
        Column("novel", "Novel, epoch ± sd", "mean_sd"),
        Column("novel_n", "Seeds", "value"),
        Column("lag", "Novel after seen, epochs ± sd", "mean_sd"),
    )
    rows: list[tuple[Cell, ...]] = []
    for target in TARGETS:
        seen, novel = (
            {s: e for s, line in group.done_lines(m).items() if (e := first_at(line, target))}
            for m in ("acc_seen", "acc_novel")
        )
        lags = [novel[s] - seen[s] for s in seen.keys() & novel.keys()]
        cells = (described(list(seen.values())), described(list(novel.values())), described(lags))
        counts = (f"{len(seen)}/{group.num_done}", f"{len(novel)}/{group.num_done}")
        if seen or novel:
            rows.append((target, cells[0], counts[0], cells[1], counts[1], cells[2]))
    caption = (
        "The epoch after which an accuracy is first reached, in the default cell: mean ± sample "
        "standard deviation over the done seeds that reach it, of those done. The lag is over the "
        "seeds at which both reach it."
    )
    return Table("pace_reached", caption, columns, tuple(rows))


def pace_table(parameter: str, groups: Sequence[Group], default: int | None, held: str) -> Table:
    """Per level: the gap at the end and its area, when most is learnt, and the KL divergence."""
    part = f"{100 * SHARE:.0f}\u00a0% of the end"
    columns = (
        Column(parameter, parameter, "value"),
        Column("n", "n", "value"),
        Column("gap_end", "Gap at the end ± sd", "mean_sd"),
        Column("gap_average", "Gap, average over epochs ± sd", "mean_sd"),
        Column("seen_epoch", f"Seen at {part}, epoch ± sd", "mean_sd"),
        Column("novel_epoch", f"Novel at {part}, epoch ± sd", "mean_sd"),
        Column("kl_first", "KL(prior ‖ estimate), first epoch", "number", 3),
        Column("kl_end", "KL(prior ‖ estimate), last epoch", "number", 3),
    )
    rows: list[tuple[Cell, ...]] = []
    for group in groups:
        gaps = list(group.done_lines(GAP).values())
        kl = group.means["kl_prior_to_estimate"].values
        rows.append(
            (
                group.label,
                group.num_done,
                described([line.values[-1] for line in gaps]),
                described([average(line) for line in gaps]),
                *(_late(group, metric) for metric in ("acc_seen", "acc_novel")),
                kl[0] if kl else None,
                kl[-1] if kl else None,
            )
        )
    caption = (
        f"Learning pace by {parameter}{held}: means over n done trials, with the sample standard "
        "deviation. The gap is seen minus novel accuracy, in points; its average over the epochs "
        "is the area under its curve, divided by their number: how late novel follows. The epochs "
        f"are the first at which an accuracy has {100 * SHARE:.0f}\u00a0% of its last value."
    )
    marked = frozenset() if default is None else frozenset({default})
    return Table(f"pace_{slug(parameter)}", caption, columns, tuple(rows), marked)


def _late(group: Group, metric: str) -> Pair:
    lines = group.done_lines(metric).values()
    return described([e for x in lines if (e := first_at(x, SHARE * x.values[-1])) is not None])


def described(values: Sequence[float]) -> Pair:
    """Mean and, from three values on, sample standard deviation."""
    from lps_sweep.results.statistics import describe

    if not values:
        return (None, None)
    found = describe([float(value) for value in values])
    return (found.mean, found.sd)
