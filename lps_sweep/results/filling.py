"""Columns of rules for trials trained before there were any, and agreement between seeds.

Both come from the arrays that trials left; none of their targets is read. What was computed is
kept beside the report of the sweep, by the hash of the artefact.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lps_sweep.config import counted_classes
from lps_sweep.errors import StorageError
from lps_sweep.files import atomic_write, read_file, sweep_folder
from lps_sweep.finite import is_finite
from lps_sweep.indices import of_features, of_ids
from lps_sweep.metrics import contingency, nmi
from lps_sweep.results.artefacts import load_trial_arrays
from lps_sweep.results.records import Json

if TYPE_CHECKING:
    from lps_sweep.results.view import SweepView

CLUSTERING = frozenset({"simclr_kmeans", "dtc"})
"""Methods whose predicted ids are clusters; rankstats is one too, unless it is incremental."""

KEPT = "selection.json"
NEEDED = frozenset({"predictions", "unlabeled_indices"})
"""Arrays without which nothing is computed."""

_VERSION = 2
_SHORT = 16
"""Digits of a hash that name an artefact."""

Arrays = Mapping[str, NDArray[Any]]


def columns_of(arrays: Arrays, config: Mapping[str, Json]) -> dict[str, float]:
    """The columns that the arrays of a trial give: those of features, KL and balance."""
    seen, heads = counted_classes(config)
    predictions = arrays["predictions"]
    found = of_ids(predictions, heads)
    features, indices = arrays.get("features"), arrays.get("feature_indices")
    if features is not None and indices is not None:
        places = np.searchsorted(arrays["unlabeled_indices"], indices)
        found |= of_features(features, predictions[places], seen if aligned(config) else None)
    return found


def agreement(first: NDArray[Any], second: NDArray[Any]) -> float:
    """Mean of adjusted Rand index and NMI of two predictions (N,) for the same images, up to 1."""
    _, columns = np.unique(second, return_inverse=True)
    table, _ = contingency(columns, first, int(columns.max(initial=0)) + 1)
    return (_adjusted_rand(table) + nmi(table)) / 2


def _adjusted_rand(table: NDArray[np.int64]) -> float:
    """Hubert and Arabie, J. Classification 2 (1985), equation 5."""

    def pairs(counts: NDArray[np.int64]) -> float:
        return float((counts * (counts - 1) / 2).sum())

    both, rows, columns = pairs(table), pairs(table.sum(1)), pairs(table.sum(0))
    expected = rows * columns / max(pairs(table.sum(keepdims=True)), 1.0)
    largest = (rows + columns) / 2
    return 1.0 if largest == expected else (both - expected) / (largest - expected)


class Filled:
    """What the artefacts of a sweep give, computed when it is asked for, and kept.

    Args:
        view: The sweep.
    """

    def __init__(self, view: SweepView) -> None:
        self._view = view
        self._path = sweep_folder(view.folder, view.record.name) / KEPT
        self._known = _read(self._path)
        self._before = len(self._known)
        self._loaded: dict[str, Arrays | None] = {}

    def columns(self, trial_id: str) -> dict[str, float]:
        """The columns of a trial; none without an artefact that can be read."""
        if (name := self._name(trial_id)) is None:
            return {}
        config = self._view.configs[trial_id]
        seen, heads = counted_classes(config)
        name += f"-{seen}-{heads}-{aligned(config):d}"
        if name not in self._known:
            arrays = self._arrays(trial_id)
            self._known[name] = columns_of(arrays, config) if arrays else {}
        return self._known[name]

    def agreements(self, trial_ids: Sequence[str]) -> NDArray[np.float64]:
        """(s, s), the agreement of each pair of seeds; NaN on the diagonal and where unknown.

        The arrays of these trials are let go afterwards.
        """
        found = np.full((len(trial_ids),) * 2, np.nan)
        names = [self._name(trial) for trial in trial_ids]
        if not any(names):
            return found
        for i, j in combinations(range(len(trial_ids)), 2):
            pair = f"{names[i]} {names[j]}"
            if names[i] and names[j] and pair not in self._known:
                self._known[pair] = self._agreement(trial_ids[i], trial_ids[j])
            found[i, j] = found[j, i] = self._known.get(pair, {}).get("agreement", np.nan)
        self._loaded.clear()
        return found

    def keep(self) -> None:
        """Writes what is new, where the folder can be written."""
        if len(self._known) > self._before:
            content = json.dumps({"version": _VERSION, "known": self._known}, sort_keys=True)
            with contextlib.suppress(StorageError):
                atomic_write(self._path, content.encode())

    def _name(self, trial_id: str) -> str | None:
        ref = self._view.artefacts.get(trial_id)
        return ref.sha256[:_SHORT] if ref else None

    def _agreement(self, first: str, second: str) -> dict[str, float]:
        one, other = self._arrays(first), self._arrays(second)
        if one is None or other is None:
            return {}
        if not np.array_equal(one["unlabeled_indices"], other["unlabeled_indices"]):
            return {}
        return {"agreement": agreement(one["predictions"], other["predictions"])}

    def _arrays(self, trial_id: str) -> Arrays | None:
        if trial_id not in self._loaded:
            try:
                ref = self._view.artefacts[trial_id]
                arrays = load_trial_arrays(self._view.folder, ref)
            except StorageError:
                arrays = {}
            self._loaded[trial_id] = arrays if arrays.keys() >= NEEDED else None
        return self._loaded[trial_id]


def _read(path: Path) -> dict[str, dict[str, float]]:
    """What is kept; nothing where it cannot be read."""
    try:
        content = json.loads(read_file(path))
        if content["version"] != _VERSION:
            return {}
        known: dict[str, dict[str, float]] = content["known"]
        numbers = [value for row in known.values() for value in row.values()]
    except (StorageError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}
    return known if all(map(is_finite, numbers)) else {}


def aligned(config: Mapping[str, Json]) -> bool:
    """Whether the predicted ids of a configuration are class ids, and no clusters."""
    method = config.get("method")
    return method not in CLUSTERING and (method != "rankstats" or bool(config.get("incremental")))
