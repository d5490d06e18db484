"""A Run on a GPU that is not there: see `tests.host_syncs.fake_cuda`."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator, Sequence
from typing import Any
from unittest.mock import MagicMock

import pytest
import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensor

from lps_sweep.config import Config
from lps_sweep.data import image_store
from lps_sweep.train import Learner, Pretraining, Run
from lps_sweep.train.batch import Batch
from lps_sweep.train.capture import Recorder, Work
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


def _copied(tensor: Tensor, _: object) -> Tensor:
    """A deep copy without a look at where the content lies, which there is not."""
    made = tensor.detach().clone()
    return nn.Parameter(made, tensor.requires_grad) if isinstance(tensor, nn.Parameter) else made


class AsItStands:
    """A recorder that records nothing."""

    def warm_up(self, work: Work) -> None:
        work()

    def record(self, work: Work) -> Work:
        return work


@contextlib.contextmanager
def _fake_gpu(*, on_host: bool) -> Iterator[pytest.MonkeyPatch]:
    """What a GPU is asked for besides its operations."""
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings(), fake_cuda():
        warnings.filterwarnings("ignore", "CUDA is not available")
        patch.setattr(nn.Module, "to", _moved)
        patch.setattr(FakeTensor, "__deepcopy__", _copied, raising=False)
        patch.setattr(torch.cuda, "is_bf16_supported", lambda **_: True)
        patch.setattr(Tensor, "pin_memory", lambda tensor: tensor.clone())
        patch.setattr(torch.cuda, "Event", MagicMock())
        patch.setattr(image_store, "memory_limit", lambda *_: 0 if on_host else 1 << 40)
        yield patch


def _no_backward(patch: pytest.MonkeyPatch, weights: Sequence[Tensor]) -> None:
    """A backward pass, which needs a real GPU, gives gradients of the right shape and no more."""

    def backward(_: Tensor) -> None:
        for weight in weights:
            weight.grad = torch.zeros_like(weight)

    def gradients(_: Tensor, inputs: Sequence[Tensor], **__: bool) -> list[Tensor]:
        return [torch.zeros_like(given) for given in inputs]

    patch.setattr(Tensor, "backward", backward)
    patch.setattr(torch.autograd, "grad", gradients)


@contextlib.contextmanager
def fake_pretraining(config: Config, *, on_host: bool = False) -> Iterator[Pretraining]:
    """Pre-training on a GPU that is not there; nothing is recorded."""

    class Fixed(Pretraining):
        def _make_recorder(self) -> Recorder:
            return AsItStands()

    with _fake_gpu(on_host=on_host) as patch:
        training = Fixed(config, image_set(), GPU)
        _no_backward(patch, list(training._model.parameters()))
        yield training


@contextlib.contextmanager
def fake_run(config: Config, *, on_host: bool = False, kind: type[Run] = Run) -> Iterator[Run]:
    """A Run with one member, "0", whose tensors are fake and on a GPU.

    Args:
        config: Of the member.
        on_host: Whether the images stay in the memory of the host.
        kind: The class of the Run.
    """
    backbone = backbone_of(config)
    with _fake_gpu(on_host=on_host) as patch:
        run = kind(
            config,
            seed=SEED,
            images=image_set(),
            split=split_of(config),
            backbone=backbone,
            device=GPU,
        )
        _no_backward(patch, run.add("0", config)._weights)
        yield run


def step(run: Run, learner: Learner, number: int) -> Batch:
    """All of a step: batch, views, trunk, tail, loss, optimiser, sums."""
    batch = run.batch(0, number)
    learner.step(batch, number)
    return batch
