"""Released SimCLR weights in place of pre-training, taken only if every name matches.

The files of the method's authors are flat dictionaries of tensors with the names of their networks:
``conv1``, ``bn1``, ``layer1`` to ``layer4``, with ``shortcut.0`` and ``shortcut.1`` in the CIFAR
form of ResNet-18, ``downsample.0`` and ``downsample.1`` in ResNet-50.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lps_sweep.config import Config
from lps_sweep.data.views import recipe_for
from lps_sweep.errors import BadInputError
from lps_sweep.files import sha256_bytes
from lps_sweep.models import build_network

NETWORKS = ("resnet18", "resnet50")
"""The networks that weights of this form are of."""

WRAPPERS = re.compile(r"(?:module\.|backbone\.|encoder\.)+")
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
    if network not in NETWORKS:
        raise BadInputError(
            f"released weights are those of a {' or a '.join(NETWORKS)}, not of a {network}",
            where="pretrained",
        )
    file = Path(config.pretrain.pretrained).expanduser()
    try:
        content = file.read_bytes()
    except OSError as error:
        raise BadInputError(f"{file}: {error.strerror}", where="pretrained") from error
    with torch.device("meta"):  # names, shapes and types alone
        wanted = build_network(network, recipe_for(config.data.dataset).channels).state_dict()
    names = {_released_name(name): name for name in wanted}
    found = _backbone(_tensors(content, file), file)
    renamed = {theirs: wanted[ours] for theirs, ours in names.items()}
    _refuse_mismatch(network, renamed, found, file)
    state = {ours: found[theirs].to(wanted[ours].dtype) for theirs, ours in names.items()}
    return state, sha256_bytes(content)


def _released_name(name: str) -> str:
    for ours, theirs in OUR_NAMES:
        name = ours.sub(theirs, name)
    return name


def _tensors(content: bytes, file: Path) -> dict[str, Tensor]:
    """The file's dictionary, read without executing anything in it."""
    try:
        state = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except Exception as error:
        message = f"{file} is no file of weights: {error}"
        raise BadInputError(message, where="pretrained") from error
    if not isinstance(state, dict):
        raise BadInputError(
            f"{file} holds a {type(state).__name__}, not a dictionary of tensors",
            where="pretrained",
        )
    others = [str(name) for name, value in state.items() if not isinstance(value, Tensor)]
    if others:
        raise BadInputError(
            f"{file} is no flat dictionary of tensors: {_listed(others)}; save the network's "
            "state by itself",
            where="pretrained",
        )
    return {str(name): value for name, value in state.items()}


def _backbone(tensors: Mapping[str, Tensor], file: Path) -> dict[str, Tensor]:
    """Without wrappers and heads."""
    found: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        bare = _bare(name)
        if bare in found:
            raise BadInputError(f"{file} has {bare} more than once", where="pretrained")
        if not bare.startswith(HEADS):
            found[bare] = tensor
    return found


def _bare(name: str) -> str:
    match = WRAPPERS.match(name)
    return name[match.end() :] if match else name


def _refuse_mismatch(
    network: str, wanted: Mapping[str, Any], found: Mapping[str, Tensor], file: Path
) -> None:
    faults = {
        "missing": [name for name in wanted if name not in found],
        "left over": [name for name in found if name not in wanted],
        "of another shape": [
            f"{name} {tuple(found[name].shape)} instead of {tuple(tensor.shape)}"
            for name, tensor in wanted.items()
            if name in found and found[name].shape != tensor.shape
        ],
        "of another type": [
            f"{name} {found[name].dtype}"
            for name, tensor in wanted.items()
            if name in found and found[name].is_floating_point() != tensor.is_floating_point()
        ],
    }
    told = [f"{fault}: {_listed(names)}" for fault, names in faults.items() if names]
    if told:
        raise BadInputError(
            f"{file} does not hold the weights of a {network}; " + "; ".join(told),
            where="pretrained",
        )


def _listed(names: Iterable[str]) -> str:
    listed = list(names)
    more = f" and {len(listed) - SHOWN} more" if len(listed) > SHOWN else ""
    return ", ".join(listed[:SHOWN]) + more
