"""Which parameters of a search matter: functional ANOVA of forests, and PED-ANOVA."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

NUM_FORESTS = 10
"""Forests, each with its own seed and its own draw of the noise parameter."""
NUM_TREES = 64
MIN_R2 = 0.3
"""Out-of-bag R^2 below which the forests have not learned enough to be asked."""
MIN_PER_PARAMETER = 10
"""Configurations per parameter below which nothing is computed."""
MOST_CONFIGURATIONS = 500
"""Configurations that are used at the most, drawn with seed 0."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Axis:
    """A searched parameter as the forests see it.

    Attributes:
        name: Its name.
        kind: ``number``, or ``choice`` of one of `choices`.
        low: Lower end of the domain.
        high: Upper end.
        log: Whether the logarithm is what was spread evenly.
        choices: The values of a choice.
    """

    name: str
    kind: Literal["number", "choice"]
    low: float = 0.0
    high: float = 1.0
    log: bool = False
    choices: tuple[Any, ...] = ()

    @property
    def varies(self) -> bool:
        """Whether the domain has more than one value."""
        return len(self.choices) > 1 if self.kind == "choice" else self.high > self.low

    def inside(self, value: Any) -> Any:
        """The nearest number of the domain; a choice as it is."""
        return value if self.kind == "choice" else min(max(float(value), self.low), self.high)

    def place(self, value: Any) -> float:
        """Where a value lies in the domain, 0 to 1; the middle where it has no width."""
        if self.kind == "choice":
            number = self.choices.index(value) if value in self.choices else 0
            return number / max(1, len(self.choices) - 1)
        low, high, x = self.low, self.high, float(value)
        if self.log:
            low, high, x = math.log(low), math.log(high), math.log(x)
        return (x - low) / (high - low) if high > low else 0.5


@dataclass(frozen=True)
class Importances:
    """Shares of the variance that parameters explain by themselves, over forests.

    Attributes:
        shares: By parameter, the share of each forest, 0 to 1.
        noise: The share of a parameter of pure noise, of each forest.
        r2: Out-of-bag R^2 of each forest.
        num_used: Configurations that the forests saw.
        conditional: Parameters that not every configuration has: no part of the forests.
        top: Share of each parameter in reaching the top 10 %, sum one; empty without Optuna.
    """

    shares: Mapping[str, tuple[float, ...]]
    noise: tuple[float, ...]
    r2: tuple[float, ...]
    num_used: int
    conditional: tuple[str, ...] = ()
    top: Mapping[str, float] = field(default_factory=dict)

    @property
    def mean_r2(self) -> float:
        """Mean out-of-bag R^2."""
        return float(np.mean(self.r2))

    @property
    def trusted(self) -> bool:
        """Whether the forests explain enough for their shares to mean anything."""
        return self.mean_r2 >= MIN_R2

    def above_noise(self, name: str) -> bool:
        """Whether the least share of the parameter exceeds the largest of the noise."""
        return min(self.shares[name]) > max(self.noise)


def importances(
    points: Sequence[Mapping[str, Any]], values: Sequence[float], axes: Sequence[Axis]
) -> Importances | str:
    """What parameters matter by forests and by PED-ANOVA, or why there is nothing to say.

    Args:
        points: Configurations; None for a parameter that a condition leaves out.
        values: What is explained, one finite number each; higher is better.
        axes: The parameters.
    """
    varied = [axis for axis in axes if axis.varies]
    always = [a for a in varied if all(point[a.name] is not None for point in points)]
    needed = MIN_PER_PARAMETER * len(varied)
    if varied and not always:
        return "no parameter is in all of them"
    if len(points) < needed or not always:
        return (
            f"{len(points)} complete configurations are too few for {len(varied)} parameters; "
            f"{needed} are needed"
        )
    if max(values) == min(values):
        return "all configurations have the same mean"
    try:
        found = forest_importances(points, values, always)
    except ImportError:
        return "the forests need scikit-learn, which is not installed"
    try:
        top = top_importances(points, values, varied)
    except ImportError:
        top = {}
    conditional = tuple(axis.name for axis in varied if axis not in always)
    return replace(found, conditional=conditional, top=top)


def forest_importances(
    points: Sequence[Mapping[str, Any]], values: Sequence[float], axes: Sequence[Axis]
) -> Importances:
    """Main effects by functional ANOVA of regression forests (Hutter et al., ICML 2014).

    Each tree is integrated exactly over the domain, numbers evenly on their scale and choices with
    equal weight: the sampler's own crowding does not count as weight, but trees know little where
    it did not look. A parameter of noise takes part as a floor.

    Args:
        points: Configurations, each with a value of every axis.
        values: What is explained, one finite number each.
        axes: The parameters.

    Raises:
        ImportError: scikit-learn is missing.
    """
    from sklearn.ensemble import RandomForestRegressor

    rows = np.arange(len(points))
    if len(rows) > MOST_CONFIGURATIONS:
        rows = np.sort(np.random.default_rng(0).choice(rows, MOST_CONFIGURATIONS, replace=False))
    columns, groups = _encoded([points[int(i)] for i in rows], axes)
    y = np.asarray(values, dtype=np.float64)[rows]
    groups.append(np.array([columns.shape[1]]))
    with_noise = (*axes, Axis("noise", "number"))
    shares: list[Floats] = []
    r2 = []
    for seed in range(NUM_FORESTS):
        noise = np.random.default_rng([1, seed]).random(len(rows))
        x = np.column_stack([columns, noise])
        forest = RandomForestRegressor(
            n_estimators=NUM_TREES, max_depth=64, oob_score=True, random_state=seed, n_jobs=1
        ).fit(x, y)
        shares.append(forest_shares(forest, groups, with_noise))
        r2.append(float(forest.oob_score_))
    table = np.array(shares)
    return Importances(
        {axis.name: tuple(table[:, i].tolist()) for i, axis in enumerate(axes)},
        tuple(table[:, -1].tolist()),
        tuple(r2),
        len(rows),
    )


