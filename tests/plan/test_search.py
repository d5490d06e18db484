from __future__ import annotations

import re

import pytest

from lps_sweep.config import Value, flat
from lps_sweep.errors import BadInputError
from lps_sweep.plan import (
    Asked,
    defaults,
    expand,
    expand_asked,
    points,
    unsearched,
    varied,
)
from lps_sweep.sweep.stopping import needed_metrics
from tests.known import known
from tests.plan.space_cases import check_refused, no_content, space_of

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


def test_a_search_is_read() -> None:
    space = space_of(SPACE)
    search = known(space.search)
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
    assert len(expand(space, no_content)) == 2, "its only cell, nothing searched, at both seeds"


def test_what_was_asked_for_becomes_trials() -> None:
    space = space_of(SPACE)
    asked: list[dict[str, Value]] = [
        {"C": 3.0, "lambda_novel_shape": "linear", "lambda_novel_start": 0.3, "batch_size": 64},
        {"C": 4.0, "lambda_novel_shape": "constant", "batch_size": 96},
    ]
    trials = expand_asked(space, [Asked(0, point) for point in asked], no_content)
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
        ("oracle.acc_all", "[]", 5, "list"),
        ("  objective: oracle.acc_all\n", "", 4, "objective"),
        ("sampler: tpe", "sampler: tpa", 6, "'tpe'"),
        ("sampler: tpe", "sampler: cmaes", 6, "tpe"),
        ("sampler: tpe", "sampling: tpe", 6, "'sampler'"),
        ("configurations: 12", "configurations: 0", 7, ">= 1"),
        ("C: {low", "c: {low", 10, "'C'"),
        ("low: 0.5, ", "", 10, "low and high"),
        ("low: 0.5", "low: 40", 10, "below high"),
        ("low: 0.5", "low: 0", 10, "above 0"),
        ("low: 0.5", "low: -1", 10, ">= 0"),
        ("log: true", "log: true, when: {arm: lps}", 10, "no arms"),
        ("log: true", "log: 1", 10, "true or false"),
        ("log: true", "logg: true", 10, "'log'"),
        ("log: true}", "choices: [1, 2]}", 10, "choices and"),
        ("[constant, linear]", "[constant]", 11, "two or more"),
        ("[constant, linear]", "[constant, constant]", 11, "twice"),
        ("when: {lambda_novel_shape: linear}", "when: {C: 1}", 12, "'C'"),
        ("shape: linear}", "shape: cosine}", 12, "cosine"),
        ("{choices: [constant, linear]}", "{low: 0, high: 1}", 11, "choices"),
        ("low: 64, high: 128", "low: 64.5, high: 128", 13, "whole number"),
        ("seeds: [0, 1]", "seeds: [0]\none_at_a_time: {C: [2]}", 11, "one_at_a_time"),
        ("seeds: [0, 1]", "seeds: [0]\narms: {a: {C: 2}}", 4, "'a'"),
        ("seeds: [0, 1]", "seeds: [0]\narms: {b: {}, a: {method: orca}}", 11, "'C'"),
        ("seeds: [0, 1]", "seeds: [0]\nset: {C: 5}", 4, "C"),
        ("seeds: [0, 1]", f"seeds: [0]\ngrid: {{split_seed: {[*range(1001)]}}}", 5, "1001"),
    ],
)
def test_a_wrong_search_is_refused(old: str, new: str, line: int, words: str) -> None:
    assert SPACE.count(old) == 1
    check_refused(SPACE.replace(old, new), line, words)


def test_gp_refuses_whole_numbers_that_it_cannot_list() -> None:
    wide = "    split_seed: {low: 5, high: 4294967295}\n"
    text = SPACE.replace("  domains:\n", f"  domains:\n{wide}")
    of_gp = text.replace("sampler: tpe", "sampler: gp")
    check_refused(of_gp, 6, "5 to 4294967295")
    for right in (text, of_gp.replace("4294967295", "1000005")):
        assert space_of(right).search


LISTS = "seen_classes: {choices: [[0, 1], [2, 3], 3, 4]}, concat_views: {choices: [true, false]}"


@pytest.mark.parametrize(
    ("when", "means"),
    [
        ("seen_classes: 3", {"seen_classes": (3,)}),
        ("split.seen_classes: [3, 4]", {"seen_classes": (3, 4)}),
        ("seen_classes: [0, 1]", {"seen_classes": ((0, 1),)}),
        ("seen_classes: [[0, 1]]", {"seen_classes": ((0, 1),)}),
        ("seen_classes: [[2, 3], 4]", {"seen_classes": ((2, 3), 4)}),
        ("concat_views: false", {"concat_views": (False,)}),
        ("seen_classes: [1, 0]", "[[0, 1], [2, 3], 3, 4]"),
        ("seen_classes: [[0, 1], [5]]", "[5]"),
        ("seen_classes: []", "list of whole numbers"),
        ("seen: 3", "'seen'"),
    ],
)
def test_a_condition_on_any_kind_of_value(
    when: str, means: dict[str, tuple[Value, ...]] | str
) -> None:
    domains = f"{{{LISTS}, C: {{low: 1, high: 2, when: {{{when}}}}}}}"
    text = SPACE.partition("  domains:")[0] + f"  domains: {domains}\n"
    if isinstance(means, str):
        with pytest.raises(BadInputError, match=re.escape(means)):
            space_of(text)
        return
    assert known(space_of(text).search).domains[-1].when == means


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


