"""The verbs that make something of what is recorded: `report`, `export`, `select`, `check`."""

from __future__ import annotations

import contextlib
import importlib.util
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lps_sweep.commands.output import outlive_output
from lps_sweep.errors import BadInputError, ExitCode, LpsSweepError
from lps_sweep.files import local_path

if TYPE_CHECKING:
    from lps_sweep.tracking import Tracker


def watched(
    results: Path, sweeps: Sequence[str], interval_s: float, act: Callable[[str], None]
) -> None:
    """Calls `act` with each of `sweeps`, and again at each change of it while a driver is alive.

    The last call comes after the driver has gone, so nothing that it recorded is missed.

    Args:
        results: The results folder.
        sweeps: Names of sweeps in it.
        interval_s: Seconds between two looks; 0 for a single call.
        act: Is given the name of a sweep.

    Raises:
        StorageError: The ledger cannot be read.
    """
    from lps_sweep.results import Ledger, driver_alive
    from lps_sweep.signals import check_interrupted

    seen: dict[str, str] = {}
    while True:
        alive = driver_alive(results)
        with Ledger.open(results) as ledger:
            digests = {sweep: ledger.digest(sweep, alive) for sweep in sweeps}
        for sweep, digest in digests.items():
            if seen.get(sweep) != digest:
                act(sweep)
        seen = digests
        if not interval_s or not alive:
            return
        check_interrupted()
        time.sleep(interval_s)


def report(*, places: Sequence[str], images: bool, maps: bool, watch: float) -> int:
    """Builds the report of one sweep, or of all; with `watch`, again at each change of a run."""
    from lps_sweep.results.places import find_sweeps

    results, names = find_sweeps(places)
    outlive_output()
    watched(results, names, watch, lambda name: _build(results, name, images=images, maps=maps))
    return ExitCode.DONE


def _build(results: Path, name: str, *, images: bool, maps: bool) -> None:
    from lps_sweep.report import build_report

    if maps:
        from lps_sweep.report.maps import make_maps
        from lps_sweep.results import load_view

        make_maps(load_view(results, name))

    print(build_report(results, name), flush=True)
    if not images:
        return
    from lps_sweep.report.images import write_images

    drawn = write_images(results, name)
    for path in drawn.paths:
        print(path)
    if drawn.reason:
        print(f"no images: {drawn.reason}")


def export(*, places: Sequence[str], to: str, format_: str, watch: float) -> int:
    """Writes a sweep as tables or as an Optuna study, or sends its trials to a tracker."""
    from lps_sweep.results.places import find_sweep

    results, sweep = find_sweep(places)
    outlive_output()
    if format_ in ("tables", "optuna"):
        write, place = _tables if format_ == "tables" else _study, local_path(to, "--to")
        watched(results, [sweep], watch, lambda name: write(results, name, place))
    else:
        from lps_sweep.tracking import open_tracker, read_history

        read_history(results, sweep)  # before a tool is told anything
        try:
            with contextlib.closing(open_tracker(format_, to)) as tracker:
                watched(results, [sweep], watch, _sender(results, tracker))
        except LpsSweepError:
            raise
        except Exception as error:  # whatever a tool raises
            raise BadInputError(f"{format_} did not take it: {error}", f"--to {to}") from error
    return ExitCode.DONE


def _tables(results: Path, sweep: str, folder: Path) -> None:
    from lps_sweep.report.export import export_frames

    parquet = importlib.util.find_spec("pyarrow") is not None
    for path in export_frames(results, sweep, folder, parquet=parquet):
        print(path)
    if not parquet:
        print("no Parquet: pyarrow is not installed")


def _study(results: Path, sweep: str, path: Path) -> None:
    from lps_sweep.tracking import read_history

    history = read_history(results, sweep)
    if importlib.util.find_spec("optuna") is None:
        raise BadInputError("a study needs the package optuna: pip install optuna", "--format")
    from lps_sweep.tracking.study import export_study

    for name in export_study(history, path):
        print(f"{path}: study {name!r}; optuna-dashboard sqlite:///{path}")


def _sender(results: Path, tracker: Tracker) -> Callable[[str], None]:
    def send(sweep: str) -> None:
        from lps_sweep.tracking import read_history

        history = read_history(results, sweep)
        tracker.claim(history)
        epochs = sum(tracker.update(trial) for trial in history.begun)
        print(f"{sweep}: {epochs} epochs sent of {len(history.begun)} trials", flush=True)

    return send


def select(*, places: Sequence[str], rule: str) -> int:
    """Prints what a rule takes of a sweep as a search space, with the reason."""
    from lps_sweep.results.places import find_sweep
    from lps_sweep.sweep.selecting import selection_text

    print(selection_text(*find_sweep(places), rule), end="")
    return ExitCode.DONE


def check(*, places: Sequence[str], repair: bool) -> int:
    """Verifies ledger, artefacts, checkpoints and trunks; repairs what is wrong if asked to."""
    from lps_sweep.results.places import find_folder
    from lps_sweep.sweep import check as folder

    results = find_folder(places)
    if repair:
        outlive_output()
    found = folder.examine(results)
    for problem in found:
        print(problem)
    if not found:
        print(f"{results}: everything is as it was recorded")
        return ExitCode.DONE
    if not repair:
        print(f"`lps_sweep check {results} --repair` does so; nothing was changed yet")
        return ExitCode.STORAGE
    from lps_sweep.sweep import repair as repairing

    for done in repairing.repair(results):
        print(done)
    return ExitCode.DONE
