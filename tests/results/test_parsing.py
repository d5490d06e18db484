"""JSON in a ledger that somebody else wrote: what is no row is a StorageError."""

from __future__ import annotations

from pathlib import Path

import pytest

from lps_sweep.errors import StorageError
from lps_sweep.results.parsing import parse, parse_metrics

PATH = Path("ledger.sqlite")


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "5", "null", '"x"', '{"a": NaN}', '{"a": 1e999}', "[" * 100_000]
)
def test_what_is_no_object_of_finite_numbers_is_damage(text: str) -> None:
    for read in (parse, parse_metrics):
        with pytest.raises(StorageError, match=r"ledger\.sqlite is damaged"):
            read(text, PATH)


@pytest.mark.parametrize("value", ['"50"', "true", "[1]", "{}", "-Infinity", "1" + "0" * 400])
def test_a_metric_that_is_no_number_is_damage(value: str) -> None:
    with pytest.raises(StorageError, match="the metric 'a' is no finite number"):
        parse_metrics(f'{{"a": {value}}}', PATH)


def test_rows_are_read() -> None:
    assert parse('{"a": [1, 2.5, null]}', PATH) == {"a": [1, 2.5, None]}
    assert parse("[1]", PATH, list) == [1]
    assert parse_metrics('{"a": 1, "b": 2.5, "c": null}', PATH) == {"a": 1, "b": 2.5, "c": None}