def test_each_cell_of_the_other_blocks_has_a_search_of_its_own() -> None:
    space = space_of(PRODUCT)
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
    last, first = expand_asked(space, [Asked(5, point), Asked(0, point)], no_content)
    assert last.swept == {"arm": "orca", "labeled_ratio": 0.5, **point}
    assert (last.config.method.name, first.config.method.name) == ("orca", "lps")
    assert last.config.head.head_scale == first.config.head.head_scale == 7.0
    assert first.config.split.labeled_ratio == 0.1


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
def test_an_objective_on_held_out_images_needs_them_in_every_cell(extra: str, right: bool) -> None:
    text = SPACE.replace("oracle.acc_all", "acc_holdout").replace("seeds:", f"{extra}\nseeds:")
    if right:
        assert space_of(text).search
        return
    with pytest.raises(BadInputError, match="labeled_holdout"):
        space_of(text)


@pytest.mark.parametrize("size", [0, 500])
def test_an_objective_of_the_subset_of_images_needs_one(size: int) -> None:
    text = SPACE.replace("seeds:", f"set: {{rule_images: {size}}}\nseeds:")
    assert space_of(text.replace("oracle.acc_all", "balance")).search
    text = text.replace("oracle.acc_all", "silhouette")
    if size:
        assert space_of(text).search
        return
    with pytest.raises(BadInputError, match="rule_images"):
        space_of(text)


def test_an_objective_of_the_last_epoch_is_not_needed_before() -> None:
    several = SPACE.replace("oracle.acc_all", "[view_agreement, silhouette]")
    assert needed_metrics(space_of(several)) == ("silhouette",)


OF_ARMS = """\
name: methods
preset: digits
seeds: [0]
arms:
  lps: {}
  orca: {method: orca}
  kmeans: {method: simclr_kmeans}
optuna:
  objective: oracle.acc_all
  configurations: 4
  domains:
    lr: {low: 0.01, high: 0.5, log: true, when: {arm: [lps, orca]}}
    C: {low: 1, high: 20, when: {arm: lps}}
    margin_scale: {low: 1, high: 20, when: {arm: orca}}
    w_pairwise: {choices: [0, 1], when: {arm: [orca]}}
    max_uncertainty: {low: 0.1, high: 0.9, when: {arm: orca, w_pairwise: 1}}
"""


def test_an_arm_searches_what_names_it_by_the_names_of_its_method() -> None:
    space = space_of(OF_ARMS)
    lps, orca, kmeans = points(space)
    assert unsearched(space, lps) == {"lr": 0.1, "C": 10.0}
    of_orca = {"lr": 0.1, "margin_scale": 10.0, "w_pairwise": 1.0, "max_uncertainty": 0.5}
    assert unsearched(space, orca) == of_orca
    assert unsearched(space, kmeans) == {}
    assert (space.num_cells, space.num_trials) == (3, 12), "as many configurations for each arm"
    assert space.domains_of(orca.arm)[-1].when == {"w_pairwise": (1.0,)}
    others = dict.fromkeys(("margin_scale", "w_pairwise", "max_uncertainty"))
    assert defaults(space) == {"arm": "lps", "lr": 0.1, "C": 10.0, **others}
    assert {one.name: one.default for one in varied(space)} == {**of_orca, "C": 10.0}

    (trial,) = expand_asked(space, [Asked(1, {"lr": 0.2, "margin_scale": 3.0})], no_content)
    values = flat(trial.config)
    assert (values["method"], values["lr"], values["margin_scale"]) == ("orca", 0.2, 3.0)
    assert trial.swept == {
        **{"arm": "orca", "lr": 0.2, "margin_scale": 3.0},
        **{"C": None, "w_pairwise": None, "max_uncertainty": None},
    }
    facts = {one["name"]: one["when"] for one in known(space.search).facts()["domains"]}
    assert facts["max_uncertainty"] == {"arm": ["orca"], "w_pairwise": [1.0]}
    shown = {one.name: one.when for one in varied(space)}
    assert shown["margin_scale"] == {"arm": ("orca",)}


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("when: {arm: lps}", "when: {arm: lpS}", 13, "did you mean 'lps'"),
        ("[lps, orca]", "[lps, lps]", 12, "twice"),
        ("[lps, orca]", "[]", 12, "name of an arm"),
        ("when: {arm: lps}", "when: {arm: [lps, orca]}", 13, "'orca' has no 'C'"),
        ("high: 20, when: {arm: lps}", "high: 20", 13, "has no 'C'"),
        ("margin_scale: {low", "margin_scal: {low", 14, "'margin_scale'"),
        ("lps: {}", "lps: {C: 3}", 5, "given twice"),
        ("orca: {method: orca}", "orca: {method: orca, margin_scale: 3}", 6, "given twice"),
        ("seeds: [0]", "seeds: [0]\nset: {lr: 0.1}", 4, "lr is swept too"),
        ("arm: orca, w_pairwise: 1", "arm: lps, w_pairwise: 1", 16, "max_uncertainty"),
        ("arm: [orca]", "arm: [lps]", 15, "w_pairwise"),
    ],
)
def test_wrong_conditions_on_arms_are_refused(old: str, new: str, line: int, words: str) -> None:
    assert OF_ARMS.count(old) == 1
    check_refused(OF_ARMS.replace(old, new), line, words)
