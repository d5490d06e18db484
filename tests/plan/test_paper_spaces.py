"""The search spaces that plan LPS's rows of the paper's tables."""

from __future__ import annotations

from pathlib import Path

import pytest

from lps_sweep.cli import main
from lps_sweep.config import Value, flat
from lps_sweep.errors import ExitCode
from lps_sweep.plan import PlannedTrial, expand, read_space
from lps_sweep.results import Ledger
from lps_sweep.results.paper import (
    ABLATION_ARMS,
    PAPER_RUNS,
    PaperNumber,
    paper_numbers,
    same_setting,
)
from lps_sweep.sweep.records import trial_record
from tests.plan.space_cases import no_content

FOLDER = Path(__file__).parents[2] / "search_spaces" / "paper"
TABLES = range(1, 10)
DIGITS = ["--preset", "digits", "--set", "epochs=2", "--set", "pretrain_epochs=1"]
DEFAULTS = {"eta1": 1.0, "eta2": 1.0, "lambda_novel_end": 0.8, "C": 10.0, "tau": 0.4}
Row = tuple[float, bool, str, Value]
"""Labeled ratio, frozen or not, the varied parameter and its value."""


def file_of(table: int) -> Path:
    return FOLDER / f"table{table}.yaml"


def planned(table: int, preset: str = "") -> tuple[PlannedTrial, ...]:
    return expand(read_space(file_of(table), preset=preset), no_content)


def row_of_paper(number: PaperNumber) -> Row:
    return number.labeled_ratio, number.frozen, number.parameter, number.value


def rows_of_plan(trial: PlannedTrial) -> set[Row]:
    """The rows that a trial is of: the default is one of each varied parameter."""
    values = flat(trial.config)
    setting = (float(str(values["labeled_ratio"])), values["frozen_through"] == "stage3")
    swept = {name: v for name, v in trial.swept.items() if name != "labeled_ratio"}
    if not swept:
        return {(*setting, "", "")}
    away = [name for name, value in swept.items() if value != DEFAULTS.get(name, value)]
    return {(*setting, name, value) for name, value in swept.items() if away in ([], [name])}


def test_there_is_one_file_for_each_table() -> None:
    assert sorted(FOLDER.glob("*.yaml")) == sorted(map(file_of, TABLES))


@pytest.mark.parametrize("dataset", ["cifar10", "cifar100"])
@pytest.mark.parametrize("table", TABLES)
def test_what_is_planned_is_the_papers_table(table: int, dataset: str) -> None:
    paper = [n for n in paper_numbers() if (n.table, n.method) == (table, "LPS")]
    if dataset not in {n.dataset for n in paper}:
        assert (table, dataset) == (5, "cifar10")
        return
    trials = planned(table, dataset)
    assert {t.config.data.dataset for t in trials} == {dataset}
    assert set().union(*map(rows_of_plan, trials)) == {
        row_of_paper(n) for n in paper if n.dataset == dataset
    }


@pytest.mark.parametrize("table", TABLES)
def test_each_configuration_has_the_papers_setting_and_its_number_of_runs(table: int) -> None:
    trials = planned(table)
    assert all(t.config.data.dataset == "cifar100" for t in trials)
    for trial in trials:
        assert same_setting(trial_record(trial).config)[0]
    configs = {t.config for t in trials}
    assert len(trials) == PAPER_RUNS * len(configs)
    assert {t.seed for t in trials} == {0, 1, 2}


def test_the_arms_of_the_ablation_are_the_papers() -> None:
    for path in (file_of(4), FOLDER.parent / "ablation.yaml"):
        arms = read_space(path).arms
        assert [arm.name for arm in arms] == ["full", *ABLATION_ARMS]
        found = {arm.name: {n: v.value for n, v in arm.values.items()} for arm in arms}
        assert found == {"full": {}} | {
            a: {name: zero} for a, (name, zero) in ABLATION_ARMS.items()
        }


@pytest.mark.parametrize(
    ("name", "parameters", "table"),
    [("eta", ["eta1", "eta2"], 5), ("lambda_novel", ["lambda_novel_end"], 6)],
)
def test_the_digits_sweeps_have_the_values_of_the_papers_tables(
    name: str, parameters: list[str], table: int
) -> None:
    swept = read_space(FOLDER.parent / f"{name}.yaml").one_at_a_time
    for parameter in parameters:
        wanted = {n.value for n in paper_numbers() if (n.table, n.parameter) == (table, parameter)}
        assert {level.value for level in swept[parameter]} == wanted


def test_tables_share_their_default_configuration() -> None:
    ids = {table: {t.trial_id for t in planned(table)} for table in TABLES}
    assert [len(ids[table]) for table in TABLES] == [6, 6, 3, 15, 27, 15, 15, 15, 3]
    assert ids[1] == ids[2]
    shared = set.intersection(*(ids[table] for table in (1, 4, 5, 6, 7, 8)))
    assert len(shared) == PAPER_RUNS
    assert len(set().union(*ids.values())) == 6 + 3 + 12 + 24 + 12 + 12 + 12 + 3


@pytest.mark.parametrize("table", TABLES)
def test_each_file_can_be_planned_with_the_digits(
    table: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["plan", str(file_of(table)), *DIGITS, "--results", str(tmp_path / "none")]
    assert main(arguments) == ExitCode.DONE
    assert f"{len(planned(table))} trials: " in capsys.readouterr().out


@pytest.mark.slow
def test_two_tables_in_one_folder_run_what_they_share_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = tmp_path / "results"
    for table in (4, 8):
        arguments = ["run", str(file_of(table)), *DIGITS, "--inline", "--results", str(results)]
        assert main(arguments) == ExitCode.DONE
    capsys.readouterr()
    with Ledger.open(results) as ledger:
        done = {name: ledger.outcomes(name) for name in ("table4", "table8")}
        assert {name: set(found.values()) for name, found in done.items()} == {
            "table4": {"done"},
            "table8": {"done"},
        }
        ids = {name: set(found) for name, found in done.items()}
        assert [len(found) for found in ids.values()] == [15, 15]
        assert len(ids["table4"] & ids["table8"]) == 3
        assert all(len(ledger.attempts(trial)) == 1 for trial in set.union(*ids.values()))
        assert [ledger.repeated_epochs(name) for name in ids] == [0, 0]
    for name, words in (("table4", "without_entropy"), ("table8", "tau = 0.4")):
        report = (results / name / "report.html").read_text()
        assert "15 of 15 planned trials are done." in report
        assert words in report
