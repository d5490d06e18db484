"""Hyper-parameters of a second method, which shares some names with LPS and lacks others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from lps_sweep.params import param


@dataclass(frozen=True)
class OtherConfig:
    name: ClassVar[str] = "other"

    tau: float = param(0.4, "as in LPS, but at most 1", low=0, open_low=True, high=1)
    eta1: float = param(2.0, "another default than in LPS", low=0)
    lr: float = param(0.5, "a name that the schedule has too", low=0)
    beta: int = param(3, "what LPS does not have", low=1)


CONFIG = OtherConfig
