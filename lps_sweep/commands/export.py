"""`export`: a sweep for other programs."""

from __future__ import annotations

import contextlib
import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

from lps_sweep.errors import BadInputError, ExitCode, LpsSweepError

if TYPE_CHECKING:
    from collections.abc import Callable


def export(*, results: Path, sweep: str, to: str, format_: str, watch: float) -> int:
    """Writes a sweep as tables or as an Optuna study, or sends its trials to a tracker."""
    from lps_sweep.commands.watching import watch as watch_sweep

    if format_ == "tables":
        watch_sweep(results, [sweep], watch, lambda name: _tables(results, name, Path(to)))
    elif format_ == "optuna":
        watch_sweep(results, [sweep], watch, lambda name: _study(results, name, Path(to)))
    else:
        from lps_sweep.results import load_view
        from lps_sweep.tracking import open_tracker

        load_view(results, sweep)  # before a tool is told anything
        try:
            with contextlib.closing(open_tracker(format_, to)) as tracker:
                watch_sweep(results, [sweep], watch, _sender(results, tracker.update))
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
    from lps_sweep.results import load_view

    view = load_view(results, sweep)
    if importlib.util.find_spec("optuna") is None:
        raise BadInputError("a study needs the package optuna: pip install optuna", "--format")
    from lps_sweep.tracking.study import export_study

    for name in export_study(view, path):
        print(f"{path}: study {name!r}; optuna-dashboard sqlite:///{path}")


def _sender(results: Path, update: Callable[..., int]) -> Callable[[str], None]:
    def send(sweep: str) -> None:
        from lps_sweep.results import load_view
        from lps_sweep.tracking import trial_histories

        trials = trial_histories(load_view(results, sweep))
        epochs = sum(update(trial) for trial in trials)
        print(f"{sweep}: {epochs} epochs sent of {len(trials)} trials", flush=True)

    return send
