"""The loss of OpenNCD, and from its definition."""

from __future__ import annotations

import math
from types import ModuleType
from typing import Any

import torch

from lps_sweep.methods.openncd import OpenNCDConfig, core
from tests.methods.losses import slow
from tests.methods.losses.base import Case, Drawn, Loss, Slow, in_turn
from tests.methods.losses.slow import Matrix, softmax

GROUPS = (0, 2, 1, 0, 3, 1, 1, 2)
OWN = tuple(range(8))
"""Each prototype its own group, as in the warm-up."""


class OpenNCD(Loss):
    """Values may also name the factor `warmed_up`."""

    module, config = core, OpenNCDConfig
    settings = (
        {},
        {"w_group": 0.5, "w_classification": 2.0, "w_entropy": 3.0},
        {"w_group": 0.0},
        {"w_classification": 0.0},
        {"w_entropy": 0.0},
        {"warmed_up": 0.0},
    )
    batches = (
        *Loss.batches,
        {"num_rows": 5, "groups": OWN},
        {"num_rows": 5, "num_labeled": 1, "groups": (0,) * 8},
        {"num_rows": 5, "num_labeled": 2, "groups": (0, 1) * 4},
    )
    defects = (
        "second[partners(projections => first[partners(projections",
        "pairwise(first, second[partners => pairwise(first, second.detach()[partners",
        "pairwise(first, second[partners(projections, labels, draws)]) => pairwise(first, second)",
        "partners(projections, labels, draws) => partners(projections, labels[:0], draws)",
        "one = second * => one = second.detach() *",
        "other = first * => other = first.detach() *",
        "return -(one + other) => return -(one + one)",
        ".sum(1).mean() / 2 => .sum(1).mean()",
        "(first + GROUP_FLOOR).log() => (first + 1e-3).log()",
        "(of_labels + GROUP_FLOOR) => (of_labels + 1e-3)",
        "/ max(labels.shape[0], 1) => / max(labels.shape[0], 2) / 2",
        "return -(of_labels => return (of_labels",
        "first[: labels.shape[0]] => second[: labels.shape[0]]",
        "frozen_unless(on[2], first) => frozen_unless(on[2], first[labels.shape[0] :])",
        "frozen_unless(on[2], first) => frozen_unless(on[2], second)",
        "log_mean - log_prior => log_mean + log_prior",
        "dot(mean, log_mean - log_prior) => dot(log_prior.exp(), log_prior - log_mean)",
        "+ PROTOTYPE_CONSTANT * mean => - PROTOTYPE_CONSTANT * mean",
        "-(self.count.to(dtype) * size).log() => -torch.full_like(size, len(size)).log()",
        "classification, entropy])) => entropy, classification]))",
        "warmed_up * hyper.w_classification => hyper.w_classification",
        "prototype + switched => switched",
    )

    def case(
        self,
        num_rows: int = 7,
        num_labeled: int = 4,
        *,
        scale: float = 1.0,
        groups: tuple[int, ...] = GROUPS,
    ) -> Case:
        drawn = Drawn(0)
        leaves = {name: 2 * scale * drawn(num_rows, 8) for name in ("first", "second")}
        more = {
            "projections": drawn(num_rows, 3),
            "draws": drawn.uniform(num_rows),
            "groups": torch.tensor(groups),
            "count": torch.tensor(float(max(groups) + 1)),
        }
        labels = in_turn(num_labeled, min(3, max(groups) + 1))
        return Case(leaves, labels, more)

    def terms(self, case: Case, of: ModuleType, **values: Any) -> Any:
        warmed_up = torch.tensor(values.pop("warmed_up", 1.0), dtype=case.dtype)
        return of.openncd_terms(
            *case.leaves.values(),
            case.more["projections"],
            case.labels,
            draws=case.more["draws"],
            groups=of.Groups(case.more["groups"], case.more["count"]),
            warmed_up=warmed_up,
            hyper=self.hyper(case, **values),
        )

    def slow(self, case: Case, **values: Any) -> tuple[dict[str, Any], Slow]:
        warmed_up = values.pop("warmed_up", 1.0)
        config, labels = OpenNCDConfig(**values), case.labels.tolist()
        rows, draws = (case.more[name].tolist() for name in ("projections", "draws"))
        partners, groups = slow.partners(rows, labels, draws), case.more["groups"].tolist()

        def grouped(row: list[float]) -> list[float]:
            pairs = list(zip(row, groups, strict=True))
            return [sum(v for v, g in pairs if g == group) for group in range(max(groups) + 1)]

        def terms(first: Matrix, second: Matrix) -> dict[str, float]:
            p, q = ([softmax(row) for row in view] for view in (first, second))
            both = classification = 0.0
            for i in range(len(p)):
                for a, b in zip(grouped(p[i]), grouped(q[i]), strict=True):
                    both -= (b * math.log(a + 1e-8) + a * math.log(b + 1e-8)) / 2 / len(p)
            for i, label in enumerate(labels):
                classification -= math.log(grouped(p[i])[label] + 1e-8) / len(labels)
            found = {
                "prototype": slow.pairwise(first, second, partners),
                "group": both,
                "classification": classification,
                "entropy": _divergence(p, groups),
            }
            weights = [1.0, config.w_group, config.w_classification * warmed_up, config.w_entropy]
            return found | {"total": slow.dot(weights, [*found.values()])}

        return {}, terms


def _divergence(p: Matrix, groups: list[int]) -> float:
    """From a prior that gives each group the same, in equal parts to its prototypes."""
    found, count = 0.0, max(groups) + 1
    for group, column in zip(groups, zip(*p, strict=True), strict=True):
        mean = sum(column) / len(p)
        found += mean * math.log(mean * count * groups.count(group)) + 1e-7
    return found
