"""What makes machine noise is set where it belongs, and nowhere else."""

from __future__ import annotations

import pytest

from lps_sweep.config import NOISE, field_table, flat
from lps_sweep.errors import BadInputError
from lps_sweep.plan import expand
from tests.plan.space_cases import check_refused, no_content, space_of

SPACE = """\
name: {name}
preset: digits
arms:
  default: {{}}
  draw_1: {{perturbation: 1}}
  draw_2: {{perturbation: 2}}
  threads_2: {{threads: 2}}
  threads_3: {{loop.threads: 3}}
seeds: [0, 1]
"""
GRID = "name: a_noise\npreset: digits\nseeds: [0]\n"
SEARCH = """\
optuna:
  objective: oracle.acc_all
  domains:
    perturbation: {low: 1, high: 9}
"""


def test_each_draw_and_number_of_threads_is_a_trial_of_its_own() -> None:
    trials = expand(space_of(SPACE.format(name="a_noise")), no_content)
    assert len({trial.trial_id for trial in trials}) == 10
    plain = expand(space_of("name: a\npreset: digits\nseeds: [0, 1]\n"), no_content)
    assert [t.trial_id for t in trials[:2]] == [t.trial_id for t in plain]
    packs = {trial.swept["arm"]: trial.pack_key for trial in trials if trial.seed == 0}
    assert len({packs[arm] for arm in ("default", "draw_1", "draw_2")}) == 1
    assert len({packs[arm] for arm in ("default", "threads_2", "threads_3")}) == 3
    assert len({trial.trunk for trial in trials}) == 1


def test_a_configuration_names_them_only_where_they_are_set() -> None:
    space = space_of(SPACE.format(name="a_noise"))
    found = [flat(space.config_of(arm)) for arm in space.arms]
    names = [name for name, info in field_table("lps").items() if info.param.beside == NOISE]
    assert sorted(names) == ["perturbation", "threads"]
    given = [{n: one[n] for n in names if n in one} for one in found]
    drawn, threaded = [{"perturbation": n} for n in (1, 2)], [{"threads": n} for n in (2, 3)]
    assert given == [{}, *drawn, *threaded]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (SPACE.format(name="noisy"), 5),
        (SPACE.format(name="a_noise_"), 5),
        (f"{GRID}set: {{perturbation: 1}}\n", 4),
        (f"{GRID}set: {{threads: 0}}\n", 4),
        (f"{GRID}grid: {{perturbation: [1, 2]}}\n", 4),
        (f"{GRID}one_at_a_time: {{loop.threads: [1, 2]}}\n", 4),
        (f"{GRID}zip: {{C: [1, 2], threads: [1, 2]}}\n", 4),
        (GRID + SEARCH, 7),
    ],
)
def test_elsewhere_they_are_refused(text: str, line: int) -> None:
    check_refused(text, line, "lps_sweep noise")


def test_on_the_command_line_they_are_refused() -> None:
    with pytest.raises(BadInputError, match="perturbation"):
        space_of("name: a_noise\nseeds: [0]\n", "perturbation=1")
