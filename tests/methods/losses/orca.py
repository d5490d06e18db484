"""The loss of ORCA, and from its definition."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import torch

from lps_sweep.methods.orca import ORCAConfig
from lps_sweep.methods.orca import objective as core
from lps_sweep.methods.protocol import TailOutput
from tests.methods.losses import slow
from tests.methods.losses.base import Case, Drawn, Loss, Slow, in_turn
from tests.methods.losses.slow import Matrix


class ORCA(Loss):
    """Values may also name the `uncertainty`."""

    module, config = core, ORCAConfig
    settings = (
        {},
        {"uncertainty": 0.0},
        {"uncertainty": 0.51},
        {"uncertainty": 0.4, "margin_scale": 4.0, "w_pairwise": 0.3, "w_entropy": 2.0},
        {"uncertainty": 0.4, "max_uncertainty": 0.2},
        {"uncertainty": 0.4, "margin_scale": 0.0},
    )
    off = (
        ({"w_pairwise": 0.0}, [("second", 2)]),
        ({"margin_scale": 0.0, "w_pairwise": 0.0, "w_entropy": 0.0}, [("first", -1)]),
    )
    defects = (
        "hyper.margin_scale * torch => torch",
        "(uncertainty, hyper.max_uncertainty) => (uncertainty, uncertainty)",
        "margins = margin => margins = -margin",
        "adaptive_margin(first => adaptive_margin(second",
        "with_pairs, second)[partners => with_pairs, first)[partners",
        "with_pairs, first), => with_pairs, first.detach()),",
        "[partners(features, labels, draws)] => [partners(second, labels, draws)]",
        "[partners(features, labels, draws)] => [partners(features, labels[:0], draws)]",
        "negative_entropy(frozen => -negative_entropy(frozen",
        "w_entropy != 0, first) => w_entropy != 0, second)",
        "torch.stack([pairs, entropy]) => torch.stack([entropy, pairs])",
        "margin_labeled + switched) => margin_labeled - switched)",
    )

    def case(self, num_rows: int = 7, num_labeled: int = 4, *, scale: float = 1.0) -> Case:
        drawn = Drawn(0)
        first = 2 * scale * drawn(num_rows, 4)
        leaves = {"first": first, "second": first + scale * drawn(num_rows, 4)}
        more = {"features": drawn(num_rows, 3), "draws": drawn.uniform(num_rows)}
        return Case(leaves, in_turn(num_labeled, 2), more)

    def terms(self, case: Case, of: ModuleType, **values: Any) -> Any:
        uncertainty = torch.tensor(values.pop("uncertainty", 0.3), dtype=case.dtype)
        first, second = case.leaves.values()
        return of.orca_loss(
            TailOutput(case.more["features"], first),
            TailOutput(case.more["features"].flip(0), second),
            case.labels,
            draws=case.more["draws"],
            uncertainty=uncertainty,
            hyper=self.hyper(case, **values),
        )

    def slow(self, case: Case, **values: Any) -> tuple[dict[str, Any], Slow]:
        uncertainty = values.pop("uncertainty", 0.3)
        config, labels = ORCAConfig(**values), case.labels.tolist()
        margin = config.margin_scale * min(uncertainty, config.max_uncertainty)
        features, draws = (case.more[name].tolist() for name in ("features", "draws"))
        partners = slow.partners(features, labels, draws)

        def terms(first: Matrix, second: Matrix) -> dict[str, float]:
            raised = [list(row) for row in first]
            for row, label in zip(raised, labels, strict=False):
                row[label] += margin
            found = {
                "margin_labeled": slow.cross_entropy(raised, labels),
                "pairwise": slow.pairwise(first, second, partners),
                "entropy": slow.negative_entropy(first),
            }
            weights = [1.0, config.w_pairwise, config.w_entropy]
            return found | {"total": slow.dot(weights, [*found.values()])}

        return {}, terms
