"""The verbs that look at what is recorded: `status` and `show`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lps_sweep.commands.output import (
    aligned,
    in_columns,
    number,
    print_json,
    settings,
    wrapped,
)
from lps_sweep.errors import ExitCode

if TYPE_CHECKING:
    from lps_sweep.results import Attempt
    from lps_sweep.results.records import EpochRow
    from lps_sweep.results.trial_view import TrialView


def status(*, places: Sequence[str], json: bool) -> int:
    """Counts the trials of one sweep, or of all."""
    from lps_sweep.results import Ledger, driver_alive
    from lps_sweep.results.places import find_sweeps

    results, names = find_sweeps(places)
    alive = driver_alive(results)
    with Ledger.open(results) as ledger:
        counts = {name: asdict(ledger.counts(name, alive)) for name in names}
        repeated = {name: ledger.repeats(name).pairs for name in names}
    if json:
        print_json({name: {**counts[name], "repeated_epochs": repeated[name]} for name in names})
    else:
        for name in names:
            facts = ", ".join(f"{number} {state}" for state, number in counts[name].items())
            again = f"; {repeated[name]} epochs were trained again" if repeated[name] else ""
            print(f"{name}: {facts}{again}".replace("not_run", "not run"))
    return ExitCode.DONE


CURVE_ROWS = 11
"""Most rows of the curve: epochs evenly spread, the first and the last among them."""

CURVE = {
    "acc_seen": "seen",
    "acc_novel": "novel",
    "acc_all": "all",
    "nmi_novel": "NMI novel",
    "loss_total": "loss",
}
"""Metrics of the curve and of the last state, and how they are called there."""


ATTEMPT = (
    *("attempt", "pack_id", "begun", "ended", "first", "last", "seconds", "provenance"),
    *("begun_at", "ended_at", "worker"),
)
"""What the JSON form has of an attempt."""
EPOCH = ("epoch", "attempt", "seconds", "metrics")
"""The same of an epoch."""


def show(*, places: Sequence[str], json: bool) -> int:
    """Shows what is recorded of a trial; the JSON form holds all of it."""
    from lps_sweep.results import Ledger, driver_alive
    from lps_sweep.results.places import find_trial
    from lps_sweep.results.trial_view import trial_view

    results, trial = find_trial(places)
    alive = driver_alive(results)
    with Ledger.open(results) as ledger:
        view = trial_view(ledger, trial, alive)
    files = _files(view, results)
    if json:
        parts = {
            "attempts": [{key: vars(one)[key] for key in ATTEMPT} for one in view.attempts],
            "epochs": [{key: vars(one)[key] for key in EPOCH} for one in view.epochs],
        }
        changed = _not_default(view.config)
        print_json({**asdict(view), **parts, "not_default": changed, "files": files})
    else:
        print("\n\n".join(_sections(view, files)))
    return ExitCode.DONE


def _sections(view: TrialView, files: Mapping[str, str]) -> Iterator[str]:
    yield _configuration(view)
    if view.attempts:
        yield _attempts(view.attempts)
    if view.metrics:
        yield _last(view)
    if view.epochs:
        yield _curve(view.epochs)
    if view.error:
        yield _error(view.error, "stopped by a rule" if view.state == "stopped" else "error")
    if files:
        yield "\n".join(["files", *(f"  {name:<10}  {path}" for name, path in files.items())])


def _configuration(view: TrialView) -> str:
    state = view.state.replace("not_run", "not run")
    method = view.config.get("method")
    lines = [f"trial {view.trial_id}: {state}, seed {view.seed}, method {method}"]
    for member in view.sweeps:
        past = "" if member.planned else " (no longer planned there)"
        lines.append(wrapped(f"sweep {member.sweep}{past}: {settings(member.swept)}"))
    swept = {name for member in view.sweeps for name in member.swept}
    changed = {n: v for n, v in _not_default(view.config).items() if n not in swept}
    lines.append(wrapped(f"also not at its default: {settings(changed)}"))
    return "\n".join(lines)


def _not_default(config: Mapping[str, Any]) -> dict[str, Any]:
    """What is not as this version declares it, nor the method; all, if it has no such method."""
    from lps_sweep.config import METHODS, as_json, field_table

    method = config.get("method")
    table = field_table(method) if method in METHODS else {}
    plain = {name: as_json(info.default) for name, info in table.items()}
    return {n: v for n, v in config.items() if n != "method" and (n not in plain or v != plain[n])}


def _attempts(attempts: Sequence[Attempt]) -> str:
    from lps_sweep.report.escape import first_line
    from lps_sweep.text import error_line

    rows = []
    for one in attempts:
        epochs = "-" if one.first is None else f"{one.first}-{one.last}"
        waiting = "open" if one.begun else "waiting"
        ended = first_line(error_line(one.ended), 60) or waiting
        device = first_line(str(one.provenance.get("device", "-")), 30)
        rows.append((str(one.attempt), epochs, number(one.seconds), device, ended))
    return aligned(("attempt", "epochs", "seconds", "device", "ended"), rows, "rrrll")


def _last(view: TrialView) -> str:
    when = "final" if view.state == "done" else "not final"
    epoch = view.epochs[-1].epoch if view.epochs else "-"
    shown = [name for name in CURVE if name in view.metrics]
    others = [name for name in view.metrics if name not in CURVE]
    values = {name: number(view.metrics[name], 2) for name in (*shown, *others)}
    return f"after epoch {epoch}, {when}; accuracies are oracle, in percent\n{in_columns(values)}"


def _curve(epochs: Sequence[EpochRow]) -> str:
    names = [name for name in CURVE if any(name in one.metrics for one in epochs)]
    rows = []
    for place in _spread(len(epochs), CURVE_ROWS):
        one = epochs[place]
        values = [number(one.metrics.get(n), 3 if n == "loss_total" else 1) for n in names]
        rows.append((str(one.epoch), *values, number(one.seconds, 2)))
    header = ("epoch", *(CURVE[name] for name in names), "seconds")
    return aligned(header, rows, "r" * len(header))


def _spread(count: int, most: int) -> list[int]:
    """At most `most` of the numbers below `count`, evenly spread, the ends among them."""
    if count <= most:
        return list(range(count))
    return [round(i * (count - 1) / (most - 1)) for i in range(most)]


def _error(text: str, heading: str) -> str:
    from lps_sweep.text import printable

    return "\n".join([heading, *(f"  {printable(line)}" for line in text.splitlines())])


def _files(view: TrialView, results: Path) -> dict[str, str]:
    """Its files by kind, each with a note if it is not there."""
    found = {
        name: file.path
        for name, file in (("artefact", view.artefact), ("checkpoint", view.checkpoint))
        if file
    }
    shown = {
        name: str(results / path) + ("" if (results / path).exists() else " (missing)")
        for name, path in found.items()
    }
    logs = [results / member.sweep / "logs" / "ray.log" for member in view.sweeps]
    there = [str(log) for log in logs if log.exists()]
    return {**shown, "log": ", ".join(there)} if there else shown
