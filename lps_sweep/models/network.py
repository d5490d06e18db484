"""A network as a row of named parts, and its division into trunk and tail."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping

from torch import Tensor, nn

from lps_sweep.errors import BadInputError


class GlobalAveragePool(nn.Module):
    """Mean over all positions: (B, C, H, W) -> (B, C)."""

    def forward(self, activations: Tensor) -> Tensor:
        """The mean of each channel."""
        return activations.mean(dim=(2, 3))


class Network(nn.Module):
    """Parts that follow one another, then global average pooling.

    No part changes its input in place, so that several tails can read one trunk's activations.

    Attributes:
        parts: The parts in order, by name.
        feature_dim: Length d of a feature vector.
    """

    def __init__(self, parts: Mapping[str, nn.Module], feature_dim: int) -> None:
        super().__init__()
        self.parts = nn.ModuleDict(OrderedDict(parts))
        self.pool = GlobalAveragePool()
        self.feature_dim = feature_dim

    def forward(self, images: Tensor) -> Tensor:
        """Images (B, C, H, W) -> features (B, feature_dim)."""
        activations = images
        for part in self.parts.values():
            activations = part(activations)
        features: Tensor = self.pool(activations)
        return features


def split_network(network: Network, frozen_through: str) -> tuple[nn.Sequential, nn.Sequential]:
    """Divides `network` behind the part `frozen_through`; weights are shared, not copied.

    Whether the trunk learns is not decided here: gradients and modes are left as they are.

    Args:
        network: The network.
        frozen_through: Name of the trunk's last part, or ``none`` for an empty trunk.

    Returns:
        Trunk and tail. Trunk then tail is the whole network; the tail ends in the pooling and
        gives features (B, feature_dim). Their parts keep their names.

    Raises:
        BadInputError: The network has no such part.
    """
    names = list(network.parts)
    if frozen_through != "none" and frozen_through not in names:
        raise BadInputError(
            f"this network has no part {frozen_through!r}; it can be frozen through: none, "
            f"{', '.join(names)}",
            where="frozen_through",
        )
    num_frozen = 0 if frozen_through == "none" else names.index(frozen_through) + 1
    parts = list(network.parts.items())
    trunk = nn.Sequential(OrderedDict(parts[:num_frozen]))
    tail = nn.Sequential(OrderedDict([*parts[num_frozen:], ("pool", network.pool)]))
    return trunk, tail
