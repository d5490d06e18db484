"""The loss of every method as the checks of `test_losses` see it, with one from its definition."""

from __future__ import annotations

from tests.methods.losses.base import Loss
from tests.methods.losses.ds3l import LowerLevel
from tests.methods.losses.dtc import DTC
from tests.methods.losses.fixmatch import FixMatch
from tests.methods.losses.gcd import GCD
from tests.methods.losses.lps import LPS
from tests.methods.losses.nach import NACH
from tests.methods.losses.openncd import OpenNCD
from tests.methods.losses.orca import ORCA
from tests.methods.losses.owmatch import OwMatch
from tests.methods.losses.rankstats import RankStats
from tests.methods.losses.simgcd import SimGCD

LOSSES: dict[str, Loss] = {
    "lps": LPS(),
    "orca": ORCA(),
    "nach": NACH(),
    "openncd": OpenNCD(),
    "gcd": GCD(),
    "simgcd": SimGCD(),
    "owmatch": OwMatch(),
    "dtc": DTC(),
    "rankstats": RankStats(),
    "fixmatch": FixMatch(),
    "ds3l": LowerLevel(),
}
