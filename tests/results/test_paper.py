from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from lps_sweep.config import (
    METHODS,
    PRESETS,
    Located,
    build_config,
    config_class,
    field_table,
    flat,
)
from lps_sweep.results import Json
from lps_sweep.results.paper import (
    _ALWAYS,
    ABLATION_ARMS,
    DEFAULTS,
    paper_arm,
    paper_levels,
    paper_numbers,
    paper_table,
    paper_value,
    same_method,
    same_setting,
)
from tests.config.config_cases import other

CIFAR: dict[str, Json] = {
    "dataset": "cifar100",
    "network": "resnet18",
    "epochs": 200,
    "batch_size": 512,
    "labeled_ratio": 0.5,
    "frozen_through": "stage3",
    "seen_classes": 0,
}
NETWORK: dict[str, Json] = {"network": "resnet50", "epochs": 90, "weight_decay": 1e-4}
IMAGENET: dict[str, Json] = {**CIFAR, "dataset": "imagenet100", **NETWORK}
SMALL: dict[str, Json] = {"network": "small_cnn", "epochs": 20, "batch_size": 128}
DIGITS: dict[str, Json] = {**CIFAR, "dataset": "digits", **SMALL}


def test_every_number_of_the_nine_tables_is_there_once() -> None:
    numbers = paper_numbers()
    per_table = Counter(n.table for n in numbers)
    assert per_table == {1: 180, 2: 12, 3: 24, 4: 30, 5: 30, 6: 30, 7: 30, 8: 30, 9: 18}
    cells = {
        (n.table, n.dataset, n.labeled_ratio, n.method, n.parameter, n.value, n.frozen, n.metric)
        for n in numbers
    }
    assert len(cells) == len(numbers)
    assert all(0 < n.number < 100 for n in numbers)
    assert {n.metric for n in numbers} == {"acc_seen", "acc_novel", "acc_all", "nmi_novel"}


def test_known_cells() -> None:
    default = {"acc_seen": 90.2, "acc_novel": 93.4, "acc_all": 92.4}
    assert paper_value("cifar10", 0.5) == {**default, "nmi_novel": 86.45}
    assert paper_value("cifar10", 0.5, "C", 10) == default
    assert paper_value("cifar10", 0.5, "tau", 0.4) == default
    assert paper_value("cifar100", 0.5, "lambda_novel_end", 0.9)["acc_seen"] == 65.2
    assert paper_value("cifar100", 0.5, "eta2", 1.4)["acc_novel"] == 50.6
    assert paper_value("cifar100", 0.1, frozen=False)["acc_all"] == 47.3
    assert paper_value("imagenet100", 0.5, method="ORCA")["acc_seen"] == 89.1


def test_cells_that_the_paper_has_not_are_empty() -> None:
    assert paper_value("digits", 0.5) == {}
    assert paper_value("cifar10", 0.5, "C", 7) == {}
    assert paper_value("cifar10", 0.1, "C", 10) == {}
    assert paper_value("cifar10", 0.5, "eta1", 1.0) == {}


@pytest.mark.parametrize("dataset", ["cifar10", "cifar100"])
def test_each_series_holds_its_default_with_the_numbers_of_table_1(dataset: str) -> None:
    main = {k: v for k, v in paper_value(dataset, 0.5).items() if k.startswith("acc")}
    series: dict[str, float | str] = {"C": 10, "tau": 0.4, "lambda_novel_end": 0.8, "arm": "full"}
    if dataset == "cifar100":
        series |= {"eta1": 1.0, "eta2": 1.0}
    for parameter, default in series.items():
        levels = paper_levels(dataset, 0.5, parameter)
        assert len(levels) == 5
        assert levels[default] == main


def test_the_zero_of_a_weight_is_an_arm_of_the_ablation() -> None:
    assert len(ABLATION_ARMS) == 4
    for arm, (parameter, zero) in ABLATION_ARMS.items():
        found = paper_value("cifar10", 0.5, parameter, zero)
        assert found == paper_value("cifar10", 0.5, "arm", arm)
        assert len(found) == 3
    assert paper_value("cifar10", 0.5, "w_entropy", 0)["acc_novel"] == 55.4


def test_tables_by_parameter() -> None:
    names = ["arm", "eta1", "eta2", "lambda_novel_end", "C", "tau", "pi_ema"]
    assert [paper_table(name) for name in names] == [4, 5, 5, 6, 7, 8, None]


