"""SimGCD (Wen, Zhao and Qi, 2023). The front door loads no torch."""

from lps_sweep.methods.simgcd.config import SimGCDConfig

__all__ = ["SimGCDConfig"]
