"""Every configuration whose step differs in more than numbers, by name."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, get_args

import yaml

from lps_sweep.config import Config, Located, build_config, flat
from lps_sweep.losses.contrast import ContrastNorm, UCRows
from lps_sweep.methods import METHODS, config_class, objective_class
from lps_sweep.methods.lps.thresholds import LambdaNovelShape
from tests.train.train_cases import config_of, two_configs

SPACES = Path(__file__).parents[2] / "search_spaces"


def _arms() -> dict[str, dict[str, Any]]:
    """The arms of all search spaces that come with the project, of methods that take steps."""
    found: dict[str, dict[str, Any]] = {}
    for path in sorted(SPACES.rglob("*.yaml")):
        found |= yaml.safe_load(path.read_text(encoding="utf-8")).get("arms", {})
    return {n: arm for n, arm in found.items() if objective_class(arm.get("method", "lps")).views}


ARMS = _arms()


def _arm(settings: dict[str, Any]) -> Config:
    """A small configuration with the settings of an arm, of whatever section."""
    method = settings.get("method", "lps")
    values = flat(config_of(method=config_class(method)())) | settings
    located = {name: Located(value) for name, value in values.items() if name != "method"}
    return build_config(located, method=method)


SWITCHES: dict[str, dict[str, Any]] = {
    "paper's divergence": {"margin_kl": "estimate_to_prior"},
    "pi_ema": {"pi_ema": 0.5},
    **{f"similarity {name}": {"contrast_norm": name} for name in get_args(ContrastNorm)},
    **{f"UC over {name}": {"uc_norm": name} for name in get_args(UCRows)},
    **{f"UC against {name}": {"uc_neg": name} for name in get_args(UCRows)},
    **{f"{name} threshold": {"lambda_novel_shape": name} for name in get_args(LambdaNovelShape)},
}

SETTINGS: dict[str, dict[str, Any]] = {
    "all trained": {"trunk": {"frozen_through": "none"}},
    "head alone": {"trunk": {"frozen_through": "stage4"}},
    "stored statistics": {"trunk": {"frozen_bn": "eval"}},
    "joint statistics": {"trunk": {"concat_views": True}},
    "clock of iterations": {"schedule": {"threshold_clock": "iteration"}},
    "two learning rates": {"schedule": {"tail_lr_factor": 0.1}},
    "without momentum": {"schedule": {"momentum": 0.0}},
}


def with_loop(config: Config, **loop: Any) -> Config:
    """`config` with other values in its section `loop`."""
    return dataclasses.replace(config, loop=dataclasses.replace(config.loop, **loop))


def colour(config: Config) -> Config:
    """`config` with a data set of the paper's views, which the grouped kernel would draw."""
    return dataclasses.replace(
        config, data=dataclasses.replace(config.data, dataset="fashion_mnist")
    )


def step_cases() -> dict[str, Config]:
    cases = {name: _arm(settings) for name, settings in ARMS.items()}
    cases |= {name: config_of(lps=lps) for name, lps in SWITCHES.items()}
    cases |= {name: config_of(**settings) for name, settings in SETTINGS.items()}
    cases |= {name: two_configs(name)[0] for name in METHODS if objective_class(name).views}
    cases["orca changed"] = two_configs("orca")[1]
    cases["rankstats incremental"] = two_configs("rankstats")[1]
    cases["dtc pi"] = config_of(method=config_class("dtc")(variant="pi"))
    cases["unguarded gap"] = config_of(method=config_class("nach")(gap_rule="reference"))
    cases |= {
        precision: with_loop(config_of(), precision=precision) for precision in ("bfloat16", "tf32")
    }
    cases["RandAugment"] = colour(config_of())
    return cases


def ways(cases: dict[str, Config]) -> dict[str, Config]:
    """The cases without those that differ from another one in numbers alone."""
    found: dict[str, tuple[Any, Config]] = {}
    for name, config in cases.items():
        words = [(n, v) for n, v in flat(config).items() if isinstance(v, str | bool) or v is None]
        method, schedule = config.method, config.schedule
        switches = getattr(method, "pi_ema", 0), schedule.momentum, schedule.tail_lr_factor - 1
        found.setdefault(repr((words, [bool(x) for x in switches])), (name, config))
    return dict(found.values())
