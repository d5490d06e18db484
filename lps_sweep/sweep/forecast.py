"""How long a sweep takes on a cluster, and how many GPU-hours: simulated, by size of packs."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Any

from lps_sweep.errors import BadInputError
from lps_sweep.params import check_ranges, param
from lps_sweep.plan import GPU_PARTS, LARGEST_PACK, Resources
from lps_sweep.sweep.budget import read_limits
from lps_sweep.sweep.executor import room
from lps_sweep.sweep.simulated import PretrainingError, SimulatedDriver, Work, Workers
from lps_sweep.sweep.simulation import Nodes, Simulation

SIZES = 5
"""Sizes of packs that are compared, at the most."""

SIMULATIONS = 20
"""Simulations of each size, where nodes are lost."""


@dataclass(frozen=True)
class Assumed:
    """What is assumed of a cluster unless it is known better."""

    boot_s: float = param(180.0, "seconds until a node that was asked for trains", low=0)
    noticed_s: float = param(30.0, "seconds until the loss of a node is noticed", low=0)
    idle_s: float = param(300.0, "seconds without a pack after which a node is given back", low=0)


@dataclass(frozen=True)
class Cluster(Assumed):
    """Nodes that are all alike; none is up before it is needed."""

    nodes: int = param(1, "nodes at the most", low=1, high=100_000)
    gpus_per_node: int = param(0, "GPUs of a node", low=0, high=1024)
    cpus_per_node: int | None = param(
        None, "CPU cores of a node; with GPUs, enough for them unless given", low=1, high=100_000
    )
    spot: float = param(
        0.0, "chance that a node is taken away within an hour", low=0, high=1, open_high=True
    )


def read_cluster(given: Mapping[str, float | None], assumed: Sequence[str]) -> Cluster | None:
    """The cluster that options of a command describe; None where there are none.

    Args:
        given: Fields of `Cluster`, None where they were not given.
        assumed: ``name=value`` texts, several of them separated by commas.

    Raises:
        BadInputError: For a value out of range, an unknown name, or if there is no number of nodes.
    """
    values: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    if not values and not assumed:
        return None
    if "nodes" not in values:
        raise BadInputError("say how many nodes there may be", "--nodes")
    cluster = Cluster(**values, **vars(read_limits(assumed, Assumed)))
    check_ranges(cluster)
    return cluster


@dataclass(frozen=True)
class Spread:
    """A figure over the simulations: its mean, the least and the largest."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class Forecast:
    """What packs of at most `max_pack_size` trials come to.

    Attributes:
        max_pack_size: As in `Resources`.
        hours: Of wall-clock time.
        node_hours: Of all nodes, each from when it was asked for.
        gpu_hours: Hours of nodes times the GPUs of each.
        losses: Nodes that were taken away.
        failed: Trials that failed since theirs were, again and again.
    """

    max_pack_size: int
    hours: Spread
    node_hours: Spread
    gpu_hours: Spread
    losses: Spread
    failed: Spread


@dataclass(frozen=True)
class ClusterForecast:
    """What a sweep comes to on a cluster.

    Attributes:
        cluster: The cluster.
        packs_per_node: Packs that a node trains at a time.
        simulations: Of each size of packs.
        is_known: Whether the cost of every trial is; if not, there is no more.
        sizes: A forecast for each, the smallest first, without those that make the same packs as
            a smaller one; none where pre-training fails.
        best: The size that loses the fewest trials, of those the one with the shortest mean
            time; None where there is none.
        pretrained: Whether the pre-training is in it, or none is needed.
    """

    cluster: Cluster
    packs_per_node: int
    simulations: int
    is_known: bool
    sizes: Sequence[Forecast]
    best: int | None
    pretrained: bool


