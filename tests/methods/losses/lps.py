"""The loss of LPS, and from its definition."""

from __future__ import annotations

import math
from types import ModuleType
from typing import Any

import torch

from lps_sweep.methods.lps import LPSConfig, core
from tests.methods.losses.base import Case, Drawn, Loss, Slow, in_turn
from tests.methods.losses.slow import Matrix, cosine, dot, negative_entropy, softmax


class LPS(Loss):
    module, config = core, LPSConfig
    settings = (
        {},
        {"tau": 0.2, "C": 3.0, "eta1": 0.5, "eta2": 2.0, "w_entropy": 0.3},
        {"margin_kl": "estimate_to_prior", "uc_norm": "low_confidence"},
        {"contrast_norm": "dot", "uc_neg": "low_confidence"},
        {"eta1": 0.0},
        {"eta2": 0.0, "w_entropy": 0.0},
        {"eta1": 0.0, "uc_neg": "low_confidence"},
    )
    batches = ({}, {"num_labeled": 0}, {"num_labeled": 8})
    off = (
        ({"eta2": 0.0}, [("strong", 3)]),
        ({"eta1": 0.0, "uc_neg": "low_confidence"}, [("strong", 0)]),
        ({"w_entropy": 0.0}, [("weak1", -1)]),
    )
    defects = (
        "given = estimate(\n            weak2 => given = estimate(\n            strong",
        "@torch.no_grad()\ndef estimate => def estimate",
        "pi_hat, kl, hyper.C) => pi_hat, kl, -hyper.C)",
        "negative_entropy(frozen => -negative_entropy(frozen",
        "!= 0, weak1)) => != 0, weak2))",
        "progress.to(weak2.dtype) => 0 * progress.to(weak2.dtype)",
        "pc, uc = _contrastive(weak2, strong => pc, uc = _contrastive(weak2, weak1",
        "mask = confidence >= thresholds => mask = confidence < thresholds",
        "mask[:num_labeled] = True => mask[:num_labeled] |= False",
        "pseudo_labels[:num_labeled] = labels => pass",
        "strong[num_labeled:], targets => weak2[num_labeled:], targets",
        "[pc, uc, entropy] => [uc, pc, entropy]",
    )

    def case(
        self,
        num_rows: int = 8,
        num_labeled: int = 3,
        *,
        num_classes: int = 4,
        num_seen: int = 2,
        scale: float = 1.0,
        seed: int = 0,
    ) -> Case:
        drawn = Drawn(seed)
        base = 2 * scale * drawn(num_rows, num_classes)
        views = {
            name: base + 0.6 * scale * drawn(num_rows, num_classes)
            for name in ("weak1", "weak2", "strong")
        }
        labels = in_turn(num_labeled, min(num_seen, num_classes))
        more = {"num_seen": num_seen, "progress": torch.tensor(0.3, dtype=torch.float64)}
        return Case(views, labels, more)

    def terms(self, case: Case, of: ModuleType, **values: Any) -> Any:
        before = values.pop("pi_hat_before", None)
        return of.lps_terms(
            *case.leaves.values(),
            case.labels,
            self.hyper(case, **values),
            num_seen=case.more["num_seen"],
            progress=case.more["progress"],
            pi_hat_before=before,
        )

    def slow(self, case: Case, **values: Any) -> tuple[dict[str, Any], Slow]:
        config, labels = LPSConfig(**values), case.labels.tolist()
        bounds = config.lambda_seen, 0.4 + 0.4 * case.more["progress"].item()
        mask, targets, weight = [], [], [0.0] * case.leaves["weak2"].shape[1]
        for i, z in enumerate(case.leaves["weak2"].tolist()):
            p = softmax(z)
            t = labels[i] if i < len(labels) else p.index(max(p))
            mask.append(i < len(labels) or max(p) >= bounds[t >= case.more["num_seen"]])
            targets.append(t)
            weight = [a + mask[-1] * b for a, b in zip(weight, p, strict=True)]
        pi_hat = [v / sum(weight) if any(mask) else 1 / len(weight) for v in weight]
        margins = _margins(pi_hat, config)

        def terms(weak1: Matrix, weak2: Matrix, strong: Matrix) -> dict[str, float]:
            labeled = unlabeled = 0.0
            for i, t in enumerate(targets):
                z = weak1[i] if i < len(labels) else strong[i]
                surprise = -math.log(
                    softmax([v + margins[t] * (k == t) for k, v in enumerate(z)])[t]
                )
                if i < len(labels):
                    labeled += surprise / len(labels)
                else:
                    unlabeled += mask[i] * surprise / (len(targets) - len(labels))
            entropy = negative_entropy(weak1)
            pc, uc = _contrastive(weak2 + strong, mask * 2, targets * 2, config)
            total = labeled + unlabeled + config.w_entropy * entropy
            return {
                "margin_labeled": labeled,
                "margin_unlabeled": unlabeled,
                "entropy": entropy,
                "pc": pc,
                "uc": uc,
                "total": total + config.eta1 * pc + config.eta2 * uc,
            }

        return {"mask": mask, "pseudo_labels": targets, "pi_hat": pi_hat}, terms


def _margins(pi_hat: list[float], config: LPSConfig) -> list[float]:
    num_classes = len(pi_hat)
    if config.margin_kl == "prior_to_estimate":
        kl = sum(math.log(1 / num_classes / p) / num_classes for p in pi_hat)
    else:
        kl = sum(p * math.log(p * num_classes) for p in pi_hat)
    return [kl * config.C * p / max(pi_hat) for p in pi_hat]


def _contrastive(
    z: Matrix, mask: list[bool], targets: list[int], config: LPSConfig
) -> tuple[float, float]:
    def similarity(i: int, j: int) -> float:
        of = cosine if config.contrast_norm == "cosine" else dot
        return math.exp(of(z[i], z[j]) / config.tau)

    confident = [i for i, m in enumerate(mask) if m]
    low = [i for i, m in enumerate(mask) if not m]
    pc = uc = 0.0
    for i in confident:
        others = [j for j in confident if j != i]
        positives = [similarity(i, j) for j in others if targets[j] == targets[i]]
        whole = sum(similarity(i, j) for j in others)
        pc -= math.log(sum(positives) / len(positives) / whole) / len(confident)
    among = range(len(z)) if config.uc_neg == "batch" else low
    for i in low:
        whole = sum(similarity(i, j) for j in among if j != i)
        own = similarity(i, (i + len(z) // 2) % len(z))
        uc -= math.log(own / whole) / len(z if config.uc_norm == "batch" else low)
    return pc, uc
