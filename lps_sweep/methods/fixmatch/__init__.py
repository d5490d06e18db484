"""FixMatch, and its evaluation in an open world. The front door loads no torch."""

from lps_sweep.methods.fixmatch.config import FixMatchConfig

__all__ = ["FixMatchConfig"]
