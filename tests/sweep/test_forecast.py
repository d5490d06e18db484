"""A sweep on a simulated cluster, by the driver's own decisions."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from lps_sweep.config import Config, build_config, flat
from lps_sweep.errors import BadInputError
from lps_sweep.plan import PlannedTrial, Resources
from lps_sweep.sweep.costs import Cost, kind_of
from lps_sweep.sweep.forecast import SIMULATIONS, Cluster, forecast, read_cluster
from lps_sweep.sweep.simulated import SimulatedDriver, Work, Workers
from lps_sweep.sweep.simulation import Ended, Nodes, SimulatedJob, Simulation
from tests.config.config_cases import located
from tests.counted import counted_calls

CONFIG = build_config(located(dataset="digits", epochs=20, pretrain_epochs=50))
COST = Cost(shared_s=22.0, own_s=20.0, start_s=30.0, pretrain_epoch_s=60.0)
NODES = Cluster(nodes=4, gpus_per_node=2, boot_s=100.0)


def work(
    number: int = 40, seeds: int = 2, cost: Cost = COST, trunks: Sequence[Config] = (), **of: Any
) -> Work:
    trials = [
        PlannedTrial(f"{seed}-{n}", f"key-{seed}", "trunk", CONFIG, seed, {})
        for n in range(number)
        for seed in range(seeds)
    ]
    return Work([trials], trunks, {kind_of(flat(CONFIG)): cost}, Resources(**of))


class Noted(Simulation):
    """Notes the jobs that are handed out, and those that end."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.begun: list[SimulatedJob] = []
        self.done: Counter[str] = Counter()

    def run(self, jobs: Sequence[SimulatedJob], ended: Ended) -> None:
        def noted(job: SimulatedJob, saved: int | None) -> Sequence[SimulatedJob]:
            if saved is None:
                self.done.update(job.members)
            again = ended(job, saved)
            self.begun += again
            return again

        self.begun += jobs
        super().run(jobs, noted)


def test_packs_of_one_size_on_nodes_that_stay() -> None:
    found = forecast(work(trunks=[CONFIG]), NODES, {})
    assert (found.packs_per_node, found.simulations, found.pretrained) == (2, 1, True)
    alone = found.sizes[0]
    packs = 80 / 8 * (30 + 20 * 42)
    assert alone.max_pack_size == 1
    assert alone.hours.mean == pytest.approx((100 + 50 * 60 + 100 + packs) / 3600)
    assert alone.node_hours.mean == pytest.approx(alone.hours.mean * 4 - 3 * (100 + 3000) / 3600)
    assert alone.gpu_hours.mean == pytest.approx(2 * alone.node_hours.mean)
    assert {(one.low, one.high) for one in (alone.hours, alone.gpu_hours)} == {
        (one.mean, one.mean) for one in (alone.hours, alone.gpu_hours)
    }
    assert found.best == min(found.sizes, key=lambda one: one.hours.mean).max_pack_size > 1


def test_sizes_reach_from_one_to_the_largest_pack_there_can_be() -> None:
    few = Cluster(nodes=1, gpus_per_node=1)
    assert [one.max_pack_size for one in forecast(work(100), few, {}).sizes] == [1, 2, 6, 13, 32]
    assert [one.max_pack_size for one in forecast(work(5), few, {}).sizes] == [1, 2, 3, 5]
    limited = forecast(work(100, max_pack_size=4), few, {}).sizes
    assert [one.max_pack_size for one in limited] == [1, 2, 3, 4]
    many = Cluster(nodes=100, gpus_per_node=8)
    assert [one.max_pack_size for one in forecast(work(100), many, {}).sizes] == [1], "all alike"


def test_losses_cost_time_and_spread_it_and_are_the_same_each_time() -> None:
    spot = replace(NODES, spot=0.3)
    calm, found = forecast(work(), NODES, {}), forecast(work(), spot, {})
    assert found == forecast(work(), spot, {})
    assert found.simulations == SIMULATIONS
    for quiet, one in zip(calm.sizes, found.sizes, strict=True):
        assert one.losses.mean > 0 == quiet.losses.mean
        assert one.hours.low < one.hours.mean < one.hours.high
        assert one.hours.mean > quiet.hours.mean
        assert one.failed.high == 0


@pytest.mark.parametrize("seed", range(10))
def test_each_trial_ends_once_and_repeats_no_more_than_lies_between_checkpoints(seed: int) -> None:
    driver = SimulatedDriver(work(cost=replace(COST, start_s=0.0)), Workers(8, 1.0))
    rng = random.Random(seed)
    lives = [rng.expovariate(1 / 1500) for _ in range(100)]
    simulation = Noted(Nodes(4, 2, boot_s=50, noticed_s=10), lives)
    driver.run(simulation)
    assert simulation.losses > 0
    assert simulation.done == Counter(dict.fromkeys((t.trial_id for t in driver.work.trials), 1))
    for job in simulation.begun:
        assert 0 <= job.first < job.last
        assert job.epoch_s == COST.epoch_s(len(job.members))
    assert sum(job.first > 0 for job in simulation.begun) > 0, "some went on"


