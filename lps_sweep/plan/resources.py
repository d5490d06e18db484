"""What a pack gets, and how it is looked after."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lps_sweep.errors import BadInputError
from lps_sweep.params import param, section_table
from lps_sweep.plan.entries import Entries, check_values, read_mapping, read_settings
from lps_sweep.plan.packs import LARGEST_PACK

GPU_PARTS = 10_000
"""A GPU is counted in such parts, as Ray does it."""

OPTION = "--resources"
"""The option of the command line that sets them for this machine."""


@dataclass(frozen=True)
class Resources:
    """What a pack gets, and how it is looked after; no part of a trial's identity."""

    cpus_per_pack: int = param(1, "CPU cores and threads of a pack", low=1, high=4096)
    gpus_per_pack: float | None = param(
        None,
        "GPUs of a pack, a whole number or a fraction below 1; by default 1 where there is one, "
        "else 0",
        low=0,
        high=1024,
    )
    max_pack_size: int | None = param(
        None,
        "trials in a pack at the most; by default as many as keep all workers busy",
        low=1,
        high=LARGEST_PACK,
    )
    packs_at_a_time: int | None = param(
        None,
        "packs that a cluster trains at a time once it has grown; by default as many as its nodes "
        "have room for, and those that the autoscaler on this machine may start",
        low=1,
        high=100_000,
    )
    measure_packs: bool | None = param(
        None,
        "measure some steps first, and size packs by the time that sharing saves and by the memory "
        "that is free; by default where there is a GPU",
    )
    checkpoint_interval_s: float = param(
        20.0, "seconds between the checkpoints of a trial; 0 saves after each epoch", low=0
    )
    max_attempts: int = param(
        3, "attempts before a trial that dies alone is failed", low=1, high=1000
    )
    epoch_time_limit_s: float | None = param(
        None,
        "seconds in which an epoch, the first with all that comes before it, must end; else the "
        "pack is taken for hung and killed; by default there is no limit",
        low=0,
        high=604_800,
        open_low=True,
    )


RESOURCES = section_table("resources", Resources)


def build_resources(entries: Entries, texts: Sequence[str]) -> tuple[Resources, dict[str, str]]:
    """The resources, and where each that is no default was read from.

    Args:
        entries: The search space, with its `resources`.
        texts: ``key=value`` texts of the command line, which go before them.

    Raises:
        BadInputError: For an unknown key, a wrong type or a value out of range.
    """
    options = check_values(read_settings(texts), RESOURCES)
    found = check_values(read_mapping(entries, "resources"), RESOURCES) | options
    resources = Resources(**{name: located.value for name, located in found.items()})
    gpus = resources.gpus_per_pack or 0
    if (gpus > 1 and gpus != int(gpus)) or 0 < gpus < 1 / GPU_PARTS:
        raise BadInputError(
            f"gpus_per_pack must be 0, a part of a GPU from {1 / GPU_PARTS:g} on, or a whole "
            f"number where it is above 1, not {gpus:g}",
            found["gpus_per_pack"].where,
        )
    places = {name: found[name].where for name in found} | dict.fromkeys(options, OPTION)
    return resources, places


def resources_used(resources: Resources, places: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Each resource by name: its `value`, and where it is `from`."""
    return {
        name: {"value": value, "from": places.get(name, "default")}
        for name, value in dataclasses.asdict(resources).items()
    }
