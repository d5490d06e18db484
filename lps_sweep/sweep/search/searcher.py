"""Asks Optuna for configurations, so that a resumed search asks for the same ones again."""

from __future__ import annotations

import hashlib
import importlib.util
import warnings
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import TYPE_CHECKING

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import TrialState, create_trial

from lps_sweep.config import Value
from lps_sweep.errors import BadInputError
from lps_sweep.sweep.search.asked import Point, values_key

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler

    from lps_sweep.plan import Domain, Search

MAX_REPEATS = 200
"""Configurations known already that may be proposed in a row before the space counts as done."""


class Searcher:
    """A study in memory, rebuilt from what was asked and measured before.

    The sampler is made anew before every ask, from the search's seed and the number of asks so
    far; so the next configuration depends on the recorded ones alone, and a search that was
    interrupted goes on as if nothing had happened. The first configuration is the default one,
    where it lies in the domains. No setting is handed out twice: one that is proposed again, in
    whatever spelling, is answered from what is known of it. Of a parameter with choices, Optuna
    sees their places in the list.

    Args:
        search: What is searched.
        defaults: Values of the parameters where they are not searched.
        setting: What all configurations of one setting have in common.
    """

    def __init__(
        self,
        search: Search,
        defaults: Mapping[str, Value],
        setting: Callable[[Point], Hashable] = values_key,
    ) -> None:
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._search = search
        self._setting = setting
        self._domains = {d.name: d for d in search.domains}
        self._distributions = {d.name: _distribution(d) for d in search.domains}
        self._num_asks = 0
        self._known: dict[Hashable, tuple[float, ...] | None] = {}
        self._open: dict[Hashable, optuna.Trial] = {}
        self._study = optuna.create_study(directions=["maximize"] * len(search.objectives))
        first = _default_point(search.domains, defaults)
        if first:
            self._study.enqueue_trial(self._params(first))

    def ask(self, count: int) -> list[Point]:
        """Up to `count` configurations never asked for before; fewer where the space is done."""
        points: list[Point] = []
        repeats = 0
        while len(points) < count and repeats < MAX_REPEATS:
            trial, point = self._propose()
            key = self._setting(point)
            if key not in self._known:
                self._known[key] = None
                self._open[key] = trial
                points.append(point)
                repeats = 0
                continue
            repeats += 1
            self._answer(trial, self._known[key])
        return points

    def tell(self, point: Point, values: Sequence[float] | None) -> None:
        """What was measured of `point`: the objectives' values, none where a rule ended it.

        None stands for a failure, of which samplers learn nothing. Of what a rule ended, Optuna's
        TPE learns that it does worse than all that came to its end; the other samplers, nothing.
        What was measured before the end is kept from all of them.
        """
        key = self._setting(point)
        self._known[key] = None if values is None else tuple(values)
        self._answer(self._open.pop(key), values)

    def _answer(self, trial: optuna.Trial, values: Sequence[float] | None) -> None:
        if values:
            self._study.tell(trial, list(values))
        else:
            state = TrialState.FAIL if values is None else TrialState.PRUNED
            self._study.tell(trial, state=state)

    def replay(self, points: Sequence[Point], values: Sequence[Sequence[float] | None]) -> None:
        """Takes over a batch that was asked for and measured before.

        The batch is asked for again, which also restores what a sampler keeps for itself. Where
        something else is proposed, as after a change of the search or of Optuna, the recorded
        configurations are entered as they are.
        """
        again = self.ask(len(points))
        if again != list(points):
            for point in again:
                del self._known[self._setting(point)]
                self._study.tell(self._open.pop(self._setting(point)), state=TrialState.FAIL)
            for point, measured in zip(points, values, strict=True):
                self._enter(point, measured)
            return
        for point, measured in zip(points, values, strict=True):
            self.tell(point, measured)

    def _enter(self, point: Point, values: Sequence[float] | None) -> None:
        self._known[self._setting(point)] = tuple(values) if values is not None else None
        if values is not None and all(
            name in self._domains and self._domains[name].holds(value)
            for name, value in point.items()
        ):
            used = {name: self._distributions[name] for name in point}
            self._study.add_trial(
                create_trial(
                    state=TrialState.COMPLETE if values else TrialState.PRUNED,
                    params=self._params(point),
                    distributions=used,
                    values=list(values) or None,
                )
            )

    def _params(self, point: Point) -> dict[str, Value]:
        """`point` as Optuna has it."""
        choices = {name: self._domains[name].choices for name in point}
        return {n: choices[n].index(v) if choices[n] else v for n, v in point.items()}

    def _propose(self) -> tuple[optuna.Trial, Point]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._study.sampler = self._sampler()
            self._num_asks += 1
            trial = self._study.ask()
            point: Point = {}
            for domain in self._search.domains:
                if domain.active(point):
                    point[domain.name] = _suggest(trial, domain)
        return trial, point

    def _sampler(self) -> BaseSampler:
        search = self._search
        if search.sampler == "quasi_random":  # one sequence, of which each ask takes the next
            return optuna.samplers.QMCSampler(seed=search.seed, scramble=True)
        text = f"{search.seed}/{self._num_asks}"
        seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:4])
        if search.sampler == "tpe":
            return optuna.samplers.TPESampler(
                seed=seed, n_startup_trials=search.startup, multivariate=True, group=True
            )
        if search.sampler == "gp":
            return optuna.samplers.GPSampler(
                seed=seed, n_startup_trials=search.startup, deterministic_objective=False
            )
        if search.sampler == "cmaes":
            _require_cmaes()
            return optuna.samplers.CmaEsSampler(seed=seed)
        return optuna.samplers.RandomSampler(seed=seed)


def _require_cmaes() -> None:
    if importlib.util.find_spec("cmaes") is None:
        raise BadInputError(
            "the sampler cmaes needs the package cmaes: pip install cmaes", "optuna"
        )


def _distribution(domain: Domain) -> BaseDistribution:
    if domain.kind == "choice":
        return CategoricalDistribution(range(len(domain.choices)))
    if domain.kind == "int":
        return IntDistribution(int(domain.low), int(domain.high), log=domain.log)
    return FloatDistribution(domain.low, domain.high, log=domain.log)


def _suggest(trial: optuna.Trial, domain: Domain) -> Value:
    name = domain.name
    if domain.kind == "choice":
        return domain.choices[trial.suggest_categorical(name, range(len(domain.choices)))]
    if domain.kind == "int":
        return trial.suggest_int(name, int(domain.low), int(domain.high), log=domain.log)
    return trial.suggest_float(name, domain.low, domain.high, log=domain.log)


def _default_point(domains: Sequence[Domain], defaults: Mapping[str, Value]) -> Point:
    """The default configuration; empty where it does not lie in the domains."""
    point: Point = {}
    for domain in domains:
        if domain.active(point):
            if not domain.holds(defaults[domain.name]):
                return {}
            point[domain.name] = defaults[domain.name]
    return point
