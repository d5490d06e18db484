"""Training: a Run (what trials share) and its Learners (one per trial). No Ray, no YAML.

What needs torch is loaded when it is first asked for.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from lps_sweep.train.events import (
    Checkpoint,
    CheckpointSaved,
    EpochDone,
    Event,
    Finished,
    MemberSpec,
    PackCosts,
    PackSpec,
    SavedFile,
)

if TYPE_CHECKING:
    from lps_sweep.train.checkpoint import load_state, save_state, state_bytes, verifies
    from lps_sweep.train.costs import pack_costs
    from lps_sweep.train.device import (
        check_step,
        device_facts,
        gpus_for_pack,
        set_up_device,
        usable_gpus,
    )
    from lps_sweep.train.evaluation import evaluate
    from lps_sweep.train.faults import device_error
    from lps_sweep.train.learner import Learner
    from lps_sweep.train.pack import train_pack
    from lps_sweep.train.pretrain import Pretraining
    from lps_sweep.train.released import read_released
    from lps_sweep.train.run import Member, Run

__all__ = [
    "Checkpoint",
    "CheckpointSaved",
    "EpochDone",
    "Event",
    "Finished",
    "Learner",
    "Member",
    "MemberSpec",
    "PackCosts",
    "PackSpec",
    "Pretraining",
    "Run",
    "SavedFile",
    "check_step",
    "device_error",
    "device_facts",
    "evaluate",
    "gpus_for_pack",
    "load_state",
    "pack_costs",
    "read_released",
    "save_state",
    "set_up_device",
    "state_bytes",
    "train_pack",
    "usable_gpus",
    "verifies",
]

_LAZY = {
    "checkpoint": ("load_state", "save_state", "state_bytes", "verifies"),
    "costs": ("pack_costs",),
    "device": ("check_step", "device_facts", "gpus_for_pack", "set_up_device", "usable_gpus"),
    "evaluation": ("evaluate",),
    "faults": ("device_error",),
    "learner": ("Learner",),
    "pack": ("train_pack",),
    "pretrain": ("Pretraining",),
    "released": ("read_released",),
    "run": ("Member", "Run"),
}


def __getattr__(name: str) -> Any:
    for module, names in _LAZY.items():
        if name in names:
            return getattr(importlib.import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
