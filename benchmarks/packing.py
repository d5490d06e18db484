"""B6: K configurations in one Run against each of them in a Run of its own.

Both sides are the same code at its best; a Run with one member is what a solo trial is. Images and
weights are random. After an untimed epoch every pair times one epoch of the pack and one of the
solo runs. At the end all state of every member must equal that of its solo run, to the bit, and
members must differ, lest the comparison be of nothing with nothing.
"""

from __future__ import annotations

import dataclasses
import functools
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

import torch

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
from benchmarks.states import difference
from benchmarks.workload import (
    FULL,
    GRAPH,
    HALF,
    SMALL,
    Size,
    configs_of,
    member_state,
    run_of,
    train,
    with_loop,
)
from lps_sweep.train import Run

GATE = 1.5
CPU_SIZE = Size()


@dataclass(frozen=True)
class Pack:
    """What is compared.

    Attributes:
        size: What each trial trains.
        count: Members of the pack, K, and number of solo runs.
        low: The gate, if there is one.
        high: Likewise, from above.
    """

    size: Size
    count: int
    low: float | None = None
    high: float | None = None

    @property
    def title(self) -> str:
        """In words."""
        return f"pack of {self.count} against {self.count} solo runs, {self.size.text()}"


def measure(pack: Pack, setting: Setting) -> Measurement:
    """Trains pack and solo runs in turns, and compares them at the end."""
    size = dataclasses.replace(pack.size, epochs=setting.pairs + 1)
    configs = configs_of(size, pack.count)
    together = run_of(size, configs, setting.device)
    solos = [run_of(size, [config], setting.device) for config in configs]
    if setting.on_cuda:
        torch.cuda.reset_peak_memory_stats(setting.device)
    times = in_turns(
        {
            "pack": lambda pair: train([together], pair + 1),
            "solo": lambda pair: train(solos, pair + 1),
        },
        setting.pairs,
        setting.device,
    )
    facts = costs(pack.count, size.num_steps, times["pack"], times["solo"])
    if setting.on_cuda:
        facts["peak GB"] = torch.cuda.max_memory_allocated(setting.device) / 1e9
    ratio = Ratio("solo runs", "pack", times["solo"], times["pack"], low=pack.low, high=pack.high)
    return Measurement(checks_of(together, solos), [ratio], facts, clock_name(setting.device))


def checks_of(pack: Run, solos: Sequence[Run]) -> list[Check]:
    """That each member is what it is alone, and that members differ."""
    apart = max(
        difference(member_state(pack, i), member_state(solo, 0)) for i, solo in enumerate(solos)
    )
    checks = [Check("largest difference of pack and solo, all state", apart)]
    if len(solos) > 1:
        spread = difference(member_state(pack, 0), member_state(pack, 1))
        checks.append(Check("largest difference of two members", spread, high=math.inf, low=1e-12))
    return checks


def costs(
    count: int, num_steps: int, pack_s: Sequence[float], solo_s: Sequence[float]
) -> dict[str, float]:
    """Seconds of a step that a pack shares and that each member has of its own, and the limits."""
    pack, solo = statistics.median(pack_s), statistics.median(solo_s)
    if count == 1:
        return {"step ms": 1000 * pack / num_steps}
    shared = (solo - pack) / (count - 1) / num_steps
    own = solo / count / num_steps - shared
    found = {"shared ms per step": 1000 * shared, "own ms per step": 1000 * own}
    if shared > 0 and own > 0:
        r = shared / own
        found |= {
            "r = shared / own": r,
            "limit K(1 + r)/(K + r)": count * (1 + r) / (count + r),
            "limit 1 + r for any K": 1 + r,
        }
    return found


def cases(setting: Setting) -> list[Case]:
    """The gate's setting on a CPU, and small ones over K; full size over K on a GPU."""
    if setting.on_cuda:
        packs = {f"k{k}": Pack(GRAPH, k) for k in (1, 5, 21, 2, 10)}
        packs["k5"] = Pack(GRAPH, 5, low=GATE)
        packs |= {f"k{k}-bfloat16": Pack(HALF, k) for k in (5, 21)}
        packs |= {f"k{k}-eager": Pack(FULL, k) for k in (5, 21)}
        packs["k5-compiled"] = Pack(with_loop(GRAPH, compile=True), 5)
    elif setting.quick:
        packs = {"k3-small": Pack(SMALL, 3)}
    else:
        small = dataclasses.replace(SMALL, batch_size=64, num_steps=4)
        packs = {f"k{k}-small": Pack(small, k) for k in (1, 2, 5, 10)}
        packs["k5"] = Pack(CPU_SIZE, 5, low=GATE)
    return [
        Case(name, pack.title, functools.partial(measure, pack)) for name, pack in packs.items()
    ]


BENCHMARK = Benchmark("packing", cases)
