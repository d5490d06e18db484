"""DTC, Deep Transfer Clustering (Han et al., 2019). The front door loads no torch."""

from lps_sweep.methods.dtc.config import DTCConfig

__all__ = ["DTCConfig"]