def test_a_trial_lost_again_and_again_is_taken_for_the_cause() -> None:
    """Nodes that last 100 s lose what needs 130 s to its first checkpoint, whatever is packed."""
    slow = work(4, seeds=1, cost=Cost(0.0, 130.0), max_attempts=2)
    simulation = Noted(Nodes(2, 1), [100.0] * 10_000)
    ran = SimulatedDriver(slow, Workers(2, 1.0)).run(simulation)
    assert (ran.num_failed, simulation.done) == (4, Counter())
    assert {len(job.members) for job in simulation.begun[-4:]} == {1}
    assert all(job.first == 0 for job in simulation.begun)


def test_pre_training_goes_on_where_it_was_lost_and_fails_where_it_never_does() -> None:
    driver = SimulatedDriver(work(1, trunks=[CONFIG]), Workers(1, 1.0))
    ran = driver.run(simulation := Simulation(Nodes(1, 1), [90.0] * 4))
    assert simulation.losses == 4
    assert ran.pretrain_s == pytest.approx(3000 + 4 * 30)
    hopeless = work(1, cost=replace(COST, pretrain_epoch_s=36_000.0), trunks=[CONFIG])
    found = forecast(hopeless, replace(NODES, spot=0.9), {})
    assert (found.sizes, found.best) == ([], None)


def test_a_batch_of_a_search_waits_for_the_one_before() -> None:
    [trials] = work(8, seeds=1).rounds
    batches = replace(work(), rounds=[trials[:3], trials[3:6], trials[6:]])
    simulation = Simulation(Nodes(1, 4))
    SimulatedDriver(batches, Workers(4, 1.0)).run(simulation)
    assert simulation.now_s == pytest.approx(3 * (30 + 20 * 42))


def test_measured_packs_are_as_large_as_pays() -> None:
    """Where a run would measure, what is shared decides how large packs are."""
    little = Cost(shared_s=1.0, own_s=10.0)
    largest = {
        on_gpu: len(SimulatedDriver(work(cost=little), Workers(1, on_gpu)).packs[0][0])
        for on_gpu in (0.0, 1.0)
    }
    assert (largest[1.0], largest[0.0]) == (1, 20)


@pytest.mark.parametrize(
    ("cluster", "resources", "named"),
    [
        ({"gpus_per_node": 4}, {"gpus_per_pack": 8.0}, "at most 4, what a node has, not 8"),
        ({"cpus_per_node": 2}, {"cpus_per_pack": 3}, "at most 2, what a node has, not 3"),
        ({"cpus_per_node": 2}, {"gpus_per_pack": 0.5}, "at most 0, what a node has, not 0.5"),
        ({"gpus_per_node": 2, "cpus_per_node": 1}, {"cpus_per_pack": 2}, "cpus_per_pack"),
        ({"gpus_per_node": 2}, {"gpus_per_pack": 0.0}, "how many a node has"),
        ({}, {}, "how many a node has"),
    ],
)
def test_a_pack_that_fits_no_node_is_refused(
    cluster: dict[str, Any], resources: dict[str, Any], named: str
) -> None:
    with pytest.raises(BadInputError, match=named):
        forecast(work(**resources), Cluster(nodes=2, **cluster), {})


@pytest.mark.parametrize(
    ("resources", "cluster", "packs"),
    [
        ({}, {"gpus_per_node": 4}, 4),
        ({"gpus_per_pack": 0.5}, {"gpus_per_node": 4}, 8),
        ({"gpus_per_pack": 2.0, "cpus_per_pack": 3}, {"gpus_per_node": 4, "cpus_per_node": 5}, 1),
        ({"cpus_per_pack": 2}, {"cpus_per_node": 9}, 4),
        ({"gpus_per_pack": 0.0}, {"gpus_per_node": 1, "cpus_per_node": 9}, 9),
    ],
)
def test_packs_share_the_gpus_and_cores_of_a_node(
    resources: dict[str, Any], cluster: dict[str, Any], packs: int
) -> None:
    found = forecast(work(4, **resources), Cluster(nodes=3, **cluster), {})
    assert found.packs_per_node == packs


def test_what_a_cluster_may_be_is_checked() -> None:
    none = dict.fromkeys(["nodes", "gpus_per_node", "cpus_per_node", "spot"])
    assert read_cluster(none, []) is None
    given = none | {"nodes": 8, "gpus_per_node": 4}
    assert read_cluster(given, ["boot_s=5,idle_s=9"]) == Cluster(
        nodes=8, gpus_per_node=4, boot_s=5.0, idle_s=9.0
    )
    for wrong, assumed in (
        ({"nodes": 0}, []),
        ({"spot": 1.0}, []),
        ({"spot": float("nan")}, []),
        ({"cpus_per_node": 0}, []),
        ({"nodes": None}, []),
        ({}, ["boot_s=-1"]),
        ({}, ["boots=1"]),
    ):
        with pytest.raises(BadInputError):
            read_cluster(given | wrong, assumed)
    with pytest.raises(BadInputError):
        read_cluster(none, ["boot_s=3"])


def test_calls_grow_with_trials_and_simulations_and_not_with_the_cluster() -> None:
    """100 simulations of 1,000 trials take seconds, which no test measures."""
    numbers = {}
    for trials, nodes in ((100, 10), (400, 10), (400, 250)):
        with counted_calls() as calls:
            forecast(work(trials // 2), Cluster(nodes=nodes, gpus_per_node=4, spot=0.05), {})
        numbers[trials, nodes] = calls.number
    assert numbers[400, 10] < 6 * numbers[100, 10]
    assert numbers[400, 250] < 3 * numbers[400, 10]
    assert numbers[400, 10] < 400 * 5 * SIMULATIONS * 60
