"""Run health: what is complete, what it cost, what a rule ended, and what all was run with."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lps_sweep.report.cells import ACCURACIES, STATUS_WORDS, trials_in
from lps_sweep.report.model import Block, Cell, Column, Kind, Section, Table
from lps_sweep.report.numbers import duration, scalar, value_text
from lps_sweep.report.work import SPLIT, Work, read_work

if TYPE_CHECKING:
    from lps_sweep.results.records import Repeats
    from lps_sweep.results.view import SweepView

ORDER = 80
MOST_LISTED = 500
"""Rows of the table of incomplete configurations."""
Planned = dict[str, Cell]
"""A configuration: by name its values, and as ``seed_0`` the state of the trial at that seed."""
Facts = Sequence[tuple[str, tuple[str, ...]]]
"""Each recorded fact and its distinct values."""


def read_planned(view: SweepView) -> list[Planned]:
    """The configurations of `view`, in the order of the plan."""
    names, seeds = list(view.record.axes), dict.fromkeys(seed_columns(view))
    found: dict[str, Planned] = {}
    for row in view.trials[[*names, "seed", "status"]].to_dict("records"):
        point = {n: scalar(row[n]) if row[n] == row[n] else None for n in names}
        one = found.setdefault(str(point), {**point, **seeds})
        one[f"seed_{row['seed']}"] = STATUS_WORDS[row["status"]]
    return list(found.values())


def seed_columns(view: SweepView) -> dict[str, str]:
    """Key and label of the column of each seed."""
    return {f"seed_{seed}": f"Seed {seed}" for seed in view.record.seeds}


def lacking(view: SweepView, planned: Sequence[Planned]) -> list[Planned]:
    """Those of `planned` that lack a seed."""
    seeds, fine = seed_columns(view), (None, STATUS_WORDS["done"])
    return [row for row in planned if any(row[seed] not in fine for seed in seeds)]


def incomplete_table(view: SweepView, rows: Sequence[Planned]) -> Table:
    """One row per configuration that lacks a seed, with the state at each seed."""
    columns = (
        *(Column(name, name, "value") for name in view.record.axes),
        *(Column(key, label) for key, label in seed_columns(view).items()),
    )
    caption = "Configurations that lack a seed, and the state of the trial at each seed."
    if len(rows) > MOST_LISTED:
        caption += f" The first {MOST_LISTED} of {len(rows)}."
    return Table.of("incomplete", caption, columns, rows[:MOST_LISTED])


def cost_table(view: SweepView) -> Table:
    """One row per state: trials, attempts, device-seconds and their share."""
    by_state = view.trials.groupby("status")
    attempts, seconds = (by_state[name].sum().to_dict() for name in ("attempts", "seconds"))
    sums = [
        (word, int(getattr(view.counts, state)), int(attempts[state]), float(seconds[state]))
        for state, word in STATUS_WORDS.items()
        if state in seconds
    ]
    total = math.fsum(seconds.values())
    sums.append(("all", view.counts.planned, sum(attempts.values()), total))
    rows = tuple((*row, 100 * row[3] / total if total else None) for row in sums)
    columns = (
        Column("state", "State"),
        Column("trials", "Trials", "value"),
        Column("attempts", "Attempts", "value"),
        Column("seconds", "Device-seconds", "number"),
        Column("share", "Share, %", "number"),
    )
    caption = "Device-seconds in epochs of all attempts, failed and repeated ones too."
    notes = f"{SPLIT}. An epoch that an error cut short, and pre-training, are not in it."
    return Table("cost", caption, columns, rows, notes=notes)


def busy_text(work: Work) -> str:
    """How busy the workers were."""
    workers = "1 worker was" if work.workers == 1 else f"{work.workers} workers were"
    return (
        f"{workers} busy {work.busy_share:.0f} % of {duration(work.length_s)}, within the time in "
        "which any of them was at work. Pre-training, and packs of trials of other sweeps, are not "
        "counted."
    )


def repeats_text(found: Repeats) -> str:
    """A check that comes for free: epochs that were trained again; empty where none was."""
    if not found.pairs:
        return ""
    text = f"After interruptions {found.pairs} epochs were trained again, "
    if not found.different:
        return f"{text}with the same numbers to the last digit."
    each = [f"{word.lower()} {found.largest.get(m, 0.0):.2g}" for m, word in ACCURACIES.items()]
    return (
        f"{text}{found.different} of them with other numbers (largest differences in points: "
        f"{', '.join(each)})."
    )


def stopped_trials(view: SweepView) -> list[dict[str, Any]]:
    """The trials that a rule ended: rows with `epoch`, `epochs` planned and the `stop`, if known.

    Where the decision is not recorded, as of Ray Tune's schedulers, `epoch` is the last recorded.
    """
    found, last = [], view.epochs.groupby("trial_id")["epoch"].max().to_dict()
    for row in trials_in(view, "stopped"):
        trial, stop = row["trial_id"], view.stops.get(row["trial_id"])
        epoch = stop.epoch if stop else last.get(trial)
        planned = _epochs(view.configs[trial])
        found.append({**row, "epoch": epoch, "epochs": planned, "stop": stop})
    return found


def _epochs(config: Mapping[str, Any]) -> int:
    epochs = config.get("epochs")
    return epochs if isinstance(epochs, int) else 0


def stopped_table(trials: Sequence[Mapping[str, Any]]) -> Table:
    """One row per trial that a rule ended: where, and with which place among how many."""

    def of_stop(key: str, label: str, kind: Kind = "value") -> Column:
        return Column(key, label, kind, of=lambda row: getattr(row["stop"], key, None))

    columns = (
        Column("trial_id", "Trial", "trial"),
        Column("setting", "Setting"),
        Column("seed", "Seed", "value"),
        of_stop("rung", "Rung"),
        Column("epoch", "After epoch", "value"),
        Column("epochs", "Of", "value"),
        of_stop("rank", "Rank"),
        of_stop("compared", "Among"),
        of_stop("value", "Value", "number"),
        of_stop("bar", "Needed", "number"),
    )
    caption = "Trials that a rule ended early; they have no final value and enter no other table."
    rules = dict.fromkeys(f" {row['stop'].rule}." for row in trials if row["stop"])
    notes = f"Rank 1 is the best; who was below what was needed was ended.{''.join(rules)}"
    return Table.of("stopped", caption, columns, trials, notes=notes)


def stopped_text(trials: Sequence[Mapping[str, Any]], planned_epochs: int) -> str:
    """What stopping saved of `planned_epochs`, and how it bears on means."""
    saved = sum(row["epochs"] - row["epoch"] for row in trials if row["epoch"])
    share = f" ({100 * saved / planned_epochs:.0f} %)" if planned_epochs else ""
    return (
        f"A rule ended {len(trials)} trial{'s' * (len(trials) > 1)} early, which saved {saved} of "
        f"{planned_epochs} planned epochs{share}. Where a setting was ended at some seeds and not "
        "at others, the seeds left are those that did well at first: their mean flatters the "
        "setting."
    )


def provenance_facts(provenance: Sequence[Mapping[str, Any]]) -> Facts:
    """Each recorded fact and its distinct values, in the order met; nested names are joined."""
    found: dict[str, dict[str, None]] = {}
    for record in provenance:
        for name, value in _leaves(record):
            found.setdefault(name, {})[value_text(value)] = None
    return [(name, tuple(values)) for name, values in sorted(found.items())]


def _leaves(record: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in record.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def provenance_table(facts: Facts) -> Table:
    """What the trials were run with; facts with several values are marked."""
    mixed = frozenset(i for i, (_, values) in enumerate(facts) if len(values) > 1)
    columns = (
        Column("fact", "Fact", of=lambda fact: fact[0]),
        Column("value", "Value", of=lambda fact: "; ".join(fact[1])),
        Column("num_values", "Values", "value", hidden=not mixed, of=lambda fact: len(fact[1])),
    )
    marked = " A marked fact has more than one value in this sweep." if mixed else ""
    caption = f"What the trials were run with.{marked}"
    return Table.of("provenance", caption, columns, facts, marked=mixed)


def mixture_text(facts: Facts) -> str:
    """A sentence that names the facts with several values; empty when there are none."""
    mixed = [name for name, values in facts if len(values) > 1]
    if not mixed:
        return ""
    return (
        f"The trials were not all run with the same {', '.join(mixed)}; see the provenance table."
    )


def sections(view: SweepView) -> list[Section]:
    """Completeness, cost and provenance."""
    stopped, facts = stopped_trials(view), provenance_facts(view.provenance)
    planned, work = read_planned(view), read_work(view.attempts)
    rows, again = lacking(view, planned), repeats_text(view.repeats)
    full = f"{len(planned) - len(rows)} of {len(planned)} configurations have all their seeds."
    blocks: list[Block] = [full, *([incomplete_table(view, rows)] if rows else [])]
    blocks += [*([again] if again else []), cost_table(view)]
    if work:
        blocks.append(busy_text(work))
    if stopped:
        epochs = sum(_epochs(config) for config in view.configs.values())
        blocks += [stopped_text(stopped, epochs), stopped_table(stopped)]
    none = "No attempt has been started, so there is no provenance yet."
    said = tuple(text for text in [mixture_text(facts)] if text)
    blocks += [*said, provenance_table(facts) if facts else none]
    return [Section("health", "Run health", tuple(blocks), said, folded=True)]
