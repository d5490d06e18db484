"""Simulated nodes: times that can be worked out by hand, and what holds of any of them."""

from __future__ import annotations

import heapq
import random
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import pytest

from lps_sweep.sweep.simulation import Nodes, SimulatedJob, Simulation


def job(*members: str, seconds: float = 0.0, epochs: int = 1, **given: float) -> SimulatedJob:
    """A job of so many seconds, each epoch as long as any."""
    start_s = given.get("start_s", 0.0)
    return SimulatedJob(members, 0, epochs, start_s, seconds / epochs, given.get("interval_s", 0.0))


@dataclass
class Record:
    """Hands what was lost out again as it is; notes how often each member ended."""

    done: Counter[str] = field(default_factory=Counter)
    saved: list[int] = field(default_factory=list)

    def ended(self, job: SimulatedJob, saved: int | None) -> Sequence[SimulatedJob]:
        if saved is None:
            self.done.update(job.members)
            return ()
        self.saved.append(saved)
        return (replace(job, first=saved),)


def simulated(
    jobs: Sequence[SimulatedJob], nodes: Nodes, lifetimes: Iterable[float] = ()
) -> tuple[Simulation, Record]:
    record, simulation = Record(), Simulation(nodes, lifetimes)
    simulation.run(jobs, record.ended)
    assert record.done == Counter(member for job in jobs for member in job.members)
    return simulation, record


def list_schedule(durations: Iterable[float], num_workers: int) -> float:
    workers = [0.0] * num_workers
    for duration in durations:
        heapq.heapreplace(workers, workers[0] + duration)
    return max(workers)


def drawn(rng: random.Random) -> list[SimulatedJob]:
    return [
        job(f"{n}", seconds=rng.uniform(1, 100), epochs=rng.randint(1, 9), start_s=rng.random())
        for n in range(rng.randint(1, 40))
    ]


@pytest.mark.parametrize("seed", range(30))
def test_without_losses_it_is_a_list_schedule(seed: int) -> None:
    rng = random.Random(seed)
    jobs, nodes = drawn(rng), Nodes(rng.randint(1, 5), rng.randint(1, 4))
    durations = [one.duration_s for one in jobs]
    simulation, _ = simulated(jobs, nodes)
    assert simulation.now_s == pytest.approx(list_schedule(durations, nodes.number * nodes.workers))
    assert simulation.busy_s == pytest.approx(sum(durations))
    late, _ = simulated(jobs, replace(nodes, boot_s=7.0))
    assert late.now_s == pytest.approx(simulation.now_s + 7.0), "all boot at once, and only once"


def test_one_worker_takes_the_sum_and_each_job_begins_once() -> None:
    jobs = [job("a", "b", seconds=10, start_s=2), job("c", seconds=5, start_s=2)]
    simulation, _ = simulated(jobs, Nodes(1, 1))
    assert simulation.now_s == simulation.busy_s == simulation.node_s == pytest.approx(19)


def test_no_more_nodes_are_started_than_jobs_need() -> None:
    jobs = [job(f"{n}", seconds=10) for n in range(5)]
    simulation, _ = simulated(jobs, Nodes(9, 2, boot_s=1))
    assert simulation.node_s == pytest.approx(3 * 11)


def test_an_idle_node_is_given_back_and_asked_for_again() -> None:
    simulation, record = Simulation(Nodes(2, 1, boot_s=1, idle_s=4)), Record()
    simulation.run([job("a", seconds=10), job("b", seconds=30)], record.ended)
    assert simulation.node_s == pytest.approx((1 + 10 + 4) + 31)
    simulation.run([job("c", seconds=2), job("d", seconds=9)], record.ended)
    assert simulation.now_s == pytest.approx(31 + 1 + 9)
    assert simulation.node_s == pytest.approx(15 + (31 + 2 + 4) + 10)


def test_a_node_that_gets_a_job_in_time_is_kept() -> None:
    simulation, record = Simulation(Nodes(1, 1, boot_s=1, idle_s=4)), Record()
    for name in "abc":
        simulation.run([job(name, seconds=10)], record.ended)
    assert simulation.now_s == simulation.node_s == pytest.approx(31)


@pytest.mark.parametrize(("interval_s", "saved", "end"), [(0, 3, 72), (20, 2, 82), (99, 0, 102)])
def test_a_lost_job_goes_on_from_its_checkpoint_once_the_loss_is_noticed(
    interval_s: float, saved: int, end: float
) -> None:
    """A node is lost at 2 + 35 s; a new one is up at 37 + 3 + 2 s, and begins the job anew."""
    one = job("a", seconds=60, epochs=6, interval_s=interval_s)
    simulation, record = simulated([one], Nodes(1, 1, boot_s=2, noticed_s=3), [35])
    assert (simulation.losses, record.saved) == (1, [saved])
    assert simulation.now_s == pytest.approx(end)
    assert simulation.node_s == pytest.approx(37 + (end - 40))
    assert simulation.busy_s == pytest.approx(35 + 60 - 10 * saved)


def test_what_was_lost_goes_before_what_waits_and_begins_while_others_train() -> None:
    """One of two nodes is lost at 5 s and never replaced in time: the other is free at 20 s."""
    began: list[str] = []

    class Noted(SimulatedJob):
        @property
        def duration_s(self) -> float:
            began.append(self.members[0])
            return super().duration_s

    def named(name: str, seconds: float) -> Noted:
        return Noted((name,), 0, 1, 0.0, seconds)

    jobs = [named("a", 15), named("b", 20), named("c", 1), named("d", 1)]
    simulation, _ = simulated(jobs, Nodes(2, 1, boot_s=100, noticed_s=1), [5])
    assert began == ["a", "b", "a", "c", "d"]
    assert simulation.now_s == pytest.approx(100 + 20 + 15 + 1 + 1)


def test_a_job_lost_before_its_first_epoch_begins_again() -> None:
    one = job("a", seconds=10, start_s=8)
    simulation, record = simulated([one], Nodes(1, 1), [5])
    assert record.saved == [0]
    assert simulation.now_s == pytest.approx(5 + 18)


@pytest.mark.parametrize("seed", range(30))
def test_whatever_is_lost_each_trial_ends_once_and_no_bound_is_broken(seed: int) -> None:
    rng = random.Random(seed)
    jobs = drawn(rng)
    times = [rng.choice([0.0, rng.uniform(0, 30)]) for _ in range(3)]
    nodes = Nodes(rng.randint(1, 5), rng.randint(1, 4), *times)
    lives = [rng.expovariate(1 / 40) for _ in range(20)]
    simulation, _ = simulated(jobs, nodes, lives)
    again, _ = simulated(jobs, nodes, lives)
    of_both = [(one.now_s, one.node_s, one.busy_s, one.losses) for one in (simulation, again)]
    assert of_both[0] == of_both[1]
    undisturbed = sum(one.duration_s for one in jobs)
    assert simulation.busy_s >= undisturbed - 1e-6
    assert simulation.now_s >= simulation.busy_s / (nodes.number * nodes.workers) - 1e-6
    assert simulation.busy_s <= simulation.node_s * nodes.workers + 1e-6
    assert simulation.node_s <= simulation.now_s * nodes.number + 1e-6
