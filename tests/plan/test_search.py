from __future__ import annotations

from pathlib import Path

import pytest

from lps_sweep.config import Config, Value
from lps_sweep.errors import BadInputError
from lps_sweep.plan import Asked, Content, expand, expand_asked, points, read_space, unsearched

SPACE = """\
name: search
preset: digits
seeds: [0, 1]
optuna:
  objective: oracle.acc_all
  sampler: tpe
  configurations: 12
  together: 3
  domains:
    C: {low: 0.5, high: 30, log: true}
    lambda_novel_shape: {choices: [constant, linear]}
    lambda_novel_start: {low: 0.2, high: 0.6, when: {lambda_novel_shape: linear}}
    batch_size: {low: 64, high: 128}
"""


def content(config: Config) -> Content:
    return Content("data", f"split {config.split}")


def write(folder: Path, text: str) -> Path:
    path = folder / "space.yaml"
    path.write_text(text)
    return path


def test_a_search_is_read(tmp_path: Path) -> None:
    space = read_space(write(tmp_path, SPACE))
    search = space.search
    assert search is not None
    assert (search.sampler, search.configurations, search.together) == ("tpe", 12, 3)
    assert search.objectives == ("oracle.acc_all",)
    kinds = {domain.name: domain.kind for domain in search.domains}
    assert kinds == {
        "C": "float",
        "lambda_novel_shape": "choice",
        "lambda_novel_start": "float",
        "batch_size": "int",
    }
    assert search.domains[2].when == {"lambda_novel_shape": ("linear",)}
    assert (space.num_trials, space.num_cells) == (24, 1)
    assert len(expand(space, content)) == 2, "its only cell, nothing searched, at both seeds"


def test_what_was_asked_for_becomes_trials(tmp_path: Path) -> None:
    space = read_space(write(tmp_path, SPACE))
    asked: list[dict[str, Value]] = [
        {"C": 3.0, "lambda_novel_shape": "linear", "lambda_novel_start": 0.3, "batch_size": 64},
        {"C": 4.0, "lambda_novel_shape": "constant", "batch_size": 96},
    ]
    trials = expand_asked(space, [Asked(0, point) for point in asked], content)
    assert [trial.seed for trial in trials] == [0, 1, 0, 1]
    assert trials[0].swept == asked[0]
    assert trials[2].swept == {**asked[1], "lambda_novel_start": None}
    assert trials[2].config.loop.batch_size == 96
    assert len({trial.trial_id for trial in trials}) == 4


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("oracle.acc_all", "acc_all", 5, "oracle.acc_all"),
        ("oracle.acc_all", "[oracle.acc_all, oracle.acc_all]", 5, "twice"),
        ("oracle.acc_all", "[]", 5, "something to maximise"),
        ("oracle.acc_all", "acc_holdout", 4, "labeled_holdout"),
        ("  objective: oracle.acc_all\n", "", 4, "objective"),
        ("sampler: tpe", "sampler: tpa", 6, "'tpe'"),
        ("sampler: tpe", "sampler: cmaes", 6, "tpe for choices"),
        ("sampler: tpe", "sampling: tpe", 6, "'sampler'"),
        ("configurations: 12", "configurations: 0", 7, ">= 1"),
        ("configurations: 12", "configurations: many", 7, "whole number"),
        ("C: {low", "c: {low", 10, "did you mean 'C'"),
        ("low: 0.5, ", "", 10, "low and high"),
        ("low: 0.5", "low: 40", 10, "below high"),
        ("low: 0.5", "low: 0", 10, "above 0 with log"),
        ("low: 0.5", "low: -1", 10, ">= 0"),
        ("log: true", "log: 1", 10, "true or false"),
        ("log: true", "logg: true", 10, "'log'"),
        ("log: true}", "choices: [1, 2]}", 10, "give one"),
        ("[constant, linear]", "[constant]", 11, "two or more"),
        ("[constant, linear]", "[constant, constant]", 11, "twice"),
        ("[constant, linear]", "[constant, sawtooth]", 11, "sawtooth"),
        ("when: {lambda_novel_shape: linear}", "when: {tau: 1}", 12, "comes before it"),
        ("when: {lambda_novel_shape: linear}", "when: {C: 1}", 12, "comes before it"),
        ("shape: linear}", "shape: cosine}", 12, "no choice"),
        ("{choices: [constant, linear]}", "{low: 0, high: 1}", 11, "no number"),
        ("low: 64, high: 128", "low: 64.5, high: 128", 13, "whole number"),
        ("seeds: [0, 1]", "seeds: [0]\ngrid: {C: [2]}", 11, "given twice, in optuna and, at"),
        ("seeds: [0, 1]", "seeds: [0]\none_at_a_time: {C: [2]}", 11, "and, at"),
        ("seeds: [0, 1]", "seeds: [0]\narms: {a: {C: 2}}", 4, "given twice, in the arm 'a'"),
        ("seeds: [0, 1]", "seeds: [0]\narms: {b: {}, a: {method: orca}}", 11, "has no 'C'"),
        ("seeds: [0, 1]", "seeds: [0]\nset: {C: 5}", 4, "C is swept too, at"),
        ("seeds: [0, 1]", f"seeds: [0]\ngrid: {{split_seed: {[*range(1001)]}}}", 5, "1001 cells"),
    ],
)
def test_a_wrong_search_is_refused(
    tmp_path: Path, old: str, new: str, line: int, words: str
) -> None:
    assert SPACE.count(old) == 1
    with pytest.raises(BadInputError) as refusal:
        read_space(write(tmp_path, SPACE.replace(old, new)))
    assert f"space.yaml:{line}" in str(refusal.value)
    assert words in str(refusal.value)


