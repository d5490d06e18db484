"""The loss of OwMatch, and from its definition."""

from __future__ import annotations

import math
from dataclasses import dataclass
from types import ModuleType, SimpleNamespace
from typing import Any

import torch

from lps_sweep.methods.owmatch import OwMatchConfig, core
from lps_sweep.methods.owmatch.assignment import Queue
from lps_sweep.methods.owmatch.thresholds import Means
from tests.methods.losses.base import Case, Drawn, Loss, Slow, in_turn
from tests.methods.losses.slow import Matrix, cross_entropy, dot, softmax

NUM_SEEN, NUM_CLASSES, SCALE, ROOM = 2, 5, 10.0, 12
CONFIDENCE, CLASSES = [0.8, 0.5], [[0.6, 0.3], [0.4, 0.5, 0.1]]
"""Of the means before the step."""
MOVED = "means.after(probabilities, num_seen, hyper.threshold_kept).thresholds("


class OwMatch(Loss):
    """Its queues have room for twelve rows."""

    module, config = core, OwMatchConfig
    settings = (
        {"threshold_floor": 0.35, "threshold_kept": 0.3},
        {},
        {"epsilon": 0.2, "num_rounds": 2, "w_clustering": 0.5, "w_confidence": 2.0},
        {"threshold_floor": 0.6, "threshold_kept": 0.3},
        {"w_clustering": 0.0, "w_confidence": 0.0},
    )
    batches = (
        {},
        {"num_crops": 2},
        {"num_labeled": 0, "num_filled": 0},
        {"num_labeled": 7},
        {"num_filled": 12},
    )
    off = (
        ({"w_confidence": 0.0, "w_clustering": 0.5}, [("strong", 6)]),
        ({"w_confidence": 0.5, "w_clustering": 0.0}, [("weak1", 6)]),
        ({"w_confidence": 0.0, "w_clustering": 0.0}, [("weak1", 6), ("strong", 6)]),
    )
    defects = (
        "(scale * hyper.epsilon) => hyper.epsilon",
        "with_labels(logits, labels, scale) => logits",
        "after.filled, num_rounds => after.filled | True, num_rounds",
        "after.filled, num_rounds => after.filled, num_rounds - 1",
        "memory.weak1, hyper => memory.weak2, hyper",
        "code(second => code(first",
        "largest > thresholds[predicted] => largest > thresholds.min()",
        "largest > thresholds[predicted] => largest > -thresholds[predicted]",
        "adaptive_margin(weak1[: => adaptive_margin(weak2[:",
        "w_confidence != 0, strong) => w_confidence != 0, weak1)",
        "predicted, no_margin, mask => predicted, no_margin",
        "probabilities, num_seen, hyper => probabilities, num_seen + 1, hyper",
        f"= means.thresholds( => = {MOVED}",
        "pairs.append((weak2, codes[0])) => pairs.append((weak2, codes[1]))",
        "if not crops: => if True:",
        "return torch.stack(rows).mean() => return torch.stack(rows).sum(0).mean()",
        "rows = [-(wanted => rows = [(wanted",
        "supervised + switched => supervised - switched",
    )

    def case(
        self,
        num_rows: int = 7,
        num_labeled: int = 3,
        *,
        num_crops: int = 0,
        num_filled: int = 4,
        scale: float = 1.0,
        seed: int = 0,
    ) -> Case:
        drawn = Drawn(seed)
        base = 3 * scale * drawn(num_rows, NUM_CLASSES)
        names = ["weak1", "weak2", "strong", *(f"crop{i}" for i in range(num_crops))]
        views = {name: base + 0.9 * scale * drawn(num_rows, NUM_CLASSES) for name in names}
        queues = [3 * drawn(ROOM, NUM_CLASSES) for _ in range(2)]
        for queue in queues:
            queue[: ROOM - num_filled] = 0.0
        more = {
            "queues": queues,
            "num_filled": torch.tensor(num_filled),
            "confidence": torch.tensor(CONFIDENCE, dtype=torch.float64),
            "classes": torch.tensor([*CLASSES[0], *CLASSES[1]], dtype=torch.float64),
        }
        return Case(views, in_turn(num_labeled, NUM_SEEN), more)

    def terms(
        self, case: Case, of: ModuleType, memory: core.Memory | None = None, **values: Any
    ) -> Any:
        weak1, weak2, strong, *crops = case.leaves.values()
        given, config = case.more, OwMatchConfig(**values)
        first, second = (Queue(rows, given["num_filled"]) for rows in given["queues"])
        means = Means(given["confidence"], given["classes"])
        found = of.owmatch_terms(
            weak1,
            weak2,
            strong,
            case.labels,
            memory or core.Memory(first, second, means),
            self.hyper(case, **values),
            num_seen=NUM_SEEN,
            scale=SCALE,
            num_rounds=config.num_rounds,
            crops=crops,
        )
        after = found.memory.means.thresholds(NUM_SEEN, self.hyper(case, **values).threshold_floor)
        return SimpleNamespace(**vars(found), thresholds_after=after)

    def slow(self, case: Case, **values: Any) -> tuple[dict[str, Any], Slow]:
        config, labels, z = OwMatchConfig(**values), case.labels.tolist(), case.matrices()
        kept = min(int(case.more["num_filled"]), ROOM - len(z[0]))
        queues = [rows[ROOM - kept :].tolist() for rows in case.more["queues"]]
        means = SlowMeans(list(CONFIDENCE), [list(of_group) for of_group in CLASSES])
        thresholds = means.thresholds(config.threshold_floor)
        codes = [
            batch_codes(rows, labels, queue, config)
            for rows, queue in zip(z[:2], queues, strict=True)
        ]
        predicted, mask = judged(z[1], thresholds)

        means.update(z[1], NUM_SEEN, config.threshold_kept)
        after = means.thresholds(config.threshold_floor)

        def terms(*views: Matrix) -> dict[str, float]:
            return slow_terms(views, labels, codes, predicted, mask, config)

        given = {"codes": codes, "mask": mask, "pseudo_labels": predicted}
        return given | {"thresholds": thresholds, "thresholds_after": after}, terms


