"""The loss of RankStats, and from its definition."""

from __future__ import annotations

import math
from types import ModuleType
from typing import Any

import torch

from lps_sweep.methods.rankstats import core
from tests.methods.losses.base import Case, Drawn, Loss, Slow, in_turn
from tests.methods.losses.slow import Matrix, cross_entropy, dot, softmax

NUM_SEEN, NUM_CLUSTERS, TOPK = 2, 3, 2
WEIGHTS = (1.0, 2.0, 0.5)
MSE = "F.mse_loss(torch.softmax(first, dim=1), torch.softmax(second, dim=1))"
PREDICTED = "second1[num_labeled:].argmax"


class RankStats(Loss):
    """Values are the `weights`; the two largest of three features count."""

    module = core
    settings = ({"weights": WEIGHTS}, {"weights": (1.0, 0.0, 0.0)})
    batches = (*Loss.batches, {"incremental": False})
    off = (
        (
            {"weights": (0.0, 0.0, 0.0)},
            [("first1", -1), ("first2", 0), ("second1", -1), ("second2", -1)],
        ),
        ({"weights": (1.0, 0.0, 0.5)}, [("first2", 0), ("second1", 0), ("second2", 0)]),
        ({"weights": (1.0, 0.0, 0.0)}, [("first1", -1)]),
        ({"weights": (0.0, 2.0, 0.0)}, [("features", row) for row in range(3, 7)]),
    )
    defects = (
        "min(topk, features => min(topk - 1, features",
        "dim=1).indices => dim=1, largest=False).indices",
        "> count - 0.5 => > 0.5",
        "torch.softmax(second, dim=1).T => torch.softmax(first, dim=1).T",
        "frozen_unless(paired, second2[num_labeled:]) => second2[num_labeled:].detach()",
        "features[num_labeled:], topk => features[:-num_labeled], topk",
        "(1 - same).clamp(min=0) => 1.0",
        "(positive, same, => (~positive, same,",
        "return -(right => return (right",
        "max(right.numel(), 1) => right.shape[0]",
        "(positive, same, => (positive.fill_diagonal_(False), same,",
        "FLOOR = 1e-7 => FLOOR = 1e-8",
        "(right + FLOOR) => right.clamp(min=FLOOR)",
        f"{MSE} => F.mse_loss(first, second)",
        f"{MSE} => {MSE} * first.shape[1]",
        "frozen_unless(consistent, other) => other.detach()",
        "((first1, first2), (second1, second2)) => ((second1, second2),)",
        f"num_seen + {PREDICTED} => {PREDICTED}",
        f"{PREDICTED} => second2[num_labeled:].argmax",
        "(weights.novel != 0, first1[num_labeled:]) => (weights.novel != 0, first1[:-num_labeled])",
        "weights.pairwise, weights.consistency, weights.novel] => *vars(weights).values()][::-1]",
        "_labeled(first1 => _labeled(first2",
        "is_seen | is_open => is_seen",
    )

    def case(
        self,
        num_rows: int = 7,
        num_labeled: int = 3,
        *,
        scale: float = 1.0,
        incremental: bool = True,
    ) -> Case:
        drawn, width = Drawn(0), NUM_SEEN + NUM_CLUSTERS * incremental
        first, second = (
            2 * scale * drawn(num_rows, width),
            2 * scale * drawn(num_rows, NUM_CLUSTERS),
        )
        leaves = {
            "first1": first,
            "first2": first + scale * drawn(num_rows, width),
            "second1": second,
            "second2": second + scale * drawn(num_rows, NUM_CLUSTERS),
            "features": drawn(num_rows, 3),
        }
        return Case(leaves, in_turn(num_labeled, NUM_SEEN))

    def terms(self, case: Case, of: ModuleType, **values: Any) -> Any:
        first1, first2, second1, second2, features = case.leaves.values()
        return of.rankstats_loss(
            of.Heads(first1, second1),
            of.Heads(first2, second2),
            features,
            case.labels,
            of.Weights(*torch.tensor(values.get("weights", WEIGHTS), dtype=case.dtype).unbind()),
            num_seen=NUM_SEEN,
            topk=TOPK,
        )

    def slow(self, case: Case, **values: Any) -> tuple[dict[str, Any], Slow]:
        labels, n = case.labels.tolist(), len(case.labels)
        positive = slow_positive(case.leaves["features"].tolist()[n:], TOPK)

        def terms(
            first1: Matrix, first2: Matrix, second1: Matrix, second2: Matrix, _: Matrix
        ) -> dict[str, float]:
            pairwise = novel = consistency = 0.0
            rows = len(first1) - n
            for i, z in enumerate(second1[n:]):
                p = softmax(z)
                for j, other in enumerate(second2[n:]):
                    same = dot(p, softmax(other))
                    right = same if positive[i][j] else 1 - same
                    pairwise -= math.log(right + 1e-7) / rows**2
                if len(first1[0]) > NUM_SEEN:
                    target = NUM_SEEN + p.index(max(p))
                    novel -= math.log(softmax(first1[n + i])[target]) / rows
            for one, two in ((first1, first2), (second1, second2)):
                for a, b in zip(one, two, strict=True):
                    consistency += math.dist(softmax(a), softmax(b)) ** 2 / len(one) / len(a)
            found = {
                "cross_entropy": cross_entropy(first1, labels),
                "pairwise": pairwise,
                "consistency": consistency,
                "cross_entropy_novel": novel,
            }
            return found | {"total": dot([1.0, *values["weights"]], [*found.values()])}

        return {}, terms


def slow_positive(features: Matrix, topk: int) -> list[list[bool]]:
    """Whether the places of the largest features are the same."""
    tops = [set(sorted(range(len(row)), key=row.__getitem__)[-topk:]) for row in features]
    return [[one == other for other in tops] for one in tops]
