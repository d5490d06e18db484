"""Machine noise in the report of the sweep that it is of."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from lps_sweep.report import build_report
from lps_sweep.report.model import Section
from lps_sweep.report.pages import arms, claims
from lps_sweep.report.pages.noise import sections
from lps_sweep.results import Json, Ledger, TrialRecord, load_view
from tests.report.report_cases import SETTINGS, make_ledger, record

POINTS: list[Json] = [5.0, 10.0]
SEED_VALUES = {0: 60.0, 1: 70.0, 2: 80.0}
DRAWS: dict[str, tuple[dict[str, Json], float]] = {
    "draw_1": ({"perturbation": 1}, 1.0),
    "draw_2": ({"perturbation": 2}, -1.0),
    "threads_2": ({"threads": 2}, 4.0),
}
"""By arm what it sets, and by how many points it departs from the default."""


def finals(point: Sequence[Any], seed: int) -> dict[str, float]:
    value = SEED_VALUES[seed] + (0 if point[0] == 10 else 7)
    return dict.fromkeys(("acc_seen", "acc_novel", "acc_all"), value)


def swept(folder: Path, *fates: tuple[float, int]) -> Path:
    lost = dict.fromkeys(fates, "not_run")
    return make_ledger(folder, record({"C": POINTS}, name="c"), lost, finals=finals, epochs=3)


def add_noise(folder: Path, arms: Sequence[str], **changes: Json) -> None:
    """The sweep of machine noise, with all that `arms` name done."""
    settings = {**SETTINGS, **changes}
    trials = [
        TrialRecord(f"{arm}-{seed}", {**settings, **DRAWS[arm][0]}, seed, "p", {"arm": arm})
        for arm in arms
        for seed in SEED_VALUES
    ]
    with Ledger.open(folder, write=True) as ledger, ledger.transaction():
        rows = ledger.trial_rows("c", False)
        default = [
            TrialRecord(r.trial_id, r.config, r.seed, "p", {"arm": "default"})
            for r in rows
            if r.swept["C"] == 10
        ]
        axes: dict[str, list[Json]] = {"arm": ["default", *arms]}
        ledger.record_plan(record(axes, name="c_noise"), [*default, *trials])
        for trial in trials:
            attempt = ledger.start_attempts([trial.trial_id], "p", {})[trial.trial_id]
            ledger.begin_attempt(trial.trial_id, attempt, {}, worker="w", at=1.0)
            arm = str(trial.swept["arm"])
            metrics = {n: v + DRAWS[arm][1] for n, v in finals([10], trial.seed).items()}
            ledger.finish(trial.trial_id, attempt, "done", epoch=3, metrics=metrics, at=2.0)


def found(folder: Path, name: str = "c") -> list[Section]:
    return sections(load_view(folder, name))


def test_the_spread_within_seeds_stands_beside_that_over_seeds(tmp_path: Path) -> None:
    add_noise(swept(tmp_path), [*DRAWS])
    (section,) = found(tmp_path)
    (table,) = section.tables
    keys = [column.key for column in table.columns]
    for row in table.rows:
        values = dict(zip(keys, row, strict=True))
        assert values["seeds_sd"] == pytest.approx(10)
        assert values["seeds_n"] == 3
        assert values["perturbation_sd"] == pytest.approx(1)
        assert (values["perturbation_n"], values["perturbation_df"]) == (9, 6)
        assert values["threads_sd"] == pytest.approx(8**0.5)
        assert (values["threads_n"], values["threads_df"]) == (6, 3)
    assert [row[0] for row in table.rows] == ["Seen", "Novel", "All"]
    (finding,) = section.findings
    assert all(part in finding for part in ("1.00 (df = 6", "2.83 (df = 3", "10.00 (n = 3)"))


def test_without_noise_of_this_default_the_section_has_the_command(tmp_path: Path) -> None:
    add_noise(swept(tmp_path), [*DRAWS], epochs=7)
    (section,) = found(tmp_path)
    assert "lps-sweep noise DIR c" in str(section.blocks)
    assert section.tables == ()
    assert section.findings == ()


def test_neither_a_sweep_of_noise_nor_one_without_a_default_has_a_section(tmp_path: Path) -> None:
    add_noise(swept(tmp_path / "a"), [*DRAWS])
    noise = load_view(tmp_path / "a", "c_noise")
    assert sections(noise) == claims.sections(noise) == []
    assert [one.title for one in arms.sections(noise)] == ["Machine noise"]
    swept(tmp_path / "b", *((10, seed) for seed in SEED_VALUES))
    assert found(tmp_path / "b") == []


def test_a_report_is_made_anew_for_it_and_no_other_table_changes(tmp_path: Path) -> None:
    tables = build_report(swept(tmp_path), "c").parent / "tables"
    before = {path.name: path.read_bytes() for path in tables.iterdir()}
    add_noise(tmp_path, [*DRAWS])
    build_report(tmp_path, "c")
    after = {path.name: path.read_bytes() for path in tables.iterdir()}
    with (tables / "noise.csv").open(encoding="utf-8", newline="") as file:
        assert len(list(csv.DictReader(file))) == 3
    assert after.keys() - before.keys() == {"noise.csv", "noise.md", "noise.tex"}
    assert {name: after[name] for name in before} == before
