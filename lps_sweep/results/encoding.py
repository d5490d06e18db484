"""The JSON text of a ledger's rows: written compactly, read back strictly.

A row may have been damaged, or written by others.
"""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lps_sweep.errors import StorageError
from lps_sweep.finite import is_finite

_OBJECTS = ("config", "swept", "metrics", "provenance", "stop")
_OF_SWEEPS = ("axes", "defaults", "settings", "search")
KINDS: dict[str, type] = {**dict.fromkeys((*_OBJECTS, *_OF_SWEEPS), dict), "seeds": list}
"""Columns that hold JSON text, or null, and what it is of."""


def to_column(value: Any) -> Any:
    """`value` as a column holds it: an object or a list as JSON text."""
    return json_text(value) if isinstance(value, dict | list) else value


def from_column(name: str, value: Any, path: Path) -> Any:
    """What the column `name` of a ledger at `path` says; StorageError where it is damaged."""
    if name not in KINDS or value is None:
        return value
    return parse_metrics(value, path) if name == "metrics" else parse(value, path, KINDS[name])


def json_text(value: Any) -> str:
    """`value` as compact JSON, keys in the order given.

    Raises:
        ValueError: A number in `value` is not finite.
        TypeError: `value` holds what JSON cannot express.
    """
    return json.dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":"))


def metrics_text(metrics: Mapping[str, float]) -> str:
    """Metrics as JSON, sorted by name; a number that is not finite becomes null."""
    finite = {name: float(value) if is_finite(value) else None for name, value in metrics.items()}
    return json_text(dict(sorted(finite.items())))


def crc_of_epoch(trial_id: str, epoch: int, attempt: int, metrics: str) -> int:
    """CRC-32 of what an epoch's row says; `metrics` is its JSON text."""
    return zlib.crc32(f"{trial_id} {epoch} {attempt} {metrics}".encode())


def parse(text: str, path: Path, kind: type = dict) -> Any:
    """JSON `text` of a ledger at `path`, an object or a list; StorageError where it is damaged."""
    return _decoded(_JSON, text, path, kind)


def parse_metrics(text: str, path: Path) -> dict[str, float | None]:
    """As `parse`, of numbers that are finite or "no value"."""
    metrics: dict[str, float | None] = _decoded(_JSON_METRICS, text, path, dict)
    for name, value in metrics.items():
        if value is not None and not _is_number(value):
            raise StorageError(f"{path} is damaged: the metric {name!r} is no finite number")
    return metrics


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is no finite number")
    return number


_JSON = json.JSONDecoder(parse_float=_finite, parse_constant=_finite)
_JSON_METRICS = json.JSONDecoder()


def _is_number(value: Any) -> bool:
    if type(value) is float:
        return math.isfinite(value)
    return type(value) is int and abs(value) <= 2**53


def _decoded(decoder: json.JSONDecoder, text: str, path: Path, kind: type) -> Any:
    try:
        value = decoder.decode(text)
    except (ValueError, RecursionError) as error:
        raise StorageError(f"{path} is damaged: a row is no JSON text ({error})") from error
    if not isinstance(value, kind):
        raise StorageError(f"{path} is damaged: a row holds another kind of JSON")
    return value
