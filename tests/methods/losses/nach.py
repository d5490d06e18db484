"""The loss of NACH, and from its definition."""

from __future__ import annotations

import math
from types import ModuleType
from typing import Any

import torch

from lps_sweep.methods.nach import NACHConfig, core
from lps_sweep.methods.protocol import TailOutput
from tests.methods.losses import slow
from tests.methods.losses.base import Case, Drawn, Loss, Slow, in_turn
from tests.methods.losses.slow import Matrix, softmax

NUM_SEEN = 3
WEIGHTS = ("w_pairwise", "w_pseudo", "w_entropy")


class NACH(Loss):
    """Values may also name the `gap` and the `rank` of the filter."""

    module, config = core, NACHConfig
    settings = (
        {},
        {"rank": 1},
        {"rank": 3},
        {"gap": 1.0},
        {
            "lambda_seen": 0.8,
            "gap_scale": 3.0,
            "w_pairwise": 0.3,
            "w_pseudo": 2.0,
            "w_entropy": 0.7,
        },
    )
    batches = ({}, {"num_labeled": 0}, {"num_labeled": 2}, {"num_labeled": 11})
    off = (
        (dict.fromkeys(WEIGHTS, 0.0) | {"w_pairwise": 0.5}, [("strong", row) for row in range(11)]),
        (dict.fromkeys(WEIGHTS, 0.0) | {"w_pseudo": 0.5}, [("weak1", 7)]),
        (dict.fromkeys(WEIGHTS, 0.0) | {"w_entropy": 0.5}, [("weak2", row) for row in range(11)]),
        (dict.fromkeys(WEIGHTS, 0.0), [("weak1", 7), ("weak2", 7), ("strong", 7)]),
    )
    defects = (
        "topk(rank, dim=0).values[-1] => topk(rank + 1, dim=0).values[-1]",
        "topk(rank, dim=0).values[-1] => topk(rank, dim=0).values[0]",
        ">= bound[found] => >= bound",
        "similarity[:num_labeled].topk => similarity.topk",
        "torch.where(kept, found, itself) => found",
        "similarity = directions @ directions.T => similarity = features @ features.T",
        "frozen_unless(with_pairs, second)[found] => frozen_unless(with_pairs, first)[found]",
        "frozen_unless(with_pairs, second)[found] => second.detach()[found]",
        "frozen_unless(with_pairs, second)[found] => frozen_unless(with_pairs, second)",
        "confidence >= torch.where => confidence > 2 * torch.where",
        "pseudo_labels < num_seen, hyper => pseudo_labels <= num_seen, hyper",
        "hyper.gap_scale * gap, hyper => gap, hyper",
        "hyper.lambda_seen - reduction => hyper.lambda_seen + reduction",
        "strong) + _log => strong) - _log",
        "strong) + _log(given.pi_hat) => strong)",
        "hyper.w_pseudo != 0, strong) => hyper.w_pseudo != 0, second)",
        "no_margin, given.mask) => no_margin)",
        "pseudo = adaptive => pseudo = len(first) / given.mask.sum() * adaptive",
        "distribution(probabilities, mask) => distribution(probabilities, mask | True)",
        "@torch.no_grad()\ndef estimate => def estimate",
        "w_entropy != 0, first) => w_entropy != 0, first[num_labeled:])",
        "adaptive_margin(first[:num_labeled] => adaptive_margin(second[:num_labeled]",
        "cross_entropy + switched => cross_entropy - switched",
    )

    def case(
        self, num_rows: int = 11, num_labeled: int = 5, *, scale: float = 1.0, seed: int = 6
    ) -> Case:
        """Lengths of the features differ and must not matter."""
        drawn = Drawn(seed)
        base = 3 * scale * drawn(num_rows, 5)
        views = {
            name: base + 0.9 * scale * drawn(num_rows, 5) for name in ("weak1", "weak2", "strong")
        }
        features = drawn(num_rows, 3) * (torch.arange(num_rows) % 4 + 1).unsqueeze(1)
        more = {"features": features, "draws": drawn.uniform(num_rows)}
        return Case(views, in_turn(num_labeled, NUM_SEEN), more)

    def terms(self, case: Case, of: ModuleType, **values: Any) -> Any:
        gap, rank = values.pop("gap", 0.1), values.pop("rank", 2)
        weak1, weak2, strong = case.leaves.values()
        return of.nach_terms(
            TailOutput(case.more["features"], weak1),
            weak2,
            strong,
            case.labels,
            draws=case.more["draws"],
            num_seen=NUM_SEEN,
            gap=torch.tensor(gap, dtype=case.dtype),
            neighbour_rank=rank,
            hyper=self.hyper(case, **values),
        )

    def slow(self, case: Case, **values: Any) -> tuple[dict[str, Any], Slow]:
        gap, rank = values.pop("gap", 0.1), values.pop("rank", 2)
        config, labels = NACHConfig(**values), case.labels.tolist()
        features, draws = (case.more[name].tolist() for name in ("features", "draws"))
        reduction = min(max(config.gap_scale * gap, 0.0), config.max_reduction)
        bounds = config.lambda_seen, config.lambda_seen - reduction
        rows = [softmax(z) for z in case.leaves["weak2"].tolist()]
        predicted = [p.index(max(p)) for p in rows]
        mask = [max(p) >= bounds[t >= NUM_SEEN] for p, t in zip(rows, predicted, strict=True)]
        sure = [p for p, m in zip(rows, mask, strict=True) if m]
        pi_hat = [sum(c) / len(sure) for c in zip(*sure, strict=True)] if sure else [0.2] * 5
        partners = _filtered(features, slow.partners(features, labels, draws), len(labels), rank)

        def terms(weak1: Matrix, weak2: Matrix, strong: Matrix) -> dict[str, float]:
            pseudo = 0.0
            for z, t, m in zip(strong, predicted, mask, strict=True):
                e = [math.exp(v) * pi for v, pi in zip(z, pi_hat, strict=True)]
                pseudo -= math.log(e[t] / sum(e)) / len(rows) if m else 0.0
            found = {
                "cross_entropy": slow.cross_entropy(weak1, labels),
                "pairwise": slow.pairwise(weak1, weak2, partners),
                "pseudo": pseudo,
                "entropy": slow.negative_entropy(weak1),
            }
            weights = (1.0, *(getattr(config, name) for name in WEIGHTS))
            return found | {"total": slow.dot(list(weights), [*found.values()])}

        return {
            "partners": partners,
            "confidence": [max(p) for p in rows],
            "pseudo_labels": predicted,
            "mask": mask,
            "pi_hat": pi_hat,
        }, terms


def _filtered(features: Matrix, partners: list[int], num_labeled: int, rank: int) -> list[int]:
    """An unlabeled row refuses a partner that is nearer to `rank` labeled rows."""
    found = partners[:num_labeled]
    for i, j in enumerate(partners[num_labeled:], start=num_labeled):
        near = (
            1.0 if m == j else slow.cosine(features[m], features[j]) for m in range(num_labeled)
        )
        bound = sorted(near, reverse=True)[rank - 1 : rank]
        refused = bool(bound) and slow.cosine(features[i], features[j]) < bound[0]
        found.append(i if refused else j)
    return found
