"""Networks with an explicit division into trunk and tail, and the cosine head."""

from __future__ import annotations

from lps_sweep.models.build import NETWORKS, build_network
from lps_sweep.models.head import CosineHead
from lps_sweep.models.network import Network, split_network

__all__ = ["NETWORKS", "CosineHead", "Network", "build_network", "split_network"]
