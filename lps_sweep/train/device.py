"""The device of a pack, set up so that the same trial gives the same bits again."""

from __future__ import annotations

import os
import platform
from typing import Any

import torch
from torch import Tensor

from lps_sweep.config import LoopConfig
from lps_sweep.errors import BadInputError

CUBLAS_WORKSPACE = ":4096:8"
"""With it, cuBLAS gives the same bits on any stream."""


def set_up_device(name: str, num_threads: int) -> torch.device:
    """The torch device `name` with deterministic kernels and a fixed number of CPU threads.

    Bit-identity is promised for one device type, library version and number of threads.
    """
    torch.set_num_threads(num_threads)
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.deterministic = True
    device = torch.device(name)
    if device.type == "cuda":
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", CUBLAS_WORKSPACE)
        set_convolutions("tf32")  # torch's own default, whatever ran here before
    return device


def check_step(loop: LoopConfig, device: torch.device) -> None:
    """Refuses what the device cannot do, before anything is begun.

    Raises:
        BadInputError: `loop` asks for what needs a GPU or a compiler that is not there.
    """
    on_gpu = device.type == "cuda"
    if loop.graph and not on_gpu:
        raise BadInputError(
            "graph: true records CUDA graphs, and this runs on a CPU; leave it out", where="graph"
        )
    if loop.precision == "tf32" and not on_gpu:
        raise BadInputError(
            "precision: tf32 is arithmetic of GPUs, and this runs on a CPU; take float32",
            where="precision",
        )
    if loop.precision == "bfloat16" and on_gpu and not _has_bfloat16():
        raise BadInputError(
            "precision: bfloat16 is not in this GPU's hardware; take float32", where="precision"
        )
    if loop.compile:
        _check_compiler(device)


def set_up_step(loop: LoopConfig, device: torch.device) -> None:
    """Sets this process up for the arithmetic that `loop` asks for.

    Raises:
        BadInputError: As in `check_step`.
    """
    check_step(loop, device)
    if loop.compile:
        # What was compiled before would count towards a limit past which nothing is compiled.
        torch.compiler.reset()
    if device.type == "cuda":
        set_convolutions("tf32" if loop.precision == "tf32" else "ieee")


def set_convolutions(precision: str) -> None:
    """Convolutions of float32 in ``ieee`` or ``tf32`` arithmetic on a GPU; products are ``ieee``.

    Torch's compiler still asks the older switch, which has to agree with the newer two.
    """
    cudnn: Any = torch.backends.cudnn
    cudnn.allow_tf32 = precision == "tf32"
    cudnn.conv.fp32_precision = cudnn.rnn.fp32_precision = precision
    torch.backends.cuda.matmul.fp32_precision = "ieee"


def device_facts(name: str, num_threads: int) -> dict[str, str | int]:
    """What a record should say of the device `name`."""
    on_cuda = torch.device(name).type == "cuda"
    model = torch.cuda.get_device_name(name) if on_cuda else f"CPU ({platform.machine()})"
    return {"device": model, "num_threads": num_threads}


def forget_peak_memory(device: torch.device) -> None:
    """From here on counts what `peak_memory` gives."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)


def peak_memory(device: torch.device) -> dict[str, float]:
    """``peak_memory_mb``, the most that this process's tensors took of a GPU; empty on a CPU.

    It is that of a whole pack, in 10^6 bytes, since `forget_peak_memory`.
    """
    if device.type != "cuda":
        return {}
    return {"peak_memory_mb": torch.cuda.max_memory_allocated(device) / 1e6}


def sent(source: Tensor, device: torch.device) -> Tensor:
    """`source` on `device`, for which the host does not wait.

    From page-locked memory, which torch keeps until the copy is done.
    """
    if device.type == "cuda" and source.device.type == "cpu":
        source = source.pin_memory()
    return source.to(device, non_blocking=True)


def _has_bfloat16() -> bool:
    return bool(torch.cuda.is_bf16_supported(including_emulation=False))


def _check_compiler(device: torch.device) -> None:
    """Raises a BadInputError where torch cannot compile for the device."""
    if device.type == "cuda":
        from torch.utils._triton import has_triton

        found = has_triton()
    else:
        from torch._inductor.cpp_builder import get_cpp_compiler
        from torch._inductor.exc import InvalidCxxCompiler

        try:
            found = bool(get_cpp_compiler())
        except InvalidCxxCompiler:
            found = False
    if not found:
        wanted = "Triton" if device.type == "cuda" else "a C++ compiler such as g++"
        raise BadInputError(f"compile: true needs {wanted}, which is not here", where="compile")
