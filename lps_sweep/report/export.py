"""The frames of a sweep as CSV and Parquet files."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lps_sweep.report.escape import csv_text
from lps_sweep.report.numbers import value_text
from lps_sweep.report.reference import LOCATIONS
from lps_sweep.results import load_view
from lps_sweep.results.outputs import Output
from lps_sweep.results.places import refuse_own

if TYPE_CHECKING:
    import pandas as pd

    from lps_sweep.results import Json, SweepView


ATTEMPT_COLUMNS = (
    *("trial_id", "attempt", "pack_id", "worker"),
    *("begun_at", "ended_at", "ended", "seconds"),
)


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
        folder: Made if missing; what an earlier export of this sweep wrote there is replaced.
        parquet: Whether Parquet is written as well, for which pyarrow is needed.

    Returns:
        The files written.

    Raises:
        BadInputError: There is no ledger, no sweep of this name, or a file that no export of this
            sweep made, or that was changed since.
        StorageError: The ledger cannot be read, or a file cannot be written.
    """
    refuse_own(folder, str(folder))
    view = load_view(results, sweep)
    contents: dict[str, bytes] = {}
    for name, frame in _frames(view).items():
        plain = _texts(frame, value_text)
        table = _texts(plain, csv_text).to_csv(index=False, lineterminator="\n")
        contents[f"{name}.csv"] = table.encode()
        if parquet:
            buffer = io.BytesIO()
            plain.to_parquet(buffer, index=False, engine="pyarrow")
            contents[f"{name}.parquet"] = buffer.getvalue()
    return Output(folder, "tables", results, sweep).write(contents)


def _frames(view: SweepView) -> dict[str, pd.DataFrame]:
    import pandas as pd

    known = {trial: config_id(config) for trial, config in view.configs.items()}
    trials = view.trials.copy()
    trials.insert(1, "config_id", trials["trial_id"].map(known))
    attempts = pd.DataFrame([vars(one) for one in view.attempts], columns=ATTEMPT_COLUMNS)
    attempts["worker"] = attempts["worker"].fillna("")
    attempts["ended_at"] = attempts["ended_at"].astype("float64")
    whole = {n: "Int64" for n, v in view.record.axes.items() if v and {*map(type, v)} == {int}}
    epochs = view.epochs.astype(whole)  # also where a condition leaves the value out
    return {"trials": trials.astype(whole), "epochs": epochs, "attempts": attempts}


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
