"""A change of a golden value here orphans every recorded trial: see `RESULTS_REVISION`."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from lps_sweep.config import (
    RESULTS_REVISION,
    Config,
    Located,
    build_config,
    config_from_flat,
    field_table,
    flat,
    pack_key,
    preset_values,
    trial_id,
    trunk_recipe,
)
from lps_sweep.config.build import _classes
from lps_sweep.methods.lps import LPSConfig
from lps_sweep.params import param
from tests.config.config_cases import FIELDS, located, other

HASHES = {"data": "d" * 64, "split": "5" * 64, "trunk": "7" * 16}
DEFAULT = build_config({})
SHARED_SECTIONS = {"data", "split", "trunk", "pretrain", "loop"}
SHARED = [n for n, i in FIELDS.items() if i.section in SHARED_SECTIONS and not i.param.location]
OWN = [n for n, i in FIELDS.items() if i.section not in SHARED_SECTIONS]
LOCATIONS = [n for n, i in FIELDS.items() if i.param.location]
PRETRAIN = [n for n in SHARED if FIELDS[n].section == "pretrain"]


def changed(name: str) -> Config:
    return build_config({name: Located(other(FIELDS[name]))})


def of_trial(config: Config, seed: int = 0) -> str:
    return trial_id(config, seed, **HASHES)


def of_pack(config: Config, seed: int = 0) -> str:
    return pack_key(config, seed, **HASHES)


def of_trunk(config: Config, data: str = HASHES["data"]) -> str:
    return trunk_recipe(config, data=data)


def test_golden_values_of_the_defaults() -> None:
    assert of_trial(DEFAULT) == "eb08b99bbb410522"
    assert of_pack(DEFAULT) == "eb08b99bbb410522"
    assert of_trunk(DEFAULT) == "0326a04bd8349088"


def test_the_identity_is_the_hash_of_what_is_said_to_count() -> None:
    values = {"C": 5.0, "dataset": "digits", "seen_classes": [0, 3]}
    config = build_config(located(**values, data_root="/data", tau=0.4))
    content = HASHES | {"revision": RESULTS_REVISION, "method": "lps", "values": values, "seed": 2}
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    assert of_trial(config, 2) == hashlib.sha256(text.encode()).hexdigest()[:16]


def test_all_sections_are_covered_here() -> None:
    assert {i.section for i in FIELDS.values()} == {f.name for f in dataclasses.fields(Config)}
    assert LOCATIONS == ["data_root", "pretrained"]
    assert sorted(SHARED + OWN + LOCATIONS) == sorted(FIELDS)
    assert min(len(SHARED), len(OWN), len(PRETRAIN)) >= 5


def test_each_field_seed_and_hash_makes_another_trial() -> None:
    ids = [of_trial(DEFAULT)]
    ids += [of_trial(changed(name)) for name in SHARED + OWN]
    ids += [of_trial(DEFAULT, 1)]
    ids += [trial_id(DEFAULT, 0, **(HASHES | {name: "0"})) for name in HASHES]
    assert len(set(ids)) == len(ids)
    assert all(len(i) == 16 and int(i, 16) >= 0 for i in ids)


@pytest.mark.parametrize("name", LOCATIONS)
def test_a_location_changes_nothing(name: str) -> None:
    config = changed(name)
    assert flat(config) != flat(DEFAULT)
    assert of_trial(config) == of_trial(DEFAULT)
    assert of_pack(config) == of_pack(DEFAULT)
    assert of_trunk(config) == of_trunk(DEFAULT)


@pytest.mark.parametrize("name", FIELDS)
def test_a_default_written_out_changes_nothing(name: str) -> None:
    config = build_config({name: Located(FIELDS[name].default)})
    assert of_trial(config) == of_trial(DEFAULT)
    assert of_pack(config) == of_pack(DEFAULT)
    assert of_trunk(config) == of_trunk(DEFAULT)


def test_minus_zero_and_whole_numbers_are_the_same_number() -> None:
    zero = build_config(located(C=0.0))
    assert of_trial(build_config(located(C=-0.0))) == of_trial(zero)
    assert of_trial(build_config(located(C=0))) == of_trial(zero)


def test_the_order_of_keys_and_a_journey_through_json_change_nothing() -> None:
    values = preset_values("digits") | {"C": 1, "seen_classes": [4, 1], "tau": 0.2}
    config = build_config(located(**values))
    backwards = build_config(located(**dict(reversed(values.items()))))
    travelled = config_from_flat(json.loads(json.dumps(flat(config), sort_keys=True)))
    assert of_trial(backwards) == of_trial(travelled) == of_trial(config)


def test_the_order_of_seen_classes_counts() -> None:
    one, two = (build_config(located(seen_classes=v)) for v in ([4, 1], [1, 4]))
    assert of_trial(one) != of_trial(two)


@pytest.mark.parametrize("name", OWN)
def test_a_members_own_field_leaves_the_pack_and_trunk_alone(name: str) -> None:
    assert of_pack(changed(name)) == of_pack(DEFAULT)
    assert of_trunk(changed(name)) == of_trunk(DEFAULT)


def test_each_shared_field_seed_and_hash_makes_another_pack() -> None:
    keys = [of_pack(DEFAULT)]
    keys += [of_pack(changed(name)) for name in SHARED]
    keys += [of_pack(DEFAULT, 1)]
    keys += [pack_key(DEFAULT, 0, **(HASHES | {name: "0"})) for name in HASHES]
    assert len(set(keys)) == len(keys)


def test_the_trunk_is_made_of_network_pretraining_and_data_alone() -> None:
    recipes = {name: of_trunk(changed(name)) for name in FIELDS}
    differing = {name for name, recipe in recipes.items() if recipe != of_trunk(DEFAULT)}
    assert differing == {"network", *PRETRAIN}
    different = [recipes[name] for name in differing]
    assert len({*different, of_trunk(DEFAULT), of_trunk(DEFAULT, data="0")}) == len(differing) + 2


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_trunk_in_half_precision_says_what_its_views_are_and_no_other_does(
    precision: str,
) -> None:
    values = {"pretrain_epochs": 7} | (
        {} if precision == "float32" else {"pretrain_precision": precision}
    )
    content = {"values": values, "data": "d", "revision": 1, "network": "resnet18"}
    if precision == "bfloat16":
        content["views"] = "float32"
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    recipe = of_trunk(build_config(located(**values)), data="d")
    assert recipe == hashlib.sha256(text.encode()).hexdigest()[:16]


def test_released_weights_take_the_place_of_the_settings_of_pre_training() -> None:
    released = build_config(located(pretrained="weights.pth"))
    recipe = trunk_recipe(released, data="d", weights="1" * 64)
    assert recipe != of_trunk(released, data="d")
    assert recipe == trunk_recipe(released, data="other", weights="1" * 64)
    assert recipe != trunk_recipe(released, data="d", weights="2" * 64)
    small = build_config(located(pretrained="weights.pth", network="small_cnn"))
    assert recipe != trunk_recipe(small, data="d", weights="1" * 64)
    for name in PRETRAIN:
        both = build_config(located(pretrained="elsewhere.pth", **{name: other(FIELDS[name])}))
        assert trunk_recipe(both, data="d", weights="1" * 64) == recipe
        assert of_trial(both) == of_trial(released)
        assert of_pack(both) == of_pack(released)


def test_a_raised_revision_makes_everything_new(monkeypatch: pytest.MonkeyPatch) -> None:
    before = {of_trial(DEFAULT), of_pack(DEFAULT), of_trunk(DEFAULT)}
    monkeypatch.setattr("lps_sweep.config.identity.RESULTS_REVISION", RESULTS_REVISION + 1)
    assert before.isdisjoint({of_trial(DEFAULT), of_pack(DEFAULT), of_trunk(DEFAULT)})


OLDER_TRIAL = of_trial(build_config(located(C=5)))


@dataclass(frozen=True)
class WiderLPSConfig(LPSConfig):
    """LPS with a hyper-parameter that is yet to be invented."""

    novelty: float = param(1.0, "", low=0)


@pytest.fixture
def wider_lps(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr("lps_sweep.config.build.config_class", lambda _name: WiderLPSConfig)
    for cached in (field_table, _classes):
        cached.cache_clear()
    yield
    monkeypatch.undo()
    for cached in (field_table, _classes):
        cached.cache_clear()


@pytest.mark.usefixtures("wider_lps")
def test_a_new_field_at_its_default_leaves_older_trials_as_they_are() -> None:
    config = build_config(located(C=5))
    assert flat(config)["novelty"] == 1.0
    wider = of_trial(config), of_trial(build_config(located(C=5, novelty=2)))
    assert wider[0] == OLDER_TRIAL
    assert wider[1] != OLDER_TRIAL
