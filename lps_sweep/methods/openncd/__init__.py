"""OpenNCD (Liu et al., 2023). The front door loads no torch."""

from lps_sweep.methods.openncd.config import OpenNCDConfig

__all__ = ["OpenNCDConfig"]
