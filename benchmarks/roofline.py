"""B12: what the card gives, and how near a training step comes to it.

The card's rates are measured: products of bfloat16 and TF32 matrices, a copy, and the gap between
two small kernels. A step's work is counted: floating-point operations of convolutions and products.
"""

from __future__ import annotations

import dataclasses
import functools
import statistics

import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.frame import Case, Check, Measurement, Setting, in_turns, seconds
from benchmarks.reference_style.loop import reference_arithmetic
from benchmarks.states import relative_error
from benchmarks.workload import (
    FULL,
    GRAPH,
    HALF,
    Size,
    configs_of,
    run_of,
    train,
    unfrozen,
    with_loop,
)

EXPECTED_TFLOP = {"stage3": 2.466, "none": 5.113}
"""Of a step of 512 rows in three views, counted by hand."""


def tflop_of(size: Size, device: torch.device) -> float:
    """Of one step of one trial, counted on an eager run."""
    plain = dataclasses.replace(
        size, num_steps=1, loop={k: v for k, v in size.loop.items() if k == "precision"}
    )
    run = run_of(plain, configs_of(plain, 1), device)
    train([run], 0)
    with FlopCounterMode(display=False) as flops:
        train([run], 1)
    return float(flops.get_total_flops() / 1e12)


def matmul_tflops(device: torch.device, dtype: torch.dtype, side: int) -> tuple[float, float]:
    """Rate of a product of random square matrices, and its relative error."""
    a, b = (torch.randn((side, side), device=device, dtype=dtype) for _ in range(2))
    for _ in range(3):
        product = a @ b
    rows = slice(0, 64)
    error = relative_error(product[rows].cpu(), (a[rows].double() @ b.double()).cpu())
    took = seconds(lambda: [torch.mm(a, b, out=product) for _ in range(10)], device) / 10
    return 2 * side**3 / took / 1e12, error


def copy_gbs(device: torch.device, gigabytes: float) -> float:
    """Rate of a copy on the device, bytes read and written."""
    source = torch.randint(0, 255, (int(gigabytes * 1e9),), dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    target.copy_(source)
    took = seconds(lambda: [target.copy_(source) for _ in range(10)], device) / 10
    return 2 * source.numel() / took / 1e9


def launch_us(device: torch.device) -> float:
    """Microseconds between the starts of two small kernels of an eager program."""
    x = torch.zeros(256, device=device)
    many = 2000
    return min(seconds(lambda: [x.add_(1) for _ in range(many)], device) for _ in range(3)) / (
        many / 1e6
    )


@functools.lru_cache(maxsize=4)
def rates(device: torch.device, side: int, gigabytes: float) -> dict[str, float]:
    """What the card gives."""
    bfloat16, error = matmul_tflops(device, torch.bfloat16, side)
    with reference_arithmetic(device):
        tf32, error32 = matmul_tflops(device, torch.float32, side)
    return {
        "bfloat16 TFLOP/s": bfloat16,
        "TF32 TFLOP/s": tf32,
        "copy GB/s": copy_gbs(device, gigabytes),
        "launch us": launch_us(device),
        "relative error, bfloat16": error,
        "relative error, TF32": error32,
    }


def measure_card(setting: Setting, side: int = 8192, gigabytes: float = 4.0) -> Measurement:
    """The rates themselves."""
    found = rates(setting.device, side, gigabytes)
    checks = [
        Check("relative error of a bfloat16 product", found["relative error, bfloat16"], 1e-2),
        Check("relative error of a TF32 product", found["relative error, TF32"], 3e-3),
        Check.above("launch gap, us", found["launch us"], 0.1),
    ]
    return Measurement(checks, facts=found)


def measure_step(
    size: Size, count: int, setting: Setting, side: int = 8192, gigabytes: float = 4.0
) -> Measurement:
    """A step of a pack of `count`, and what share of the card's rates it comes to."""
    card = rates(setting.device, side, gigabytes)
    tflop = tflop_of(size, setting.device)
    run = run_of(size, configs_of(size, count), setting.device)
    times = in_turns({"step": lambda pair: train([run], pair + 1)}, setting)
    took = statistics.median(times.sides["step"]) / size.num_steps
    facts = {"ms per step": 1000 * took, "ms per step and trial": 1e3 * took / count}
    checks = [Check.above("ms per step", 1000 * took, 1e-3)]
    scale = size.batch_size / FULL.batch_size
    if size.network == "resnet18":
        off = tflop / (EXPECTED_TFLOP[size.frozen_through] * scale)
        checks.append(Check("TFLOP counted over those expected", off, high=1.05, low=0.95))
    if count == 1:
        half = size.loop.get("precision") == "bfloat16"
        rate = card["bfloat16 TFLOP/s" if half else "TF32 TFLOP/s"]
        facts |= {
            "TFLOP per step": tflop,
            "TFLOP/s": tflop / took,
            "share of the card's bfloat16 rate": tflop / took / card["bfloat16 TFLOP/s"],
            "share of the card's rate in this precision": tflop / took / rate,
        }
    return times.measurement(checks, facts)


def cases(_: Setting) -> list[Case]:
    """The card, then steps in both precisions; packs of 5 and 21."""
    found = [Case("card", "rates of the card", measure_card, needs_cuda=True)]
    for name, size, count in (
        ("frozen-bfloat16", HALF, 1),
        ("frozen-bfloat16-compiled", with_loop(HALF, compile=True), 1),
        ("frozen", GRAPH, 1),
        ("frozen-compiled", with_loop(GRAPH, compile=True), 1),
        ("tuned-bfloat16", unfrozen(HALF), 1),
        ("tuned", unfrozen(GRAPH), 1),
        ("pack5-bfloat16", HALF, 5),
        ("pack21-bfloat16", HALF, 21),
    ):
        measure = functools.partial(measure_step, size, count)
        found.append(Case(name, f"a step of {count}, {size.text()}", measure, needs_cuda=True))
    return found
