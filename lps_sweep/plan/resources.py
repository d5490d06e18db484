"""What a pack gets, and how it is looked after."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lps_sweep.config import Located, check_value, find_fields, section_fields
from lps_sweep.config.fields import param
from lps_sweep.errors import BadInputError
from lps_sweep.plan.packs import LARGEST_PACK


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


def build_resources(values: Mapping[str, Located]) -> Resources:
    """The resources with `values` in place of the defaults.

    Raises:
        BadInputError: For an unknown key, a wrong type or a value out of range.
    """
    table = {info.name: info for info in section_fields("resources", Resources)}
    found = find_fields(table, values)
    checked: dict[str, Any] = {}
    for name, (info, located) in found.items():
        checked[name] = check_value(name, info, located)
    resources = dataclasses.replace(Resources(), **checked)
    gpus = resources.gpus_per_pack or 0
    if gpus > 1 and gpus != int(gpus):
        raise BadInputError(
            f"gpus_per_pack must be a whole number where it is above 1, not {gpus:g}",
            found["gpus_per_pack"][1].where,
        )
    return resources
