"""B8: the tails of a pack computed as one, against one after the other.

A tail is the last stage of ResNet-18, two blocks, which reads activations that all tails share.
Fused forms: `grouped`, convolutions with a group for each tail; `bmm`, patches times a batch of
weight matrices; `vmap`, torch's own vectorisation. All give the loop's outputs and gradients.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.frame import (
    Benchmark,
    Case,
    Check,
    Measurement,
    Ratio,
    Setting,
    clock_name,
    in_turns,
)
from benchmarks.states import relative_error

TOLERANCE = {"cpu": 1e-4, "cuda": 2e-2}
"""Relative, of outputs; on a GPU the forms round to TF32 differently."""

OF_GRADIENTS = 0.05
"""Likewise, of gradients: where rounding takes a value across zero, ReLU turns its gradient off."""

Weights = Mapping[str, Tensor]
Conv = Callable[[Tensor, Tensor, int], Tensor]

SHAPES = {
    "conv1": (2, 1, 3),
    "conv2": (2, 2, 3),
    "shortcut": (2, 1, 1),
    "conv3": (2, 2, 3),
    "conv4": (2, 2, 3),
}
"""Output and input channels in units of the width, and side of the kernel."""


def weights_of(count: int, width: int, device: torch.device) -> dict[str, Tensor]:
    """Weights (K, out, in, side, side) of K tails."""
    generator = torch.Generator().manual_seed(0)
    found = {}
    for name, (out, into, side) in SHAPES.items():
        shape = (count, out * width, into * width, side, side)
        drawn = torch.randn(shape, generator=generator) / math.sqrt(into * width * side * side)
        found[name] = drawn.to(device).requires_grad_()
    return found


def tail(x: Tensor, weights: Weights, conv: Conv, norm: Callable[[Tensor], Tensor]) -> Tensor:
    """Two residual blocks, the first with stride 2, then the mean over positions."""
    inner = F.relu(norm(conv(x, weights["conv1"], 2)))
    first = F.relu(norm(conv(inner, weights["conv2"], 1)) + norm(conv(x, weights["shortcut"], 2)))
    inner = F.relu(norm(conv(first, weights["conv3"], 1)))
    second = F.relu(norm(conv(inner, weights["conv4"], 1)) + first)
    return second.mean((-2, -1))


def _norm(x: Tensor) -> Tensor:
    """BatchNorm by the batch's statistics, without weights: all channels are alike."""
    return F.batch_norm(x, None, None, training=True)


def _plain_conv(x: Tensor, weight: Tensor, stride: int) -> Tensor:
    return F.conv2d(x, weight, stride=stride, padding=weight.shape[-1] // 2)


def loop(x: Tensor, weights: Weights) -> Tensor:
    """(K, B, d), one tail after the other."""
    rows = zip(*(weight.unbind() for weight in weights.values()), strict=True)
    each = [dict(zip(weights, row, strict=True)) for row in rows]
    return torch.stack([tail(x, own, _plain_conv, _norm) for own in each])


def grouped(x: Tensor, weights: Weights) -> Tensor:
    """(K, B, d), a group for each tail."""
    count, shared = len(weights["conv1"]), x.shape[1]

    def conv(x: Tensor, weight: Tensor, stride: int) -> Tensor:
        reads_shared = x.shape[1] == shared and weight.shape[2] == shared
        return F.conv2d(
            x,
            weight.flatten(0, 1),
            stride=stride,
            padding=weight.shape[-1] // 2,
            groups=1 if reads_shared else count,
        )

    return tail(x, weights, conv, _norm).reshape(len(x), count, -1).transpose(0, 1)


def bmm(x: Tensor, weights: Weights) -> Tensor:
    """(K, B, d), patches times matrices."""
    count, batch = len(weights["conv1"]), len(x)

    def conv(x: Tensor, weight: Tensor, stride: int) -> Tensor:
        """Of (B, C, H, W), which all share, or (K, B, C, H, W)."""
        side = weight.shape[-1]
        rows = x if x.ndim == 4 else x.flatten(0, 1)
        patches = F.unfold(rows, side, padding=side // 2, stride=stride)
        patches = patches.reshape(-1, batch, *patches.shape[1:]).transpose(1, 2).flatten(2)
        made = torch.matmul(weight.flatten(2), patches.expand(count, -1, -1))
        place = -(-x.shape[-1] // stride)
        return made.reshape(count, -1, batch, place, place).transpose(1, 2)

    def norm(x: Tensor) -> Tensor:
        joint = _norm(x.transpose(0, 1).flatten(1, 2))
        return joint.reshape(batch, count, *x.shape[2:]).transpose(0, 1)

    return tail(x, weights, conv, norm)


def vmap(x: Tensor, weights: Weights) -> Tensor:
    """(K, B, d) by torch.func.vmap."""

    def one(own: Weights) -> Tensor:
        return tail(x, own, _plain_conv, _norm)

    made: Tensor = torch.func.vmap(one)(dict(weights))
    return made


FORMS = {"grouped": grouped, "bmm": bmm, "vmap": vmap}


def step(form: Callable[[Tensor, Weights], Tensor], x: Tensor, weights: Weights) -> list[Tensor]:
    """Outputs and gradients, forward and backward."""
    outputs = form(x, weights)
    gradients = torch.autograd.grad(outputs.square().sum(), list(weights.values()))
    return [outputs.detach(), *gradients]


def measure(count: int, width: int, batch: int, setting: Setting) -> Measurement:
    """All forms on the same activations (batch, width, 8, 8)."""
    device = setting.device
    generator = torch.Generator().manual_seed(1)
    x = torch.randn((batch, width, 8, 8), generator=generator).to(device)
    weights = weights_of(count, width, device)
    right = step(loop, x, weights)
    checks, sides = [], {"loop": lambda _: step(loop, x, weights)}
    for name, form in FORMS.items():
        found = step(form, x, weights)
        outputs, *gradients = [relative_error(a, b) for a, b in zip(found, right, strict=True)]
        limit = TOLERANCE[device.type]
        checks.append(Check(f"{name}: relative error of the outputs", outputs, limit))
        worst = max(gradients)
        checks.append(Check(f"{name}: relative error of the gradients", worst, OF_GRADIENTS))
        sides[name] = lambda _, form=form: step(form, x, weights)  # type: ignore[misc]
    spread = relative_error(right[0][0], right[0][1])
    checks.append(Check("relative difference of two tails", spread, high=math.inf, low=0.01))
    times = in_turns(sides, setting.pairs, device)
    ratios = [Ratio("loop of tails", name, times["loop"], times[name]) for name in FORMS]
    return Measurement(checks, ratios, {}, clock_name(device))


def cases(setting: Setting) -> list[Case]:
    """Input widths (256 is ResNet-18's) by batch; K = 5."""
    if setting.on_cuda:
        sizes = [(width, batch) for width in (16, 64, 256) for batch in (64, 512)]
    elif setting.quick:
        sizes = [(4, 8)]
    else:
        sizes = [(8, 32), (32, 32), (128, 32), (256, 16)]
    return [
        Case(
            f"width{width}-batch{batch}",
            f"5 tails of width {2 * width} on shared activations, batch {batch}",
            functools.partial(measure, 5, width, batch),
        )
        for width, batch in sizes
    ]


BENCHMARK = Benchmark("fused tails", cases)
