"""The search spaces that plan the paper's tables and figures."""

from __future__ import annotations

from pathlib import Path

import pytest

from lps_sweep.config import Value, flat
from lps_sweep.plan import PlannedTrial, expand, read_space
from lps_sweep.report.reference import PAPER_NAMES
from lps_sweep.results.paper import (
    ABLATION_ARMS,
    PAPER_RUNS,
    PaperNumber,
    paper_numbers,
    same_setting,
)
from lps_sweep.sweep.planned import trial_record
from tests.plan.space_cases import no_content

FOLDER = Path(__file__).parents[2] / "search_spaces" / "paper"
TABLES = range(1, 10)
FIGURES = (2, 4, 5, 6)
NAMES = [f"table{n}" for n in TABLES] + [f"figure{n}" for n in FIGURES]
ARMS = {name: len(read_space(FOLDER / f"{name}.yaml").arms) for name in ("table1", "table3")}
OPEN = 3
"""Methods of Tables 2 and 9 and of the figures: LPS, ORCA, NACH."""
NUM_TRIALS = dict(
    zip(
        NAMES,
        [
            *(6 * ARMS["table1"], 6 * OPEN, 3 * ARMS["table3"]),
            *(15, 27, 15, 15, 15),
            *(3 * OPEN, 3 * OPEN, 3 * OPEN, 3 * OPEN),
            3 * (1 + 4 + 3) * OPEN,
        ],
        strict=True,
    )
)
DATASETS = ("cifar10", "cifar100", "imagenet100")
NUM_DISTINCT = (
    (6 * ARMS["table1"] + 3 * ARMS["table3"])
    + (12 + 24 + 12 + 12 + 12)
    + (3 + 12 + 6) * OPEN  # Table 9, and of Figure 6 what Table 1 has not
)
"""Table by table and figure by figure what the earlier ones do not have."""
DEFAULTS = {"eta1": 1.0, "eta2": 1.0, "lambda_novel_end": 0.8, "C": 10.0, "tau": 0.4}
Row = tuple[str, float, bool, str, Value]
"""Method, labeled ratio, frozen or not, the varied parameter and its value."""


def file_of(table: int) -> Path:
    return FOLDER / f"table{table}.yaml"


def planned(table: int, preset: str = "") -> tuple[PlannedTrial, ...]:
    return trials_of(f"table{table}", preset)


def trials_of(name: str, preset: str = "") -> tuple[PlannedTrial, ...]:
    return expand(read_space(FOLDER / f"{name}.yaml", preset=preset), no_content)


def row_of_paper(number: PaperNumber) -> Row:
    return number.method, number.labeled_ratio, number.frozen, number.parameter, number.value


def rows_of_plan(trial: PlannedTrial) -> set[Row]:
    """The rows that a trial is of: the default is one of each varied parameter."""
    values = flat(trial.config)
    method = PAPER_NAMES[str(values["method"])]
    setting = (method, float(str(values["labeled_ratio"])), values["frozen_through"] == "stage3")
    swept = {name: v for name, v in trial.swept.items() if name != "labeled_ratio"}
    if swept.get("arm") in PAPER_NAMES:
        del swept["arm"]
    if not swept:
        return {(*setting, "", "")}
    away = [name for name, value in swept.items() if value != DEFAULTS.get(name, value)]
    return {(*setting, name, value) for name, value in swept.items() if away in ([], [name])}


def test_there_is_one_file_for_each_table_and_each_figure() -> None:
    assert sorted(path.stem for path in FOLDER.glob("*.yaml")) == sorted(NAMES)
    for name in NAMES:
        assert read_space(FOLDER / f"{name}.yaml").name == name
        assert len(trials_of(name, "digits")) == NUM_TRIALS[name]


@pytest.mark.parametrize("dataset", DATASETS)
@pytest.mark.parametrize("table", TABLES)
def test_what_is_planned_is_the_papers_table(table: int, dataset: str) -> None:
    arms = read_space(file_of(table)).variants
    known = {PAPER_NAMES[arm.method] for arm in arms}
    paper = [n for n in paper_numbers() if n.table == table and n.method in known]
    if dataset not in {n.dataset for n in paper}:
        assert (dataset == "imagenet100" and table != 1) or (table, dataset) == (5, "cifar10")
        return
    trials = planned(table, dataset)
    assert {t.config.data.dataset for t in trials} == {dataset}
    assert set().union(*map(rows_of_plan, trials)) == {
        row_of_paper(n) for n in paper if n.dataset == dataset
    }


@pytest.mark.parametrize("dataset", DATASETS)
@pytest.mark.parametrize("name", NAMES)
def test_each_configuration_has_the_papers_setting_and_its_number_of_runs(
    name: str, dataset: str
) -> None:
    trials = trials_of(name, dataset)
    assert {t.config.data.dataset for t in trials} == {dataset}
    in_paper = dataset != "imagenet100" or name not in ("table3", "table9")
    for trial in trials:
        record = trial_record(trial)
        away = [n for n, value in record.swept.items() if value != DEFAULTS.get(n, value)]
        if (arm := str(record.swept.get("arm"))) in ABLATION_ARMS:
            away = [ABLATION_ARMS[arm][0]]
        settings = record.config | (
            {"novel_classes": 0, "labeled_ratio": 0.5} if name == "figure6" else {}
        )
        assert same_setting(settings, varied=away[0] if away else "")[0] == in_paper
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


@pytest.mark.parametrize("dataset", DATASETS)
def test_the_files_share_their_default_configuration(dataset: str) -> None:
    ids = {name: {t.trial_id for t in trials_of(name, dataset)} for name in NAMES}
    assert {name: len(found) for name, found in ids.items()} == NUM_TRIALS
    assert ids["table2"] <= ids["table1"]
    alone = ("table3", "table9")
    assert len(set.intersection(*(ids[name] for name in NAMES if name not in alone))) == PAPER_RUNS
    assert ids["figure2"] == ids["figure4"] == ids["figure5"]
    assert len(ids["figure6"] & ids["table1"]) == 2 * PAPER_RUNS * OPEN
    assert len(set().union(*ids.values())) == NUM_DISTINCT


def test_figure_6_leaves_out_classes_and_labels_around_the_default() -> None:
    values = [(t.swept["novel_classes"], t.swept["labeled_ratio"]) for t in trials_of("figure6")]
    assert {trial.swept["arm"] for trial in trials_of("figure6")} == {"lps", "orca", "nach"}
    assert list(dict.fromkeys(values)) == [
        *((0, 0.5), (0.2, 0.5), (0.4, 0.5), (0.6, 0.5), (0.8, 0.5)),
        *((0, 0.1), (0, 0.3), (0, 0.7)),
    ]
