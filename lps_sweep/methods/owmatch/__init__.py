"""OwMatch (Niu and others, 2024). The front door loads no torch."""

from lps_sweep.methods.owmatch.config import OwMatchConfig

__all__ = ["OwMatchConfig"]
