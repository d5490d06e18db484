"""Networks with an explicit division into trunk and tail, and heads."""

from __future__ import annotations

from collections.abc import Callable

from lps_sweep.errors import BadInputError, nearest
from lps_sweep.models.head import CosineHead
from lps_sweep.models.linear import LinearHead
from lps_sweep.models.network import Network, split_network
from lps_sweep.models.projector import Projector
from lps_sweep.models.resnet import resnet18
from lps_sweep.models.resnet50 import resnet50
from lps_sweep.models.small_cnn import small_cnn

__all__ = [
    "NETWORKS",
    "CosineHead",
    "LinearHead",
    "Network",
    "Projector",
    "build_network",
    "split_network",
]

NETWORKS: dict[str, Callable[[int], Network]] = {
    "small_cnn": small_cnn,
    "resnet18": resnet18,
    "resnet50": resnet50,
}
"""Name of a network -> the function that builds it for a number of input channels."""


def build_network(network: str, in_channels: int) -> Network:
    """The named network with fresh weights, drawn from torch's global generator on the CPU.

    Args:
        network: A name in `NETWORKS`.
        in_channels: Channels of the images.

    Raises:
        BadInputError: Unknown name.
    """
    if network not in NETWORKS:
        raise BadInputError(
            f"unknown network {network!r}; {nearest(network, NETWORKS)}", where="network"
        )
    return NETWORKS[network](in_channels)
