"""ORCA (Cao, Brbic and Leskovec, 2022). The front door loads no torch."""

from lps_sweep.methods.orca.config import ORCAConfig

__all__ = ["ORCAConfig"]
