"""The lower level of DS3L, and from its definition."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import torch

from lps_sweep.methods.ds3l import DS3LConfig, core
from lps_sweep.methods.hyper import at_least_float32
from tests.methods.losses.base import Case, Drawn, Loss, Slow, in_turn
from tests.methods.losses.slow import Matrix, cross_entropy, softmax

SECOND = "(torch.softmax(second[num_labeled:], dim=1) -"


class LowerLevel(Loss):
    """Values may also name the `coefficient`; the weights of rows are a leaf."""

    module, config = core, DS3LConfig
    settings = ({}, {"labeled_norm": "labeled"}, {"coefficient": 0.0})
    fewest = 0
    defects = (
        "total = labeled + => total = -labeled +",
        "labeled + weighted_sum(coefficient => labeled - weighted_sum(coefficient",
        'hyper.labeled_norm == "batch" => False',
        "first[num_labeled:].detach() => first[num_labeled:]",
        "first[num_labeled:].detach() => first[num_labeled:].detach().roll(1, 0)",
        f"{SECOND} => {SECOND.replace(', dim', '.detach(), dim')}",
        ".square().mean(dim=1) => .square().sum(dim=1)",
        ".square().mean => .abs().mean",
        "second[num_labeled:] => second[:-num_labeled]",
        "torch.where(mass > 0, mass, 1.0) => 1.0",
        "mass = weights.sum() => mass = weights.sum().detach()",
        "mass = weights.sum() => mass = (weights * 0 + 1).sum()",
    )

    def case(self, num_rows: int = 7, num_labeled: int = 3, *, scale: float = 1.0) -> Case:
        drawn = Drawn(0)
        leaves = {name: 2 * scale * drawn(num_rows, 3) for name in ("first", "second")}
        return Case(
            leaves | {"weights": drawn.uniform(1, num_rows - num_labeled)}, in_turn(num_labeled, 3)
        )

    def terms(self, case: Case, of: ModuleType, **values: Any) -> Any:
        coefficient = torch.tensor(values.pop("coefficient", 6.0), dtype=case.dtype)
        first, second, weights = case.leaves.values()
        given = at_least_float32(weights)[0][0]
        hyper = self.hyper(case, **values)
        return of.lower_terms(first, second, case.labels, given, coefficient, hyper)

    def slow(self, case: Case, **values: Any) -> tuple[dict[str, Any], Slow]:
        coefficient = values.pop("coefficient", 6.0)
        norm, labels = DS3LConfig(**values).labeled_norm, case.labels.tolist()
        targets = [softmax(z) for z in case.leaves["first"].tolist()[len(labels) :]]

        def terms(first: Matrix, second: Matrix, weights: Matrix) -> dict[str, float]:
            labeled, weighted = cross_entropy(first, labels), 0.0
            if norm == "batch":
                labeled *= len(labels) / len(first)
            for z, target, w in zip(second[len(labels) :], targets, weights[0], strict=True):
                pairs = zip(softmax(z), target, strict=True)
                weighted += w * sum((a - b) ** 2 for a, b in pairs) / len(target)
            weighted /= sum(weights[0]) or 1.0
            total = labeled + coefficient * weighted
            return {"labeled": labeled, "weighted": weighted, "total": total}

        return {}, terms
