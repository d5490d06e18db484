"""What makes a trial the same trial: a hash of what will run."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from lps_sweep.config.build import field_table
from lps_sweep.config.resolved import resolved
from lps_sweep.config.sections import SHARED_SECTIONS, Config

RESULTS_REVISION = 1
"""Raised whenever a default or a behaviour changes, so that older results are not taken for new."""

_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False)


def trial_id(config: Config, seed: int, *, data: str, split: str, trunk: str) -> str:
    """Identity of a trial: 16 hexadecimal digits.

    Values left at their default do not count, so a hyper-parameter can be added later without
    a change to older trials; nor do locations, devices, packs and versions, nor the settings of a
    pre-training that released weights replace. All spellings of a setting have one identity.

    Args:
        config: The configuration.
        seed: Seed of head, batches and augmentation.
        data: Content hash of the data set.
        split: Content hash of the open-world split.
        trunk: Hash of what the trunk's weights are made from.
    """
    return spelled_id(resolved(config), seed, data=data, split=split, trunk=trunk)


def spelled_id(config: Config, seed: int, *, data: str, split: str, trunk: str) -> str:
    """The hash of `config` as it is spelled, which a trial's identity was before it was resolved.

    The arguments are those of `trial_id`.
    """
    content = {
        "revision": RESULTS_REVISION,
        "method": config.method.name,
        "values": _non_default(config),
        "seed": seed,
        "data": data,
        "split": split,
        "trunk": trunk,
    }
    return digest(content)


def pack_key(config: Config, seed: int, *, data: str, split: str, trunk: str) -> str:
    """Trials with the same key, made of `resolved` values, can share batches, views and trunk."""
    values = _non_default(config, SHARED_SECTIONS)
    content = {"values": values, "seed": seed, "data": data, "split": split, "trunk": trunk}
    return digest({"revision": RESULTS_REVISION, "method": config.method.name, **content})


def trunk_recipe(config: Config, *, data: str, weights: str = "") -> str:
    """Hash of what makes the pre-trained weights; they are cached under it.

    Args:
        config: Its network counts and, unless there are `weights`, its pre-training settings.
        data: Content hash of the data set; counts only where the weights are trained on it.
        weights: SHA-256 of the file of released weights; empty where there is none.
    """
    made_from: dict[str, Any] = {"values": _non_default(config, ("pretrain",)), "data": data}
    if config.pretrain.pretrain_precision == "bfloat16":
        made_from["views"] = "float32"  # they were bfloat16 at first
    content = {"weights": weights} if weights else made_from
    return digest({"revision": RESULTS_REVISION, "network": config.trunk.network, **content})


def digest(content: dict[str, Any]) -> str:
    """First 16 hexadecimal digits of the SHA-256 of canonical JSON."""
    return hashlib.sha256(_CANONICAL.encode(content).encode()).hexdigest()[:16]


def _non_default(config: Config, sections: tuple[str, ...] = ()) -> dict[str, Any]:
    own = {section: vars(part) for section, part in vars(config).items()}
    unused = "pretrain" if config.pretrain.pretrained else ""
    return {
        name: value
        for name, info in field_table(config.method.name).items()
        if (value := own[info.section][info.name]) != info.default
        and not info.param.location
        and info.section != unused
        and (not sections or info.section in sections)
    }
