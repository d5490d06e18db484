"""The device of a pack, set up so that the same trial gives the same bits again."""

from __future__ import annotations

import ctypes
import functools
import gc
import os
import platform
import re
import shutil
import sysconfig
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lps_sweep.config import LoopConfig
from lps_sweep.errors import BadInputError

CUBLAS_WORKSPACE = ":4096:8"
"""With it, cuBLAS gives the same bits on any stream."""


DRIVER = Path("/proc/driver/nvidia/version")
"""Where NVIDIA's driver, if it is loaded, tells its version."""


def set_up_device(name: str, num_threads: int, gpu_share: float = 1.0) -> torch.device:
    """The torch device `name` as a job begins with it, whatever ran in this process before.

    Kernels are deterministic and CPU threads fixed: bit-identity is promised for one device type,
    library version and number of threads. Nothing is left of the memory of former jobs.

    Args:
        name: As torch names it.
        num_threads: CPU threads.
        gpu_share: Of a GPU's memory that tensors of this process may take, above 0 and up to 1.
    """
    torch.set_num_threads(num_threads)
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.deterministic = True
    device = torch.device(name)
    if device.type == "cuda":
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", CUBLAS_WORKSPACE)
        set_convolutions("tf32")  # torch's own default
        gc.collect()
        torch.cuda.empty_cache()
        torch.cuda.set_per_process_memory_fraction(gpu_share, device.index)
    return device


@dataclass(frozen=True)
class Gpus:
    """What there is of GPUs for this process.

    Attributes:
        number: Those that torch can use.
        driver: Version of NVIDIA's driver, and the newest CUDA that it can do; empty without one.
        trouble: Why none can be used, with torch's CUDA and the driver's; empty if one can.
    """

    number: int
    driver: str = ""
    trouble: str = ""


@functools.cache
def usable_gpus() -> Gpus:
    """The GPUs that this process can use, or why there is none.

    It is asked once, since torch counts them once and says what is wrong at that time alone.
    """
    driver = _driver()
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        if torch.cuda.is_available():
            return Gpus(max(1, torch.cuda.device_count()), driver)
    why = [str(warning.message).partition(" (Triggered")[0] for warning in told]
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        why.append(f"CUDA_VISIBLE_DEVICES is {visible!r}")
    text = (
        f"torch {torch.__version__} is made for {_cuda(torch.version.cuda)}, and the driver is "
        f"{driver or 'missing'}"
    )
    return Gpus(0, driver, "; ".join(["no GPU can be used here: " + text, *why]))


def gpus_for_pack(wanted: float | None, *, alone: bool = False, where: str = "") -> float:
    """GPUs of a pack on this machine: as many as `wanted`; if it is None, 1 where there is one.

    Args:
        wanted: As in the resources of a pack.
        alone: Whether it trains in this process, on one GPU at the most.
        where: Where `wanted` was read from.

    Raises:
        BadInputError: They are not there, or cannot be used.
    """
    if wanted == 0:
        return 0.0
    found = usable_gpus()
    usable = min(1, found.number) if alone else found.number
    if wanted is None:
        return float(min(1, usable))
    if wanted <= usable:
        return wanted
    why = found.trouble or f"{found.number} can be used on this machine"
    if found.number > usable:
        why += ", and a pack in this process has one at the most"
    raise BadInputError(f"gpus_per_pack must be at most {usable}, not {wanted:g}: {why}", where)


def _driver() -> str:
    """As `Gpus.driver`; what it can do is asked of it as any program would."""
    try:
        version = re.search(r"\b\d+\.\d+(\.\d+)*\b", DRIVER.read_text(encoding="utf-8"))
    except OSError:
        version = None
    number = ctypes.c_int()
    try:
        known = ctypes.CDLL("libcuda.so.1").cuDriverGetVersion(ctypes.byref(number)) == 0
    except (OSError, AttributeError):
        known = False
    cuda = f"{number.value // 1000}.{number.value % 1000 // 10}" if known else ""
    parts = [version.group() if version else "", f"for {_cuda(cuda)}" if cuda else ""]
    return " ".join(part for part in parts if part)


def _cuda(version: str | None) -> str:
    return f"CUDA {version}" if version else "no CUDA"


def check_step(loop: LoopConfig, device: torch.device, prefix: str = "") -> None:
    """Refuses what the device cannot do, before anything is begun.

    The settings are those of `loop`, or of the same names after a `prefix`.

    Raises:
        BadInputError: `loop` asks for what needs a GPU or a compiler that is not there.
    """
    on_gpu = device.type == "cuda"
    if loop.graph and not on_gpu:
        raise BadInputError(
            f"{prefix}graph: true records CUDA graphs, and this runs on a CPU; leave it out",
            where=f"{prefix}graph",
        )
    if loop.precision == "tf32" and not on_gpu:
        raise BadInputError(
            "precision: tf32 is arithmetic of GPUs, and this runs on a CPU; take float32",
            where="precision",
        )
    if loop.precision == "bfloat16" and on_gpu and not _has_bfloat16():
        raise BadInputError(
            f"{prefix}precision: bfloat16 is not in this GPU's hardware; take float32",
            where=f"{prefix}precision",
        )
    if loop.compile:
        _check_compiler(device, f"{prefix}compile")


def set_up_step(loop: LoopConfig, device: torch.device, prefix: str = "") -> None:
    """Sets this process up for the arithmetic that `loop` asks for.

    Raises:
        BadInputError: As in `check_step`.
    """
    check_step(loop, device, prefix)
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


def wait_for(device: torch.device) -> None:
    """Until a GPU has done what it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


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


def _check_compiler(device: torch.device, name: str) -> None:
    """Raises a BadInputError where torch cannot compile for the device."""
    missing = []
    if device.type == "cuda":
        from torch.utils._triton import has_triton

        if not has_triton():
            missing.append("Triton")
        wanted = [os.environ["CC"]] if os.environ.get("CC") else ["gcc", "clang"]
        if not any(shutil.which(name) for name in wanted):
            missing.append("a C compiler such as gcc, with which Triton starts its kernels")
    else:
        from torch._inductor.cpp_builder import get_cpp_compiler
        from torch._inductor.exc import InvalidCxxCompiler

        try:
            found = bool(get_cpp_compiler())
        except InvalidCxxCompiler:
            found = False
        if not found:
            missing.append("a C++ compiler such as g++")
    scheme = sysconfig.get_default_scheme().replace("posix_local", "posix_prefix")
    headers = Path(sysconfig.get_paths(scheme)["include"])
    if not (headers / "Python.h").exists():
        missing.append(f"Python's headers in {headers}, which a package such as python3-dev has")
    if missing:
        raise BadInputError(f"{name}: true needs {' and '.join(missing)}", where=name)
