"""Sentences on LPS against other methods."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from lps_sweep.report.build import build_report
from lps_sweep.results import SweepView, load_view
from tests.report.report_cases import PAPER, SETTINGS, make_ledger, record
from tests.report.test_claims import SEEDS, judged, verdict

ARMS: dict[str, dict[str, Any]] = {
    "lps": {},
    "orca": {"method": "orca"},
    "simclr": {"method": "simclr_kmeans"},
    "nach": {"method": "nach"},
    "openncd": {"method": "openncd"},
}
ACCURATE = "LPS is more accurate over all"
BETTER = {"lps": 90.0, "orca": 80.0, "simclr": 60.0}


def methods(
    folder: Path,
    level: Mapping[tuple[Any, ...], float],
    axes: Mapping[str, Sequence[Any]] | None = None,
    settings: Mapping[str, Any] = PAPER,
) -> SweepView:
    """Arms of methods, with a level of novel accuracy for each point, whose first is the arm."""

    def finals(point: Sequence[Any], seed: int) -> dict[str, float]:
        novel = level[tuple(point)] + 0.03 * ((seed * (2 + len(str(point)))) % 5)
        return {
            "acc_seen": 95.0,
            "acc_novel": novel,
            "acc_all": novel,
            "nmi_novel": novel - 5,
            "novel_to_seen_share": 100 - novel,
        }

    arms = list(dict.fromkeys(point[0] for point in level))
    known = {"arm": arms, **(axes or {})}
    defaults = {"arm": arms[0]}
    sweep = record(known, SEEDS, settings=settings, defaults=defaults, name="m")
    made = make_ledger(folder, sweep, epochs=10, finals=finals, arms=ARMS)
    return load_view(made, "m")


def by_arm(level: Mapping[str, float]) -> dict[tuple[Any, ...], float]:
    return {(arm,): value for arm, value in level.items()}


@pytest.mark.parametrize(
    ("level", "word"),
    [
        (BETTER, "supported"),
        ({"lps": 80.0, "orca": 90.0, "simclr": 60.0}, "contradicted"),
        ({"lps": 90.0, "orca": 90.0, "simclr": 60.0}, "inconclusive"),
    ],
)
def test_lps_and_orca(tmp_path: Path, level: dict[str, float], word: str) -> None:
    view = methods(tmp_path, by_arm(level))
    for claim in (
        ACCURATE,
        "LPS is more accurate on novel",
        "LPS has the highest NMI of novel classes, above ORCA",
        "The gap of seen and novel is narrower with LPS than with ORCA",
        "LPS attends more to novel",
        "ORCA gives more novel images",
    ):
        assert verdict(view, claim) == word, claim
    assert verdict(view, "LPS and ORCA improve") == "supported"
    assert verdict(view, "LPS is the best of all methods") == "none"


def test_the_methods_that_the_paper_names(tmp_path: Path) -> None:
    best = "LPS is the best of all methods"
    level = {"lps": 90.0, "nach": 85.0, "openncd": 80.0}
    assert verdict(methods(tmp_path / "a", by_arm(level)), best) == "supported"
    assert verdict(methods(tmp_path / "b", by_arm(level | {"openncd": 95.0})), best) == (
        "contradicted"
    )
    both = methods(tmp_path / "c", by_arm({"lps": 90.0, "nach": 85.0}))
    assert verdict(both, best) == "inconclusive", "a method that it names is not there"
    assert verdict(both, "LPS has the highest NMI of novel classes, above NACH") == "supported"
    assert verdict(both, "LPS has the highest NMI of novel classes, above ORCA") == "none"


def test_a_method_that_is_not_there_supports_nothing(tmp_path: Path) -> None:
    view = methods(tmp_path, by_arm({"lps": 90.0, "simclr": 60.0}))
    assert verdict(view, ACCURATE) == "none"
    assert verdict(view, "LPS and ORCA improve") == "inconclusive"


def test_the_trials_of_orca_say_nothing_of_lps(tmp_path: Path) -> None:
    """Its own curves would support that the model learns seen classes first."""
    settings = {**SETTINGS, "method": "orca"}
    made = make_ledger(tmp_path, record({"C": [5, 10]}, settings=settings))
    assert set(judged(load_view(made, "c_tau")).values()) == {None}


def test_every_level_of_the_data_counts(tmp_path: Path) -> None:
    ratios = {"labeled_ratio": [0.1, 0.5, 0.7]}
    level: dict[tuple[Any, ...], float] = {
        (a, r): BETTER[a] for a in ("lps", "orca") for r in ratios["labeled_ratio"]
    }
    level |= {("lps", 0.7): 92.0, ("orca", 0.7): 78.0}
    view = methods(tmp_path / "a", level, ratios)
    assert verdict(view, "LPS outperforms ORCA at every labeled") == "supported"
    assert verdict(view, "From 50 % to 70 % labeled ORCA") == "supported"
    assert verdict(view, "LPS outperforms ORCA at every number") == "none"
    worse = methods(tmp_path / "b", level | {("orca", 0.7): 95.0}, ratios)
    assert verdict(worse, "LPS outperforms ORCA at every labeled") == "contradicted"
    assert verdict(worse, "From 50 % to 70 % labeled ORCA") == "contradicted"
    even = methods(tmp_path / "c", level | {("orca", 0.7): 80.0}, ratios)
    assert verdict(even, "From 50 % to 70 % labeled ORCA") == "inconclusive"
    classes = {"novel_classes": [2, 3]}
    fewer = {(a, n): BETTER[a] for a in ("lps", "orca") for n in classes["novel_classes"]}
    assert verdict(methods(tmp_path / "d", fewer, classes), "LPS outperforms ORCA at every n") == (
        "supported"
    )


@pytest.mark.parametrize(
    ("ratio", "gain", "words"),
    [
        (0.5, {"lps": 3.0, "orca": 1.0}, ("supported", "none")),
        (0.5, {"lps": 1.0, "orca": 3.0}, ("contradicted", "none")),
        (0.1, {"lps": 3.0, "orca": -5.0}, ("none", "supported")),
        (0.1, {"lps": 3.0, "orca": 5.0}, ("none", "contradicted")),
    ],
)
def test_fine_tuning_of_both(
    tmp_path: Path, ratio: float, gain: dict[str, float], words: tuple[str, str]
) -> None:
    axes = {"frozen_through": ["stage3", "none"]}
    level: dict[tuple[Any, ...], float] = {
        (arm, f): BETTER[arm] + (gain[arm] if f == "none" else 0.0)
        for arm in gain
        for f in axes["frozen_through"]
    }
    view = methods(tmp_path, level, axes, {**PAPER, "labeled_ratio": ratio})
    assert verdict(view, "LPS gains more than ORCA") == words[0]
    assert verdict(view, "With 10 % labeled, ORCA loses") == words[1]


def test_links_lead_somewhere(tmp_path: Path) -> None:
    """Each figure that a verdict names is on the page."""
    ratios = {"labeled_ratio": [0.5, 0.7]}
    level = {(a, r): BETTER[a] for a in ("lps", "orca") for r in ratios["labeled_ratio"]}
    view = methods(tmp_path, level, ratios)
    page = build_report(tmp_path, "m").read_text(encoding="utf-8")
    links = {found.link for found in judged(view).values() if found and found.link}
    assert len(links) > 3
    assert [link for link in links if f'id="{link}"' not in page] == []
