"""SimCLR + k-means, which trains nothing. The front door loads no torch."""

from lps_sweep.methods.simclr_kmeans.config import SimCLRKMeansConfig

__all__ = ["SimCLRKMeansConfig"]