@dataclass
class SlowMeans:
    """Of the two groups of classes, a confidence and the classes' probabilities each."""

    confidence: list[float]
    classes: list[list[float]]

    def update(self, weak2: Matrix, num_seen: int, kept: float) -> None:
        """With the predictions on a batch."""
        probabilities = [softmax(z) for z in weak2]
        for group, columns in enumerate((slice(0, num_seen), slice(num_seen, None))):
            rows = [p for p in probabilities if (p.index(max(p)) >= num_seen) == bool(group)]
            if not rows:
                continue
            mean = sum(max(p) for p in rows) / len(rows)
            self.confidence[group] = kept * self.confidence[group] + (1 - kept) * mean
            shares = [sum(column) / len(rows) for column in zip(*rows, strict=True)][columns]
            pairs = zip(self.classes[group], shares, strict=True)
            self.classes[group] = [kept * a + (1 - kept) * b for a, b in pairs]

    def thresholds(self, floor: float) -> list[float]:
        return [
            max(value / max(values) * confidence, floor)
            for confidence, values in zip(self.confidence, self.classes, strict=True)
            for value in values
        ]


def hardened(logits: Matrix, labels: list[int]) -> Matrix:
    """With the largest logit at the label of each labeled row."""
    rows = [list(row) for row in logits]
    for row, label in zip(rows, labels, strict=False):
        row[label] = SCALE
    return rows


def batch_codes(rows: Matrix, labels: list[int], queue: Matrix, config: OwMatchConfig) -> Matrix:
    """Assigned together with what the queue holds beside the batch."""
    together = queue + hardened(rows, labels)
    q = [[math.exp(z / (SCALE * config.epsilon)) for z in row] for row in together]
    for _ in range(config.num_rounds):
        masses = [sum(column) for column in zip(*q, strict=True)]
        q = [[v / m / len(masses) for v, m in zip(row, masses, strict=True)] for row in q]
        q = [[v / sum(row) for v in row] for row in q]
    return q[-len(rows) :]


def judged(weak2: Matrix, thresholds: list[float]) -> tuple[list[int], list[bool]]:
    """Predictions, and which of them are confident."""
    rows = [softmax(z) for z in weak2]
    predicted = [p.index(max(p)) for p in rows]
    return predicted, [max(p) > thresholds[t] for p, t in zip(rows, predicted, strict=True)]


def slow_terms(
    views: tuple[Matrix, ...],
    labels: list[int],
    codes: list[Matrix],
    predicted: list[int],
    mask: list[bool],
    config: OwMatchConfig,
) -> dict[str, float]:
    """Views weak1, weak2, strong and the crops."""
    weak1, weak2, strong, *crops = views
    confidence = clustering = 0.0
    for z, t, sure in zip(strong, predicted, mask, strict=True):
        confidence -= sure * math.log(softmax(z)[t]) / len(weak1)
    pairs = [(x, codes[1]) for x in (weak1, *crops)] + ([] if crops else [(weak2, codes[0])])
    for view, code in pairs:
        for z, wanted in zip(view, code, strict=True):
            surprise = dot(wanted, [math.log(p) for p in softmax(z)])
            clustering -= surprise / len(weak1) / len(pairs)
    found = {
        "supervised": cross_entropy(weak1, labels),
        "clustering": clustering,
        "confidence": confidence,
    }
    weights = [1.0, config.w_clustering, config.w_confidence]
    return found | {"total": dot(weights, [*found.values()])}
