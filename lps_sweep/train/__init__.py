"""Training: a Run (what trials share) and its Learners (one per trial). No Ray, no YAML."""

from lps_sweep.train.checkpoint import (
    Checkpoint,
    SavedFile,
    load_state,
    save_state,
    verifies,
)
from lps_sweep.train.costs import PackCosts, pack_costs
from lps_sweep.train.device import check_step, device_facts, set_up_device
from lps_sweep.train.evaluation import evaluate
from lps_sweep.train.events import (
    CheckpointSaved,
    EpochDone,
    Event,
    Finished,
    MemberSpec,
    PackSpec,
)
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
    "device_facts",
    "evaluate",
    "load_state",
    "pack_costs",
    "read_released",
    "save_state",
    "set_up_device",
    "train_pack",
    "verifies",
]
