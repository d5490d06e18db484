"""The rule pseudo_novel on made sweeps where the right choice is known."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from lps_sweep.errors import BadInputError
from lps_sweep.report.build import build_report
from lps_sweep.report.pages.selection import sections
from lps_sweep.results import Json, Ledger, load_view
from lps_sweep.results.candidates import candidates
from lps_sweep.results.confirmed import is_beside
from lps_sweep.results.labels import is_oracle
from lps_sweep.results.selection import FIXED, Candidates, choose, find_rule, rules_of
from lps_sweep.sweep.confirmation import confirmation_text, selected
from lps_sweep.sweep.selecting import selection_text
from tests.report.report_cases import make_ledger, record
from tests.sweep.test_confirmation import settings

LEVELS = [1.0, 10.0, 30.0]
SEEDS = range(6)
FOLDS = ["1/2", "2/2"]
ON_FOLDS = {1.0: 60.0, 10.0: 70.0, 30.0: 80.0}
"""Mean score of each level; hidden accuracy falls with C, so that no other rule says the same."""


def on_folds(point: Sequence[Any], seed: int) -> dict[str, float]:
    level, fold = point
    apart = 5.0 if fold == "1/2" else -5.0
    return {"acc_seen": 90.0, "acc_all": 50.0, "acc_fold": ON_FOLDS[level] + apart + seed / 10}


def made(
    folder: Path,
    fates: dict[tuple[Any, ...], str] | None = None,
    folds: bool = True,
    **changes: Json,
) -> Path:
    """A sweep over C and the sweep of its folds, of which some trainings may have other fates."""

    def finals(point: Sequence[Any], seed: int) -> dict[str, float]:
        return {"acc_seen": 90.0, "acc_all": 90.0 - point[0] + seed}

    make_ledger(folder, record({"C": LEVELS}, SEEDS, settings=settings(), name="c"), finals=finals)
    if folds:
        known = {**settings(), "hidden_fold": "", **changes}
        beside = record({"C": LEVELS, "hidden_fold": FOLDS}, SEEDS, settings=known, name="c_folds")
        make_ledger(folder, beside, fates, finals=on_folds, ids_begin="f")
    return folder


def found_in(folder: Path) -> Candidates:
    return candidates(load_view(folder, "c"))


def test_it_is_the_mean_over_the_folds_of_the_same_values_and_seed(tmp_path: Path) -> None:
    found = found_in(made(tmp_path))
    rule = find_rule("pseudo_novel", found)
    expected = [[ON_FOLDS[level] + seed / 10 for seed in SEEDS] for level in LEVELS]
    np.testing.assert_allclose(found.values(rule, SEEDS), expected)
    assert choose(rule, found, SEEDS) == 2
    assert not rule.hidden
    assert not is_oracle("acc_fold")
    assert choose(FIXED["oracle.acc_all"], found, SEEDS) == 0
    assert found.missing == {}


def test_it_acts_where_rules_act(tmp_path: Path) -> None:
    folder = made(tmp_path)
    best = selected(load_view(folder, "c"), "pseudo_novel")["selected"]
    assert (best.config["C"], best.num_compared, best.refusal) == (30, 3, "")
    assert yaml.safe_load(selection_text(folder, "c", "pseudo_novel"))["set"]["C"] == 30
    confirmed = yaml.safe_load(confirmation_text(folder, "c", "pseudo_novel", 2))
    assert confirmed["arms"]["selected"] == {"C": 30}
    assert "hidden_fold" not in str(confirmed)
    (section,) = sections(load_view(folder, "c"))
    rows = {row[0] for table in section.tables for row in table.rows}
    assert "pseudo_novel" in rows
    report = build_report(folder, "c")
    before = report.read_bytes()
    with Ledger.open(folder, write=True) as ledger:
        kept = ledger.record("c_folds")
        ledger.record_plan(kept, [])
    assert build_report(folder, "c").read_bytes() != before


def test_without_folds_it_says_what_to_write(tmp_path: Path) -> None:
    found = found_in(made(tmp_path, folds=False))
    assert "pseudo_novel" not in rules_of(found)
    with pytest.raises(BadInputError, match=r"pseudo_novel.*selection: \{pseudo_novel"):
        find_rule("pseudo_novel", found)


def test_a_trial_with_a_fold_that_is_not_done_has_no_number(tmp_path: Path) -> None:
    fates = {(level, "2/2", seed): "not_run" for level in LEVELS[1:] for seed in SEEDS[:-1]}
    fates[1.0, "1/2", 0] = "failed"
    folder = made(tmp_path, fates)
    found = found_in(folder)
    told = "7 of 18 done trials have all their folds done: of 36 planned trainings on folds 25 are"
    assert found.missing["pseudo_novel"].startswith(told)
    with pytest.raises(BadInputError, match="7 of 18"):
        find_rule("pseudo_novel", found)
    blocks = [block for section in sections(load_view(folder, "c")) for block in section.blocks]
    assert not blocks or told in str(blocks[0])


def test_trainings_of_other_values_are_no_folds_of_a_trial(tmp_path: Path) -> None:
    assert "pseudo_novel" not in rules_of(found_in(made(tmp_path / "other", epochs=3)))
    later = made(tmp_path / "later", nesterov=False)
    assert "pseudo_novel" in rules_of(found_in(later)), (
        "a value that one record has, at its default"
    )


def test_a_sweep_of_folds_is_nothing_to_select_from(tmp_path: Path) -> None:
    view = load_view(made(tmp_path), "c_folds")
    assert is_beside(view)
    assert sections(view) == []
    with pytest.raises(BadInputError, match="c_folds"):
        selected(view, "oracle.acc_all")
    assert build_report(tmp_path, "c_folds").exists()
