"""The frames of a sweep as CSV and Parquet files."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lps_sweep.files import atomic_write
from lps_sweep.report.escape import csv_text
from lps_sweep.report.figures.notes import LOCATIONS
from lps_sweep.report.tables import value_text
from lps_sweep.results import load_view
from lps_sweep.results.times import AttemptTimes

if TYPE_CHECKING:
    import pandas as pd

    from lps_sweep.results import Json, SweepView


def export_frames(results: Path, sweep: str, folder: Path, *, parquet: bool) -> list[Path]:
    """Writes ``trials``, ``epochs`` and ``attempts`` (see `SweepView`) of `sweep` into `folder`.

    The trials also have ``config_id``, which is the same for all seeds of a configuration and in
    all sweeps that one version has planned.
    Numbers have all their digits, and a number that is not there is empty, or null in Parquet. A
    list is written as JSON. A column of a swept parameter that mixes numbers, words and nothing is
    text. In CSV a text is on one line, and one that a spreadsheet would take for a formula begins
    with an apostrophe.

    Args:
        results: The results folder.
        sweep: Name of the sweep.
        folder: Made if missing; files of the same names are replaced.
        parquet: Whether Parquet is written as well, for which pyarrow is needed.

    Returns:
        The files written.

    Raises:
        BadInputError: There is no ledger, or no sweep of this name.
        StorageError: The ledger cannot be read, or a file cannot be written.
    """
    view = load_view(results, sweep)
    paths = []
    for name, frame in _frames(view).items():
        plain = _texts(frame, value_text)
        paths.append(folder / f"{name}.csv")
        content = _texts(plain, csv_text).to_csv(index=False, lineterminator="\n")
        atomic_write(paths[-1], content.encode())
        if parquet:
            paths.append(folder / f"{name}.parquet")
            buffer = io.BytesIO()
            plain.to_parquet(buffer, index=False, engine="pyarrow")
            atomic_write(paths[-1], buffer.getvalue())
    return paths


def _frames(view: SweepView) -> dict[str, pd.DataFrame]:
    import pandas as pd

    known = {trial: config_id(config) for trial, config in view.configs.items()}
    trials = view.trials.copy()
    trials.insert(1, "config_id", trials["trial_id"].map(known))
    names = [field.name for field in dataclasses.fields(AttemptTimes)]
    attempts = pd.DataFrame([dataclasses.astuple(one) for one in view.attempts], columns=names)
    attempts["ended_at"] = attempts["ended_at"].astype("float64")
    return {"trials": trials, "epochs": view.epochs, "attempts": attempts}


def config_id(config: Mapping[str, Json]) -> str:
    """16 digits of the SHA-256 of a resolved configuration, but for where its data lies."""
    values = {name: value for name, value in config.items() if name not in LOCATIONS}
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]


def _texts(frame: pd.DataFrame, text: Callable[[Any], str]) -> pd.DataFrame:
    """`frame` with all that is neither number nor truth value made text."""
    from pandas.api.types import is_bool_dtype, is_numeric_dtype

    def column(values: pd.Series[Any]) -> pd.Series[Any]:
        if is_numeric_dtype(values) or is_bool_dtype(values):
            return values
        return values.map(text, na_action="ignore").astype("str")

    return frame.apply(column)
