"""The networks by name, and what their parts are called."""

from __future__ import annotations

from types import MappingProxyType

_STAGES = ("stage1", "stage2", "stage3", "stage4")

NETWORK_PARTS: MappingProxyType[str, tuple[str, ...]] = MappingProxyType(
    {
        "small_cnn": _STAGES,
        "resnet18": ("stem", *_STAGES),
        "resnet50": ("stem", *_STAGES),
    }
)
"""Name of a network -> its parts, from the images to the features."""
