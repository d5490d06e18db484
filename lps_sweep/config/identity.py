"""What makes a trial the same trial: a hash of what will run."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from lps_sweep.config.build import field_table, flat
from lps_sweep.config.sections import SHARED_SECTIONS, Config

RESULTS_REVISION = 1
"""Raised whenever a default or a behaviour changes, so that older results are not taken for new."""


def trial_id(config: Config, seed: int, *, data: str, split: str, trunk: str) -> str:
    """Identity of a trial: 16 hexadecimal digits.

    Values left at their default do not count, so a hyper-parameter can be added later without
    a change to older trials; nor do locations, devices, packs and versions, nor the settings of a
    pre-training that released weights replace.

    Args:
        config: The resolved configuration.
        seed: Seed of head, batches and augmentation.
        data: Content hash of the data set.
        split: Content hash of the open-world split.
        trunk: Hash of what the trunk's weights are made from.
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
    """Trials with the same key can share batches, views and the frozen trunk."""
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
    made_from = {"values": _non_default(config, ("pretrain",)), "data": data}
    content = {"weights": weights} if weights else made_from
    return digest({"revision": RESULTS_REVISION, "network": config.trunk.network, **content})


def digest(content: dict[str, Any]) -> str:
    """First 16 hexadecimal digits of the SHA-256 of canonical JSON."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _non_default(config: Config, sections: tuple[str, ...] = ()) -> dict[str, Any]:
    values = flat(config)
    unused = "pretrain" if config.pretrain.pretrained else ""
    return {
        name: values[name]
        for name, info in field_table(config.method.name).items()
        if not info.param.location
        and info.section != unused
        and (not sections or info.section in sections)
        and values[name] != info.default
    }