def forest_shares(forest: Any, groups: Sequence[NDArray[np.intp]], axes: Sequence[Axis]) -> Floats:
    """Mean over the trees of the share of variance of each axis; 0 for a tree without any."""
    found = [tree_shares(estimator.tree_, groups, axes) for estimator in forest.estimators_]
    return np.asarray(np.mean(found, axis=0))


def tree_shares(tree: Any, groups: Sequence[NDArray[np.intp]], axes: Sequence[Axis]) -> Floats:
    """Share of a tree's variance over the domain that each axis has by itself."""
    low, high, leaf_values = _leaves(tree)
    covers, weights = [], []
    for columns, axis in zip(groups, axes, strict=True):
        covered, weight = _pieces(low[:, columns], high[:, columns], axis)
        covers.append(covered)
        weights.append(weight)
    fractions = np.array([c @ w for c, w in zip(covers, weights, strict=True)])
    volume = fractions.prod(axis=0)
    mean = float(volume @ leaf_values)
    total = float(volume @ (leaf_values - mean) ** 2)
    if total <= 0:
        return np.zeros(len(axes))
    shares = []
    for i, (covered, weight) in enumerate(zip(covers, weights, strict=True)):
        others = np.delete(fractions, i, axis=0).prod(axis=0)
        marginal = (leaf_values * others) @ covered
        shares.append(float(weight @ (marginal - mean) ** 2) / total)
    return np.array(shares)


def _leaves(tree: Any) -> tuple[Floats, Floats, Floats]:
    """Lower and upper bound of each leaf in each column (leaves, columns), and its value."""
    low, high, values = [], [], []
    start = (np.full(tree.n_features, -np.inf), np.full(tree.n_features, np.inf))
    stack: list[tuple[int, Floats, Floats]] = [(0, *start)]
    while stack:
        node, below, above = stack.pop()
        left, right = int(tree.children_left[node]), int(tree.children_right[node])
        if left < 0:
            low.append(below)
            high.append(above)
            values.append(float(tree.value[node].ravel()[0]))
            continue
        column, threshold = int(tree.feature[node]), float(tree.threshold[node])
        upper, lower = above.copy(), below.copy()
        upper[column] = min(upper[column], threshold)
        lower[column] = max(lower[column], threshold)
        stack += [(left, below, upper), (right, lower, above)]
    return np.array(low), np.array(high), np.array(values)


def _pieces(low: Floats, high: Floats, axis: Axis) -> tuple[Floats, Floats]:
    """Which pieces of the axis each leaf covers (leaves, pieces), and their weights, sum one."""
    if axis.kind == "choice":
        # A choice is one column per value; the leaf covers value k if its corner does.
        corners = np.eye(len(axis.choices))
        inside = (low[:, None, :] < corners) & (corners <= high[:, None, :])
        covered = inside.all(axis=2).astype(float)
        return covered, np.full(len(axis.choices), 1 / len(axis.choices))
    bounds = np.concatenate([low.ravel(), high.ravel()])
    inner = np.unique(bounds[(bounds > 0) & (bounds < 1)])
    edges = np.concatenate([[0.0], inner, [1.0]])
    middles = (edges[1:] + edges[:-1]) / 2
    covered = ((low < middles) & (middles < high)).astype(float)
    return covered, np.diff(edges)


def _encoded(
    points: Sequence[Mapping[str, Any]], axes: Sequence[Axis]
) -> tuple[Floats, list[NDArray[np.intp]]]:
    """A column per number, scaled to 0..1, and per value of a choice; the columns of each axis."""
    columns: list[Floats] = []
    groups = []
    for axis in axes:
        first = len(columns)
        values = [point[axis.name] for point in points]
        if axis.kind == "choice":
            columns += [np.array([float(v == choice) for v in values]) for choice in axis.choices]
        else:
            columns.append(np.array([axis.place(value) for value in values]))
        groups.append(np.arange(first, len(columns)))
    return np.column_stack(columns), groups


def top_importances(
    points: Sequence[Mapping[str, Any]], values: Sequence[float], axes: Sequence[Axis]
) -> dict[str, float]:
    """What reaching the top 10 % depends on: PED-ANOVA (Watanabe et al., IJCAI 2023), sum one.

    A parameter may be missing from a point. Higher values are better.

    Raises:
        ImportError: Optuna is missing.
    """
    import optuna
    from optuna.distributions import CategoricalDistribution, FloatDistribution
    from optuna.importance import PedAnovaImportanceEvaluator

    known: dict[str, Any] = {
        a.name: CategoricalDistribution(a.choices)
        if a.kind == "choice"
        else FloatDistribution(a.low, a.high, log=a.log)
        for a in axes
    }
    trials = []
    for point, value in zip(points, values, strict=True):
        held = {a.name: a.inside(v) for a in axes if (v := point.get(a.name)) is not None}
        own = {name: known[name] for name in held}
        trials.append(optuna.trial.create_trial(params=held, distributions=own, value=float(value)))
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        study = optuna.create_study(direction="maximize")
        study.add_trials(trials)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of conditions that few configurations meet
            found = PedAnovaImportanceEvaluator().evaluate(study)
    finally:
        optuna.logging.set_verbosity(verbosity)
    total = sum(found.values())
    names = [axis.name for axis in axes if axis.name in found]
    return {name: float(found[name] / total) if total > 0 else 0.0 for name in names}
