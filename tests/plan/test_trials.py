from __future__ import annotations

import json
from pathlib import Path

import pytest

from lps_sweep.config import Config, build_config, config_from_flat, flat
from lps_sweep.errors import BadInputError
from lps_sweep.plan import Content, expand, read_space
from tests.plan.space_cases import check_refused, no_content, space_of

C_TAU = Path(__file__).parents[2] / "search_spaces" / "c_tau.yaml"
GRID = "name: s\npreset: digits\ngrid:\n  tau: [0.4, 0.2]\n  C: [10, 1]\nseeds: [3, 0]\n"


def test_golden_identity_of_the_first_trial_of_c_tau() -> None:
    first = expand(read_space(C_TAU, preset="digits"), lambda _config: Content("d" * 64, "5" * 64))[
        0
    ]
    assert (first.seed, dict(first.swept)) == (0, {"C": 1.0, "tau": 0.2})
    assert (first.trial_id, first.pack_key, first.trunk) == (
        "9a34e90156e6620b",
        "3bdcda0969e528ee",
        "2fa8c9b23023a805",
    )


def test_a_trial_is_what_its_values_say_whatever_sweep_it_is_in() -> None:
    trial = expand(space_of(GRID), no_content)[2]
    alone = expand(
        space_of("name: other\npreset: digits\nset: {tau: 0.4, C: 1}\nseeds: [3]\n"), no_content
    )[0]
    assert alone.config == trial.config
    assert (alone.trial_id, alone.pack_key) == (trial.trial_id, trial.pack_key)
    assert config_from_flat(json.loads(json.dumps(flat(trial.config)))) == trial.config


def test_a_swept_shared_field_divides_the_packs() -> None:
    text = "name: s\npreset: digits\ngrid:\n  pretrain_epochs: [1, 2]\n  C: [1, 2]\nseeds: [0]\n"
    trials = expand(space_of(text), no_content)
    assert len({t.pack_key for t in trials}) == len({t.trunk for t in trials}) == 2


def test_content_is_part_of_the_identity() -> None:
    def ids(content: Content) -> set[str]:
        return {t.trial_id for t in expand(space_of(GRID), lambda _config: content)}

    assert ids(Content("a", "s")).isdisjoint(ids(Content("b", "s")))
    assert ids(Content("a", "s")).isdisjoint(ids(Content("a", "r")))
    assert ids(Content("a", "s")) == ids(Content("a", "s"))


def test_two_swept_keys_that_do_not_fit_are_refused_at_the_value() -> None:
    text = (
        "name: s\nset: {dataset: digits}\ngrid:\n  network: [resnet18, small_cnn]\n"
        "  frozen_through:\n    - stage1\n    - stem\nseeds: [0]\n"
    )
    check_refused(text, 7, "frozen_through must be one of none, st")


@pytest.mark.parametrize(
    ("text", "key", "place"),
    [
        ("set: {dataset: x}", "dataset", "f.yaml:2"),
        ("set: {dataset: x}", "data_root", "f.yaml:2"),
        ("set:\n  dataset: x\n  data_root: /x", "data_root", "f.yaml:4"),
        ("set:\n  dataset: x\n  data_root: /x", "dataset", "f.yaml:3"),
        ("preset: fashion_mnist", "data_root", "f.yaml:2: preset fashion_mnist"),
        ("grid:\n  seen_classes:\n    - 1", "seen_classes", "f.yaml:4"),
        ("question: '?'", "dataset", "f.yaml:1"),
    ],
)
def test_what_the_data_refuse_is_told_with_the_place_of_the_key(
    text: str, key: str, place: str
) -> None:
    def refuse(_config: Config) -> Content:
        raise BadInputError("not there", key)

    with pytest.raises(BadInputError) as caught:
        expand(space_of(f"name: s\n{text}\nseeds: [0]\n"), refuse)
    assert str(caught.value) == f"{place}: {key}: not there"


def test_released_and_own_weights_may_be_compared() -> None:
    space = space_of("name: s\ngrid:\n  pretrained: ['', weights.pth]\nseeds: [0]\n")
    own, released = expand(
        space, lambda config: Content("d", "s", weights=config.pretrain.pretrained)
    )
    assert own.trial_id != released.trial_id
    assert own.pack_key != released.pack_key
    assert own.trunk != released.trunk


def test_content_is_asked_for_once_per_configuration() -> None:
    asked: list[Config] = []

    def count(config: Config) -> Content:
        asked.append(config)
        return Content("d", "s")

    expand(space_of(GRID), count)
    assert len(asked) == 4
    assert asked[0] != build_config({})
