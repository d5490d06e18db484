"""B10: a pack of trials that train the whole network: batches and views are all that it shares.

Published as a limit of packing: such trials gain next to nothing by it.
"""

from __future__ import annotations

import dataclasses
import functools

from benchmarks.frame import Benchmark, Case, Setting
from benchmarks.packing import Pack, measure
from benchmarks.workload import GRAPH, SMALL, Size

COUNT = 3


def cases(setting: Setting) -> list[Case]:
    """One size; on a CPU a reduced one."""
    if setting.on_cuda:
        size = GRAPH
    elif setting.quick:
        size = SMALL
    else:
        size = Size(batch_size=16, num_steps=1)
    pack = Pack(dataclasses.replace(size, frozen_through="none"), COUNT, high=1.15)
    return [Case("pack", pack.title, functools.partial(measure, pack))]


BENCHMARK = Benchmark("unfrozen", cases)
