"""The loss of FixMatch, and from its definition."""

from __future__ import annotations

import math
from types import ModuleType
from typing import Any

from lps_sweep.methods.fixmatch import FixMatchConfig, core
from tests.methods.losses.base import Case, Drawn, Loss, Slow, in_turn
from tests.methods.losses.slow import Matrix, cross_entropy, softmax


class FixMatch(Loss):
    module, config = core, FixMatchConfig
    settings = (
        {"threshold": 0.8, "temperature": 0.5, "lambda_u": 2.0},
        {},
        {"threshold": 0.6, "lambda_u": 0.3},
        {"threshold": 0.0, "temperature": 3.0},
    )
    off = (({"lambda_u": 0.0, "threshold": 0.0}, [("strong", row) for row in range(3, 12)]),)
    fewest = 0
    defects = (
        "labeled + weighted_sum => labeled - weighted_sum",
        "weighted_sum(hyper.lambda_u, unlabeled) => 2 * unlabeled",
        ">= hyper.threshold => >= hyper.threshold - 0.1",
        ">= hyper.threshold => >= 0.0",
        ">= hyper.threshold => < hyper.threshold",
        "/ hyper.temperature => * hyper.temperature",
        "/ hyper.temperature => / 1.0",
        "torch.softmax(weak[num_labeled:] => torch.softmax(strong[num_labeled:]",
        "!= 0, strong[num_labeled:] => != 0, weak[num_labeled:]",
        "F.cross_entropy(weak[:num_labeled] => F.cross_entropy(strong[:num_labeled]",
        "!= 0, strong[num_labeled:] => != 0, strong.roll(1, 0)[num_labeled:]",
        ".sum() / max(each.shape[0], 1) => .sum() / mask.sum().clamp(min=1)",
        "/ max(each.shape[0], 1) => / weak.shape[0]",
        "labeled = labeled / max(num_labeled, 1) => labeled = labeled * 1",
        ".max(dim=1) => .min(dim=1)",
        "frozen_unless(hyper.lambda_u != 0, strong[num_labeled:]) => strong[num_labeled:].detach()",
        "F.cross_entropy(weak[:num_labeled] => F.cross_entropy(weak[:num_labeled].detach()",
        "entropy(read, pseudo_labels => entropy(read, weak[num_labeled:].softmax(1)",
    )

    def case(self, num_rows: int = 12, num_labeled: int = 3, *, scale: float = 1.0) -> Case:
        drawn = Drawn(0)
        weak = 3 * scale * drawn(num_rows, 4)
        leaves = {"weak": weak, "strong": weak + scale * drawn(num_rows, 4)}
        return Case(leaves, in_turn(num_labeled, 4))

    def terms(self, case: Case, of: ModuleType, **values: Any) -> Any:
        return of.fixmatch_terms(*case.leaves.values(), case.labels, self.hyper(case, **values))

    def slow(self, case: Case, **values: Any) -> tuple[dict[str, Any], Slow]:
        config, labels = FixMatchConfig(**values), case.labels.tolist()
        n = len(labels)
        rows = [softmax(z, config.temperature) for z in case.leaves["weak"].tolist()[n:]]
        mask = [max(p) >= config.threshold for p in rows]
        targets = [p.index(max(p)) for p in rows]

        def terms(weak: Matrix, strong: Matrix) -> dict[str, float]:
            labeled, unlabeled = cross_entropy(weak, labels), 0.0
            for z, t, sure in zip(strong[n:], targets, mask, strict=True):
                unlabeled -= sure * math.log(softmax(z)[t]) / len(rows)
            total = labeled + config.lambda_u * unlabeled
            return {"labeled": labeled, "unlabeled": unlabeled, "total": total}

        return {"mask": mask, "pseudo_labels": targets}, terms
