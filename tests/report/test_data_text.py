"""What the first screen says of classes."""

from __future__ import annotations

import pytest

from lps_sweep.report.summary import data_text
from lps_sweep.results import Json
from tests.report.report_cases import record


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, ", the first half of the classes seen, "),
        ({"novel_classes": 20}, ", the first half of the classes seen and the next 20 novel, "),
        ({"novel_classes": 0.2}, " seen and the next 0.2 of the others novel, "),
        ({"assumed_classes": 80}, " of the classes seen, 80 classes assumed in all, "),
        (
            {"seen_classes": 10, "novel_classes": 5},
            ", the first 10 classes seen and the next 5 nov",
        ),
        ({"seen_classes": [3, 1], "novel_classes": 5}, "classes 3, 1 seen and the next 5 novel"),
    ],
)
def test_classes_are_told_where_they_are_not_all(settings: dict[str, Json], words: str) -> None:
    known: dict[str, Json] = {"dataset": "digits", "labeled_ratio": 0.5, "seen_classes": 0}
    sweep = record({"C": [1.0]}, settings=known | settings)
    assert words in data_text(sweep)