def forecast(work: Work, cluster: Cluster, places: Mapping[str, str]) -> ClusterForecast:
    """Simulates `work` on `cluster`, which is the same each time.

    Args:
        work: What is left to do.
        cluster: What it is done on.
        places: Where each resource was read from.

    Raises:
        BadInputError: A pack fits no node.
    """
    on_node = _workers_of_node(cluster, work.resources, places)
    seeds = range(SIMULATIONS if cluster.spot else 1)
    workers = replace(on_node, number=cluster.nodes * on_node.number)
    drivers: dict[str, SimulatedDriver] = {}
    for size in _sizes(work):
        resources = replace(work.resources, max_pack_size=size)
        driver = SimulatedDriver(replace(work, resources=resources), workers)
        drivers.setdefault(str(driver.packs), driver)
    nodes = Nodes(cluster.nodes, on_node.number, cluster.boot_s, cluster.noticed_s, cluster.idle_s)
    known = drivers.values() if work.is_known else ()
    found = [one for driver in known if (one := _simulated(driver, cluster, nodes, seeds))]
    ranked = sorted(found, key=lambda one: (one.failed.mean, one.hours.mean))
    return ClusterForecast(
        cluster=cluster,
        packs_per_node=on_node.number,
        simulations=len(seeds),
        is_known=work.is_known,
        sizes=found,
        best=ranked[0].max_pack_size if ranked else None,
        pretrained=work.pretraining() is not None,
    )


def _workers_of_node(cluster: Cluster, resources: Resources, places: Mapping[str, str]) -> Workers:
    """What one node trains at a time."""
    found, wanted = cluster.gpus_per_node, resources.gpus_per_pack
    gpus = (1.0 if found else 0.0) if wanted is None else wanted
    cpus = cluster.cpus_per_node
    if cpus is None and not gpus:
        raise BadInputError("packs train on CPUs: say how many a node has", "--cpus-per-node")
    enough = GPU_PARTS * found * resources.cpus_per_pack
    number = room(enough if cpus is None else cpus, found, resources.cpus_per_pack, gpus)
    if not number:
        facts = {"cpus_per_pack": (resources.cpus_per_pack, cpus), "gpus_per_pack": (gpus, found)}
        key = "gpus_per_pack" if gpus > found else "cpus_per_pack"
        needed, there = facts[key]
        raise BadInputError(
            f"{key} must be at most {there}, what a node has, not {needed:g}", places.get(key, "")
        )
    return Workers(number, gpus)


def _sizes(work: Work) -> list[int]:
    """From packs of one to the largest that there can be, even in ratio."""
    groups = Counter((n, t.pack_key) for n, trials in enumerate(work.rounds) for t in trials)
    limit = work.resources.max_pack_size or LARGEST_PACK
    largest = min(limit, max(groups.values(), default=1))
    return sorted({round(largest ** (step / (SIZES - 1))) for step in range(SIZES)})


def _simulated(
    driver: SimulatedDriver, cluster: Cluster, nodes: Nodes, seeds: Sequence[int]
) -> Forecast | None:
    """None where pre-training fails."""
    found, failed = [], []
    for seed in seeds:
        simulation = Simulation(nodes, _lifetimes(cluster.spot, seed))
        try:
            failed.append(driver.run(simulation).num_failed)
        except PretrainingError:
            return None
        found.append(simulation)
    node_hours = [one.node_s / 3600 for one in found]
    return Forecast(
        max_pack_size=driver.work.resources.max_pack_size or LARGEST_PACK,
        hours=_spread([one.now_s / 3600 for one in found]),
        node_hours=_spread(node_hours),
        gpu_hours=_spread([hours * cluster.gpus_per_node for hours in node_hours]),
        losses=_spread([one.losses for one in found]),
        failed=_spread(failed),
    )


def _lifetimes(spot: float, seed: int) -> Iterator[float]:
    """Seconds until each node is taken away, if the chance is `spot` in every hour."""
    draw = random.Random(seed)
    while spot:
        yield draw.expovariate(-math.log1p(-spot) / 3600)


def _spread(values: Sequence[float]) -> Spread:
    return Spread(fmean(values), min(values), max(values))
