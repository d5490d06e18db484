"""LPS, Learning Pace Synchronization. The front door loads no torch."""

from lps_sweep.methods.lps.config import LPSConfig

__all__ = ["LPSConfig"]
