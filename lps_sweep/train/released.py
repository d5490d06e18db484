"""Released SimCLR weights in place of pre-training, taken only if every name matches.

The files of the method's authors are flat dictionaries of tensors with the names of their networks:
``conv1``, ``bn1``, ``layer1`` to ``layer4``, with ``shortcut.0`` and ``shortcut.1`` in the CIFAR
form of ResNet-18, ``downsample.0`` and ``downsample.1`` in ResNet-50.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from lps_sweep.config import Config
from lps_sweep.data import data_set
from lps_sweep.errors import BadInputError
from lps_sweep.files import open_regular, sha256_bytes
from lps_sweep.models import build_network

NETWORKS = ("resnet18", "resnet50")
"""The networks that weights of this form are of."""

WRAPPERS = re.compile(r"^(?:module\.|backbone\.|encoder\.)+")
"""What a training program may have put before the names."""

HEADS = ("contrastive_head.", "linear.", "fc.")
"""Starts of the names of heads, which are not taken."""

OUR_NAMES = (
    (re.compile(r"parts\.stem\.0\."), "conv1."),
    (re.compile(r"parts\.stem\.1\."), "bn1."),
    (re.compile(r"parts\.stage(\d)\."), r"layer\1."),
)
"""Starts of our names -> of the released ones; what follows is the same."""

SHOWN = 8
"""Names that a message lists; the rest is counted."""


def read_released(config: Config) -> tuple[dict[str, Tensor], str]:
    """The backbone in the file `pretrained` under our own names, and the file's SHA-256 (hex).

    Nothing in the file is executed. Heads are dropped; every other tensor must be one of the
    network's, of its shape, and none of the network's may be missing.

    Args:
        config: Of the sections data, trunk and pretrain, it says which network, for how many
            channels, and which file: a dictionary of tensors, as `torch.save` writes it.

    Raises:
        BadInputError: The file cannot be read, or its content is not this; says what is missing,
            left over or of another shape.
    """
    network = config.trunk.network
    file = Path(config.pretrain.pretrained).expanduser()
    try:
        if network not in NETWORKS:
            names = " or a ".join(NETWORKS)
            raise _MismatchError(f"released weights are those of a {names}, not of a {network}")
        with open_regular(file) as stream:
            content = stream.read()
        with torch.device("meta"):  # names, shapes and types alone
            channels = data_set(config.data.dataset).recipe.channels
            wanted = build_network(network, channels).state_dict()
        return _renamed(_backbone(_tensors(content)), wanted, network), sha256_bytes(content)
    except _MismatchError as error:
        raise BadInputError(f"{file} {error}", where="pretrained") from error
    except OSError as error:
        raise BadInputError(f"{file}: {error.strerror}", where="pretrained") from error


class _MismatchError(Exception):
    """What is wrong with a file, to be read after its name."""


def _tensors(content: bytes) -> dict[str, Tensor]:
    """The file's dictionary, read without executing anything in it."""
    try:
        state = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except Exception as error:
        raise _MismatchError(f"is no file of weights: {error}") from error
    if not isinstance(state, dict):
        kind = type(state).__name__
        raise _MismatchError(f"holds a {kind}, not a dictionary of tensors")
    if others := [str(name) for name, value in state.items() if not isinstance(value, Tensor)]:
        raise _MismatchError(
            f"is no flat dictionary of tensors: {_listed(others)}; save the network's "
            "state by itself"
        )
    return {str(name): value for name, value in state.items()}


def _backbone(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Without wrappers and heads."""
    found: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        bare = WRAPPERS.sub("", name, count=1)
        if bare in found:
            raise _MismatchError(f"has {bare} more than once")
        if not bare.startswith(HEADS):
            found[bare] = tensor
    return found


def _renamed(
    found: Mapping[str, Tensor], wanted: Mapping[str, Tensor], network: str
) -> dict[str, Tensor]:
    """`found` under the names of `wanted`, all of which it has, in shape and type."""
    names = {ours: _released_name(ours) for ours in wanted}
    both = [(name, found[name], wanted[o]) for o, name in names.items() if name in found]
    faults = {
        "missing": [name for name in names.values() if name not in found],
        "left over": [name for name in found if name not in names.values()],
        "of another shape": [
            f"{name} {tuple(a.shape)} instead of {tuple(b.shape)}"
            for name, a, b in both
            if a.shape != b.shape
        ],
        "of another type": [
            f"{name} {a.dtype}"
            for name, a, b in both
            if a.is_floating_point() != b.is_floating_point()
        ],
    }
    if told := [f"{fault}: {_listed(names)}" for fault, names in faults.items() if names]:
        raise _MismatchError(f"does not hold the weights of a {network}; " + "; ".join(told))
    return {ours: found[name].to(wanted[ours].dtype) for ours, name in names.items()}


def _released_name(name: str) -> str:
    for ours, theirs in OUR_NAMES:
        name = ours.sub(theirs, name)
    return name


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
