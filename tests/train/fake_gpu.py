"""A Run on a GPU that is not there: see `tests.host_syncs.fake_cuda`."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from lps_sweep.config import Config
from lps_sweep.data import image_store
from lps_sweep.train import Learner, Run
from lps_sweep.train import learner as learner_module
from lps_sweep.train.batch import Batch
from tests.host_syncs import fake_cuda
from tests.train.train_cases import SEED, backbone_of, image_set, split_of

GPU = torch.device("cuda")


def _moved(module: nn.Module, *args: Any, **kwargs: Any) -> nn.Module:
    """`nn.Module.to`, which cannot exchange the fake parameters themselves."""
    memory_format = kwargs.pop("memory_format", torch.preserve_format)
    for part in module.modules():
        for name, weight in part._parameters.items():
            if weight is not None:
                order = memory_format if weight.ndim == 4 else torch.preserve_format
                moved = weight.detach().to(*args, **kwargs, memory_format=order)
                part._parameters[name] = nn.Parameter(moved, weight.requires_grad)
        for name, buffer in part._buffers.items():
            part._buffers[name] = None if buffer is None else buffer.to(*args, **kwargs)
    return module


@contextlib.contextmanager
def fake_run(config: Config, *, on_host: bool = False, kind: type[Run] = Run) -> Iterator[Run]:
    """A Run with one member, "0", whose tensors are fake and on a GPU.

    A backward pass, which needs a real GPU, gives gradients of the right shape and nothing else.

    Args:
        config: Of the member.
        on_host: Whether the images stay in the memory of the host.
        kind: The class of the Run.
    """
    backbone = backbone_of(config)
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings(), fake_cuda():
        warnings.filterwarnings("ignore", "CUDA is not available")
        patch.setattr(nn.Module, "to", _moved)
        patch.setattr(learner_module, "copy", SimpleNamespace(deepcopy=lambda module: module))
        patch.setattr(torch.cuda, "is_bf16_supported", lambda **_: True)
        patch.setattr(Tensor, "pin_memory", lambda tensor: tensor.clone())
        patch.setattr(image_store, "memory_limit", lambda *_: 0 if on_host else 1 << 40)
        run = kind(
            config,
            seed=SEED,
            images=image_set(),
            split=split_of(config),
            backbone=backbone,
            device=GPU,
        )
        learner = run.add("0", config)

        def backward(_: Tensor) -> None:
            for weight in learner._weights:
                weight.grad = torch.zeros_like(weight)

        patch.setattr(Tensor, "backward", backward)
        yield run


def step(run: Run, learner: Learner, number: int) -> Batch:
    """All of a step: batch, views, trunk, tail, loss, optimiser, sums."""
    batch = run.batch(0, number)
    learner.step(batch, number)
    return batch
