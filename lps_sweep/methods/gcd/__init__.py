"""GCD, generalized category discovery (Vaze et al., 2022). The front door loads no torch."""

from lps_sweep.methods.gcd.config import GCDConfig

__all__ = ["GCDConfig"]
