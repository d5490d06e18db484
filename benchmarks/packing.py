"""B6: K configurations in one Run against each of them in a Run of its own; B10: nothing frozen.

Both sides are the same code at its best; a Run with one member is what a solo trial is. Images and
weights are random. Where steps are recorded, all runs record into one pool of memory, as the
members of a pack do: with a pool each, the 22 runs of K = 21 would not fit on a card of 24 GB.
After an untimed epoch every pair times one epoch of the pack and one of the solo runs. At the end
all state of every member must equal that of its solo run, to the bit, and members must differ,
lest the comparison be of nothing with nothing.

B10 shows a limit of packing: of trials that train the whole network, batches and views are all that
is shared, and they gain next to nothing.
"""

from __future__ import annotations

import dataclasses
import functools
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from benchmarks.frame import Case, Check, Measurement, Setting, in_turns
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
    unfrozen,
    with_loop,
)
from lps_sweep.train import Run
from lps_sweep.train.capture import CudaRecorder, Recorder

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

    def case(self, name: str) -> Case:
        """The comparison as a case."""
        title = f"pack of {self.count} against {self.count} solo runs, {self.size.text()}"
        return Case(name, title, functools.partial(measure, self))


def measure(pack: Pack, setting: Setting) -> Measurement:
    """Trains pack and solo runs in turns, and compares them at the end."""
    size = dataclasses.replace(pack.size, epochs=setting.pairs + 1)
    configs = configs_of(size, pack.count)
    kind = one_pool(setting.device) if size.loop.get("graph") else Run
    together = run_of(size, configs, setting.device, kind)
    solos = [run_of(size, [config], setting.device, kind) for config in configs]
    if setting.on_cuda:
        torch.cuda.reset_peak_memory_stats(setting.device)
    times = in_turns(
        {
            "solo runs": lambda pair: train(solos, pair + 1),
            "pack": lambda pair: train([together], pair + 1),
        },
        setting,
    )
    facts = costs(pack.count, size.num_steps, times.sides["pack"], times.sides["solo runs"])
    if setting.on_cuda:
        facts["peak GB"] = torch.cuda.max_memory_allocated(setting.device) / 1e9
    return times.measurement(checks_of(together, solos), facts, pack.low, pack.high)


def one_pool(device: torch.device) -> type[Run]:
    """Runs that record into one pool of memory; they train in turn, and leave nothing in it."""
    recorder = CudaRecorder(device)

    class OfOnePool(Run):
        def _make_recorder(self) -> Recorder:
            return recorder

    return OfOnePool


def checks_of(pack: Run, solos: Sequence[Run]) -> list[Check]:
    """That each member is what it is alone, and that members differ."""
    apart = max(
        difference(member_state(pack, i), member_state(solo, 0)) for i, solo in enumerate(solos)
    )
    checks = [Check("largest difference of pack and solo, all state", apart)]
    if len(solos) > 1:
        spread = difference(member_state(pack, 0), member_state(pack, 1))
        checks.append(Check.above("largest difference of two members", spread, 1e-12))
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
    return [pack.case(name) for name, pack in packs.items()]


def unfrozen_cases(setting: Setting) -> list[Case]:
    """B10: one size; on a CPU a reduced one."""
    small = SMALL if setting.quick else Size(batch_size=16, num_steps=1)
    return [Pack(unfrozen(GRAPH if setting.on_cuda else small), 3, high=1.15).case("pack")]
