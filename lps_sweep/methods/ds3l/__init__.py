"""DS3L, safe deep semi-supervised learning. The front door loads no torch."""

from lps_sweep.methods.ds3l.config import DS3LConfig

__all__ = ["DS3LConfig"]
