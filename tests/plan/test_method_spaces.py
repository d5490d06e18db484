"""The search spaces that compare all methods, as they are and tuned."""

from __future__ import annotations

from pathlib import Path

import pytest

from lps_sweep.config import METHODS, config_class, field_table
from lps_sweep.plan import SearchSpace, points, read_space, unsearched
from lps_sweep.report.reference import PAPER_NAMES
from lps_sweep.results.paper import paper_numbers

FOLDER = Path(__file__).parents[2] / "search_spaces"


def space(name: str) -> SearchSpace:
    return read_space(FOLDER / f"{name}.yaml")


@pytest.mark.parametrize("name", ["methods", "optuna_methods"])
def test_every_method_is_an_arm_of_its_name_and_sets_nothing(name: str) -> None:
    arms = space(name).arms
    assert arms[0].name == "lps"
    assert {arm.name: arm.method for arm in arms} == {method: method for method in METHODS}
    assert not any(arm.values for arm in arms)


@pytest.mark.parametrize("table", [1, 2, 3, 9])
def test_the_paper_s_tables_of_methods_are_whole(table: int) -> None:
    wanted = {number.method for number in paper_numbers() if number.table == table}
    assert {PAPER_NAMES[arm.method] for arm in space(f"paper/table{table}").arms} == wanted


def test_each_method_is_tuned_over_as_many_parameters_from_its_published_values_on() -> None:
    tuned = space("optuna_methods")
    for cell in points(tuned):
        method, domains = cell.arm.method, tuned.domains_of(cell.arm)
        trains = getattr(config_class(method), "trains", True)
        names, table = tuned.names_for(cell.arm), field_table(method)
        sections = [table[names[domain.name]].section for domain in domains]
        assert sections == (["schedule", "method", "method"] if trains else []), method
        defaults = unsearched(tuned, cell)
        assert all(domain.holds(defaults[domain.name]) for domain in domains), method