def test_arms_are_known_by_what_they_change() -> None:
    assert paper_arm({}) == "full"
    for arm, (parameter, zero) in ABLATION_ARMS.items():
        assert paper_arm({parameter: zero}) == arm
        assert paper_arm({parameter: 0}) == arm
        assert paper_arm({parameter: 0.5}) is None
        assert paper_arm({parameter: zero, "tau": 0.2}) is None


def test_the_hyper_parameters_are_the_paper_s_but_for_the_varied_one() -> None:
    assert same_method({**CIFAR, **DEFAULTS})
    assert same_method(CIFAR)
    assert not same_method({**CIFAR, "method": "orca"})
    assert not same_method({**DEFAULTS, "C": 5.0})
    assert same_method({**DEFAULTS, "C": 5.0}, varied="C")
    assert not same_method({**DEFAULTS, "C": 5.0}, varied="tau")


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"dataset": "cifar10", "seen_classes": 5},
        {"frozen_through": "none"},
        {"labeled_ratio": 0.1},
        {"seen_classes": 50},
        {"seen_classes": [*range(50)]},
        {"novel_classes": 50, "assumed_classes": 100},
        {"method": "orca"},
        {"precision": "tf32", "compile": True, "graph": True},
        {"pretrain_epochs": 1000, "data_root": "/data", "pretrained": "simclr.pt"},
        IMAGENET,
    ],
)
def test_the_paper_s_own_settings(change: dict[str, Json]) -> None:
    assert same_setting({**CIFAR, **change})[0]


@pytest.mark.parametrize("name", ["cifar10", "cifar100", "imagenet100"])
@pytest.mark.parametrize("method", METHODS)
def test_every_value_of_a_trial_counts_but_those_of_place_and_pre_training(
    name: str, method: str
) -> None:
    given = {key: Located(value) for key, value in PRESETS[name].items()}
    paper: dict[str, Any] = flat(build_config(given, method=method))
    assert same_setting(paper)[0]
    table = dict(field_table(method))
    del table["frozen_through"]  # of which the paper has two
    del table["recipe"]  # of which it does not say which it has
    for key, info in table.items():
        value: Any = "bfloat16" if key == "precision" else other(info)
        changed = same_setting({**paper, key: value})
        spared = info.section == "pretrain" or key in ("compile", "graph", "rule_images")
        spared = spared or info.param.location or bool(info.param.beside)
        assert changed[0] == spared, key
        if not spared and key not in _ALWAYS:
            assert same_setting({**paper, key: value}, varied=key)[0]


@pytest.mark.parametrize("method", METHODS)
def test_a_method_s_own_recipe_is_as_good_as_the_shared_one(method: str) -> None:
    own = config_class(method).own_recipe
    known = {**PRESETS["cifar100"], **own, "recipe": "own"}
    given = {key: Located(value) for key, value in known.items()}
    paper: dict[str, Any] = flat(build_config(given, method=method))
    assert same_setting(paper)[0]
    assert same_setting({**paper, "recipe": "unified"})[0] == ({*own} <= {"frozen_through"})
    assert not same_setting({**paper, "batch_size": 32})[0]


@pytest.mark.parametrize(
    ("settings", "ours", "papers"),
    [
        ({**CIFAR, "tau": 0.9}, "CIFAR-100 with tau = 0.9", "with tau = 0.4"),
        (
            {**CIFAR, "novel_classes": 0.2, "assumed_classes": 80},
            "CIFAR-100 with novel_classes = 0.2 and assumed_classes = 80",
            "with novel_classes = 0 or 50 and assumed_classes = 0 or 100",
        ),
        (
            DIGITS,
            "digits with small_cnn for 20 epochs in batches of 128",
            "CIFAR with ResNet-18 for 200 epochs in batches of 512",
        ),
        ({**CIFAR, "dataset": "fashion_mnist"}, "Fashion-MNIST", "CIFAR"),
        (
            {**CIFAR, "frozen_through": "stage2"},
            "CIFAR-100 frozen through stage2",
            "frozen through stage3 or none",
        ),
        (
            {**IMAGENET, "frozen_through": "none"},  # Tables 3 and 9 have CIFAR only
            "ImageNet-100 frozen through none",
            "frozen through stage3",
        ),
    ],
)
def test_another_setting_is_named(settings: dict[str, Json], ours: str, papers: str) -> None:
    assert same_setting(settings) == (False, f"{ours}, not {papers}")
