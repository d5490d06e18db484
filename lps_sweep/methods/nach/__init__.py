"""NACH (Guo and others, 2022). The front door loads no torch."""

from lps_sweep.methods.nach.config import NACHConfig

__all__ = ["NACHConfig"]
