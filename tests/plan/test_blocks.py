from __future__ import annotations

import pytest

from lps_sweep.config import flat
from lps_sweep.errors import BadInputError
from lps_sweep.plan import SearchSpace, axes, default_config, defaults, expand
from lps_sweep.plan.points import points
from tests.plan.space_cases import no_content, space_of

HEAD = "name: s\npreset: digits\n"
ARMS = "arms:\n  full: {}\n  without_margin: {C: 0}\n  soft: {tau: 0.6, eta1: 2}\n"
ZIP = "zip:\n  C: [1, 5, 1]\n  tau: [0.2, 0.2, 0.3]\n"
SINGLE = "one_at_a_time:\n  eta2: [0.6, 1.4]\n  w_entropy: [2, 1]\n"
ALL = (
    HEAD
    + "arms: {full: {}, without_margin: {C: 0}}\n"
    + "grid: {epochs: [1, 2]}\n"
    + "zip: {tau: [0.2, 0.3], eta1: [1, 2]}\n"
    + SINGLE
    + "seeds: [4, 3]\n"
)


def of(blocks: str, seeds: str = "[0]") -> SearchSpace:
    return space_of(f"{HEAD}{blocks}seeds: {seeds}\n")


def swept(space: SearchSpace) -> list[tuple[object, ...]]:
    return [tuple(point.swept.values()) for point in points(space)]


def test_one_at_a_time_is_the_default_once_and_each_other_value_alone() -> None:
    space = of(SINGLE, "[0, 1]")
    trials = expand(space, no_content)
    assert swept(space) == [(1, 1), (0.6, 1), (1.4, 1), (1, 2)]
    assert [t.seed for t in trials] == [0, 1] * 4
    assert [list(t.swept) for t in trials] == [["eta2", "w_entropy"]] * 8
    assert trials[0].config == default_config(space)
    assert all(flat(t.config)[n] == v for t in trials for n, v in t.swept.items())


def test_the_axes_of_one_at_a_time_have_the_default_in_its_place() -> None:
    space = of(SINGLE)
    assert axes(space) == {"eta2": [0.6, 1.0, 1.4], "w_entropy": [2.0, 1.0]}
    assert defaults(space) == {"eta2": 1.0, "w_entropy": 1.0}
    words = of("one_at_a_time:\n  uc_neg: [low_confidence]\n  frozen_through: [none, stage3]\n")
    assert axes(words) == {
        "uc_neg": ["batch", "low_confidence"],
        "frozen_through": ["none", "stage3"],
    }
    lists = of("one_at_a_time: {seen_classes: [4, [1, 2]]}\n")
    assert axes(lists) == {"seen_classes": [0, 4, (1, 2)]}


def test_zip_moves_its_lists_together() -> None:
    space = of(ZIP)
    assert swept(space) == [(1, 0.2), (5, 0.2), (1, 0.3)]
    assert axes(space) == {"C": [1, 5], "tau": [0.2, 0.3]}
    assert defaults(space) == {"C": 10, "tau": 0.4}
    assert [flat(t.config)["C"] for t in expand(space, no_content)] == [1, 5, 1]


def test_arms_are_named_settings() -> None:
    space = of(ARMS)
    trials = expand(space, no_content)
    names = ["full", "without_margin", "soft"]
    assert [dict(t.swept) for t in trials] == [{"arm": name} for name in names]
    values = [tuple(flat(t.config)[name] for name in ("C", "tau", "eta1")) for t in trials]
    assert values == [(10, 0.4, 1), (0, 0.4, 1), (10, 0.6, 2)]
    assert axes(space) == {"arm": names}
    assert defaults(space) == {"arm": "full"}
    assert default_config(space) == trials[0].config


def test_all_blocks_multiply_in_the_order_of_nested_loops() -> None:
    space = space_of(ALL)
    trials = expand(space, no_content)
    assert [(*t.swept.values(), t.seed) for t in trials] == [
        (arm, epochs, tau, eta1, eta2, entropy, seed)
        for arm in ("full", "without_margin")
        for epochs in (1, 2)
        for tau, eta1 in ((0.2, 1), (0.3, 2))
        for eta2, entropy in ((1, 1), (0.6, 1), (1.4, 1), (1, 2))
        for seed in (4, 3)
    ]
    assert space.size_text() == "2 arms x 2 epochs x 2 tau with eta1 x 4 one at a time x 2 seeds"
    assert list(trials[0].swept) == list(axes(space)) == list(defaults(space))
    assert list(axes(space)) == ["arm", "epochs", "tau", "eta1", "eta2", "w_entropy"]


@pytest.mark.parametrize("blocks", ["", ARMS, ZIP, SINGLE, ARMS + SINGLE.replace("eta2", "lr")])
def test_each_planned_trial_is_counted_and_its_values_are_on_the_axes(blocks: str) -> None:
    space = of(blocks, "[0, 1]")
    trials = expand(space, no_content)
    assert space.num_trials == len(trials) == len({t.trial_id for t in trials})
    for name, levels in axes(space).items():
        assert {t.swept[name] for t in trials} == set(levels)


def test_a_configuration_is_one_trial_however_it_is_written() -> None:
    written = [
        "set: {C: 0, epochs: 20}\n",
        "grid: {C: [0]}\n",
        "zip: {C: [0], tau: [0.4]}\n",
        "one_at_a_time: {C: [0]}\n",
        "arms: {without_margin: {C: 0}}\n",
        "arms: {full: {}, without_margin: {method: lps, method.C: -0.0}}\n",
    ]
    ids = [expand(of(blocks), no_content)[-1].trial_id for blocks in written]
    assert len(set(ids)) == 1
    assert ids[0] not in {t.trial_id for t in expand(of(SINGLE), no_content)}


@pytest.mark.parametrize(
    ("blocks", "message"),
    [
        ("arms:\n  a: {}\n  b: {pretrain_epochs: 9}\n", "f.yaml:5: arm "),
        ("one_at_a_time:\n  tau: [0.2]\n  pretrain_lr: [0.3]\n", "f.yaml:5: pretrain_lr "),
        ("zip:\n  pretrain_epochs: [1, 2]\n  data_root: [a, b]\n", "f.yaml:4: pretrain_epochs "),
    ],
)
def test_what_changes_nothing_is_refused(blocks: str, message: str) -> None:
    space = space_of(f"{HEAD}{blocks}set: {{pretrained: w.pth}}\nseeds: [0]\n")
    with pytest.raises(BadInputError) as caught:
        expand(space, lambda config: no_content(config)._replace(weights="w"))
    assert str(caught.value).startswith(message)
