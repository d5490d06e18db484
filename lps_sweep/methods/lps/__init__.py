"""LPS, Learning Pace Synchronization. Only what needs torch loads it, and only when asked for."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from lps_sweep.methods.lps.config import LPSConfig

if TYPE_CHECKING:
    from lps_sweep.methods.lps.core import LossTerms
    from lps_sweep.methods.lps.objective import LPSObjective, lps_loss

__all__ = ["LPSConfig", "LPSObjective", "LossTerms", "lps_loss"]

_LAZY = {"LPSObjective": "objective", "LossTerms": "core", "lps_loss": "objective"}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(importlib.import_module(f"{__name__}.{_LAZY[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
