"""Nodes, workers and jobs that are only simulated, with a clock of their own; trains nothing."""

from __future__ import annotations

import heapq
import itertools
import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial


@dataclass(frozen=True)
class Nodes:
    """What a sweep may have, and how long a change of it takes.

    Attributes:
        number: Nodes at the most; there are none at first, and as many are started as jobs need.
        workers: Jobs at a time on each.
        boot_s: Seconds until a node that was asked for takes jobs.
        noticed_s: Seconds until the loss of a node is noticed.
        idle_s: Seconds without a job after which a node is given back.
    """

    number: int
    workers: int
    boot_s: float = 0.0
    noticed_s: float = 0.0
    idle_s: float = math.inf


@dataclass(frozen=True)
class SimulatedJob:
    """A job as far as its time goes: seconds to begin, then epochs of `epoch_s` seconds.

    Attributes:
        members: The trials of a pack, or the recipe of a trunk.
        first: Epochs that were trained before.
        last: Epochs to the end.
        start_s: Seconds beside the epochs.
        epoch_s: Seconds of an epoch.
        interval_s: Least time between two checkpoints.
    """

    members: tuple[str, ...]
    first: int
    last: int
    start_s: float
    epoch_s: float
    interval_s: float = 0.0

    @property
    def duration_s(self) -> float:
        """Seconds from its beginning to its end."""
        return self.start_s + (self.last - self.first) * self.epoch_s

    def saved(self, after_s: float) -> int:
        """The epoch of the newest checkpoint `after_s` seconds after its beginning."""
        if after_s < self.start_s or not self.epoch_s:
            return self.first
        trained = int((after_s - self.start_s) / self.epoch_s)
        every = max(1, math.ceil(self.interval_s / self.epoch_s))
        return min(self.last, self.first + trained // every * every)


Ended = Callable[[SimulatedJob, int | None], Sequence[SimulatedJob]]
"""Told of a job that is over and, unless it did all its work, of the epoch of its newest
checkpoint; gives jobs to run besides, before those that wait."""


@dataclass
class _Node:
    number: int
    asked_s: float
    idle_since_s: float = math.inf
    running: dict[int, tuple[SimulatedJob, float]] = field(default_factory=dict)


class Simulation:
    """Runs simulated jobs, in order, on the nodes that are up.

    Attributes:
        now_s: The clock.
        busy_s: Seconds of workers with a job, those of lost jobs among them.
        losses: Nodes that were lost.
    """

    def __init__(self, nodes: Nodes, lifetimes: Iterable[float] = ()) -> None:
        """Begins at 0 without a node.

        Args:
            nodes: What there may be.
            lifetimes: For each node in the order in which they come up, the seconds until it is
                lost; those without one stay.
        """
        self.now_s = 0.0
        self.busy_s = 0.0
        self.losses = 0
        self._of = nodes
        self._lifetimes = itertools.chain(lifetimes, itertools.repeat(math.inf))
        self._numbers = itertools.count()
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._nodes: dict[int, _Node] = {}
        self._free: list[int] = []
        self._booting = self._missing = self._open = 0
        self._given_back_s = 0.0
        self._waiting: deque[SimulatedJob] = deque()
        self._ended: Ended = lambda *_: ()

    @property
    def node_s(self) -> float:
        """Seconds of nodes, each from when it was asked for to when it was lost or given back."""
        return self._given_back_s + sum(self.now_s - n.asked_s for n in self._nodes.values())

    def run(self, jobs: Sequence[SimulatedJob], ended: Ended) -> None:
        """Runs `jobs` and those that `ended` gives, until all are over."""
        self._ended = ended
        self._waiting.extend(jobs)
        self._open = len(jobs)
        self._place()
        while self._open:
            self.now_s, _, happen = heapq.heappop(self._events)
            happen()

    def _after(self, delay_s: float, happen: Callable[[], None]) -> None:
        if delay_s < math.inf:
            heapq.heappush(self._events, (self.now_s + delay_s, next(self._numbers), happen))

    def _place(self) -> None:
        """Starts what waits where a worker is free, and asks for nodes for the rest."""
        if not self._waiting:
            return
        for node in self._free_nodes():
            job, number = self._waiting.popleft(), next(self._numbers)
            node.running[number] = job, self.now_s
            self._after(job.duration_s, partial(self._end, node, number))
        lacking = len(self._waiting) - self._booting * self._of.workers
        room = self._of.number - self._missing - len(self._nodes)
        for _ in range(min(room, math.ceil(lacking / self._of.workers))):
            node = _Node(next(self._numbers), self.now_s)
            self._nodes[node.number] = node
            self._booting += 1
            self._after(self._of.boot_s, partial(self._come_up, node))

    def _free_nodes(self) -> Iterator[_Node]:
        """A node for each job that waits, the oldest with a free worker first."""
        while self._waiting and self._free:
            if node := self._nodes.get(heapq.heappop(self._free)):
                yield node

    def _come_up(self, node: _Node) -> None:
        self._booting -= 1
        for _ in range(self._of.workers):
            heapq.heappush(self._free, node.number)
        self._after(next(self._lifetimes), partial(self._lose, node))
        self._place()
        self._watch(node)

    def _end(self, node: _Node, number: int) -> None:
        if number not in node.running:  # its node was lost
            return
        job, begun_s = node.running.pop(number)
        self.busy_s += self.now_s - begun_s
        heapq.heappush(self._free, node.number)
        self._is_over(job, None)
        self._place()
        self._watch(node)

    def _is_over(self, job: SimulatedJob, saved: int | None) -> None:
        again = self._ended(job, saved)
        self._open += len(again) - 1
        self._waiting.extendleft(reversed(again))

    def _watch(self, node: _Node) -> None:
        """Gives an idle node back when it has been so for long enough."""
        if not node.running:
            node.idle_since_s = self.now_s
            self._after(self._of.idle_s, partial(self._give_back, node, self.now_s))

    def _give_back(self, node: _Node, idle_since_s: float) -> None:
        if not node.running and node.idle_since_s == idle_since_s:
            self._leave(node)

    def _lose(self, node: _Node) -> None:
        if not self._leave(node):  # given back before
            return
        self.losses += 1
        self._missing += 1
        lost = [(job, self.now_s - begun_s) for job, begun_s in node.running.values()]
        self.busy_s += sum(after_s for _, after_s in lost)
        node.running.clear()
        self._after(self._of.noticed_s, partial(self._notice, lost))

    def _notice(self, lost: Sequence[tuple[SimulatedJob, float]]) -> None:
        self._missing -= 1
        for job, after_s in lost:
            self._is_over(job, job.saved(after_s))
        self._place()

    def _leave(self, node: _Node) -> bool:
        """Whether `node` was still there."""
        left = self._nodes.pop(node.number, None)
        self._given_back_s += self.now_s - node.asked_s if left else 0.0
        return left is not None
