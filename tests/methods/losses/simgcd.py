"""The loss of SimGCD, and from its definition."""

from __future__ import annotations

import math
from types import ModuleType
from typing import Any

import torch

from lps_sweep.methods.simgcd import SimGCDConfig, core
from tests.methods.losses.base import Case, Drawn, Loss, Slow, in_turn
from tests.methods.losses.gcd import contrasts
from tests.methods.losses.slow import Matrix, cross_entropy, dot, negative_entropy, softmax

TEACHER = 0.05


class SimGCD(Loss):
    module, config = core, SimGCDConfig
    settings = (
        {},
        {"w_supervised": 0.8, "w_mean_entropy": 0.5, "student_temperature": 0.3},
        {"contrastive_temperature": 0.4, "supervised_temperature": 0.2},
        {"w_supervised": 0.0},
        {"w_supervised": 1.0},
        {"w_mean_entropy": 0.0},
    )
    batches = (*Loss.batches, {"num_labeled": 7, "num_classes": 1})
    off = (
        (
            {"w_supervised": 1.0},
            [(leaf, 5) for leaf in ("cosines1", "projected1", "cosines2", "projected2")],
        ),
    )
    defects = (
        "others.detach() => others",
        "/ teacher, dim=1) => / student, dim=1)",
        "return -(targets => return (targets",
        ".sum(1).mean() => .sum()",
        "distillation(distilled[0], distilled[2] => distillation(distilled[0], distilled[0]",
        "(both_ways[0] + both_ways[1]) / 2 => both_ways[0] + both_ways[1]",
        "mean[2]]) / tau => mean[2]])",
        "torch.cat([mean[0], mean[2]]) => mean[0]",
        "torch.cat([mean[0], mean[2]]) => torch.cat([mean[0], mean[2]])[num_labeled:]",
        "[1]) + entropy => [1]) - entropy",
        "math.log(first[0].shape[1]) => math.log(first[0].shape[0])",
        "_cross_entropy(labeled / tau => _cross_entropy(labeled",
        "cross[2][:num_labeled]]) => cross[0][:num_labeled]])",
        "labels.repeat(2) => labels.repeat_interleave(2)",
        "(1 - share) * hyper.w_mean_entropy => hyper.w_mean_entropy",
        "1 - share, share]\n => share, share]\n",
        "contrasted[3], hyper.contrastive => contrasted[3], hyper.supervised",
        "view_contrastive(contrasted[1] => view_contrastive(contrasted[3]",
        "by_label[3][:num_labeled] => by_label[3][-num_labeled:]",
        "else logits.sum() => else logits.sum() + 1",
    )

    def case(
        self, num_rows: int = 7, num_labeled: int = 4, *, scale: float = 1.0, num_classes: int = 3
    ) -> Case:
        """Cosines and projections of two views; the projections are of several lengths."""
        drawn = Drawn(0)
        leaves = {
            "cosines1": 0.3 * scale * drawn(num_rows, 4),
            "projected1": 2 * scale * drawn(num_rows, 3),
            "cosines2": 0.3 * scale * drawn(num_rows, 4),
            "projected2": 0.5 * drawn(num_rows, 3),
        }
        return Case(leaves, in_turn(num_labeled, num_classes))

    def terms(self, case: Case, of: ModuleType, **values: Any) -> Any:
        leaves = [*case.leaves.values()]
        return of.simgcd_terms(
            tuple(leaves[:2]),
            tuple(leaves[2:]),
            case.labels,
            teacher=torch.tensor(TEACHER, dtype=case.dtype),
            hyper=self.hyper(case, **values),
        )

    def slow(self, case: Case, **values: Any) -> tuple[dict[str, Any], Slow]:
        config, labels = SimGCDConfig(**values), case.labels.tolist()
        targets = [
            softmax(row, TEACHER)
            for name in ("cosines2", "cosines1")
            for row in case.leaves[name].tolist()
        ]
        n, share = len(labels), config.w_supervised
        weights = [share, 1 - share, (1 - share) * config.w_mean_entropy, 1 - share, share]

        def terms(
            cosines: Matrix, projected: Matrix, cosines2: Matrix, projected2: Matrix
        ) -> dict[str, float]:
            scaled, scaled2 = (
                [[v / config.student_temperature for v in row] for row in view]
                for view in (cosines, cosines2)
            )
            distilled = 0.0
            for row, target in zip(scaled + scaled2, targets, strict=True):
                distilled -= dot(target, [math.log(p) for p in softmax(row)]) / len(targets)
            found = {
                "cross_entropy": cross_entropy(scaled[:n] + scaled2[:n], labels * 2),
                "distillation": distilled,
                "mean_entropy": math.log(4) + negative_entropy(scaled + scaled2),
                **contrasts(projected, projected2, labels, config),
            }
            return found | {"total": dot(weights, [*found.values()])}

        return {}, terms