PRODUCT = """\
name: product
preset: digits
seeds: [0]
arms: {lps: {}, slow: {lr: 0.01}, orca: {method: orca}}
grid: {labeled_ratio: [0.1, 0.5]}
optuna:
  objective: oracle.acc_all
  configurations: 5
  domains:
    head_scale: {low: 5, high: 20}
    weight_decay: {choices: [0, 0.0005]}
"""


def test_each_cell_of_the_other_blocks_has_a_search_of_its_own(tmp_path: Path) -> None:
    space = read_space(write(tmp_path, PRODUCT))
    assert (space.num_cells, space.num_trials) == (6, 30)
    assert space.size_text() == "3 arms x 2 labeled_ratio x 5 configurations x 1 seeds"
    cells = [*points(space)]
    assert [cell.swept for cell in cells] == [
        {"arm": arm, "labeled_ratio": ratio}
        for arm in ("lps", "slow", "orca")
        for ratio in (0.1, 0.5)
    ]
    assert unsearched(space, cells[0]) == {"head_scale": 10.0, "weight_decay": 5e-4}
    point: dict[str, Value] = {"head_scale": 7.0, "weight_decay": 0.0}
    last, first = expand_asked(space, [Asked(5, point), Asked(0, point)], content)
    assert last.swept == {"arm": "orca", "labeled_ratio": 0.5, **point}
    assert (last.config.method.name, first.config.method.name) == ("orca", "lps")
    assert last.config.head.head_scale == first.config.head.head_scale == 7.0
    assert first.config.split.labeled_ratio == 0.1


def test_what_an_arm_sets_is_its_default_of_a_search_beside_it(tmp_path: Path) -> None:
    text = PRODUCT.replace("slow: {lr: 0.01}", "slow: {tau: 0.2}").replace("orca: {", "x: {C: 2, ")
    text = text.replace(", method: orca", "").replace("grid", "one_at_a_time")
    cells = [*points(space := read_space(write(tmp_path, text)))]
    assert space.num_cells == 3 * 2
    assert all(unsearched(space, cell)["head_scale"] == 10.0 for cell in cells)


@pytest.mark.parametrize(
    ("extra", "right"),
    [
        ("set: {labeled_holdout: 0.2}", True),
        ("grid: {labeled_holdout: [0.1, 0.2]}", True),
        ("grid: {labeled_holdout: [0, 0.2]}", False),
        ("arms: {a: {labeled_holdout: 0.2}}", True),
        ("arms: {a: {labeled_holdout: 0.2}, b: {}}", False),
    ],
)
def test_an_objective_on_held_out_images_needs_them_in_every_cell(
    tmp_path: Path, extra: str, right: bool
) -> None:
    text = SPACE.replace("oracle.acc_all", "acc_holdout").replace("seeds:", f"{extra}\nseeds:")
    file = write(tmp_path, text)
    if right:
        assert read_space(file).search
        return
    with pytest.raises(BadInputError, match="acc_holdout needs labeled images"):
        read_space(file)


@pytest.mark.parametrize("margin", ["0", "-1", "true", "half", "[1]", "101", ".nan"])
def test_a_wrong_margin_is_refused(tmp_path: Path, margin: str) -> None:
    with pytest.raises(BadInputError, match=r"space\.yaml:3: margin_points must be a number"):
        read_space(write(tmp_path, f"name: a\nseeds: [0]\nmargin_points: {margin}\n"))


def test_a_margin_is_read(tmp_path: Path) -> None:
    text = "name: a\npreset: digits\nseeds: [0]\nmargin_points: 1\n"
    assert read_space(write(tmp_path, text)).margin == 1.0
