"""The loss of DTC, and from its definition."""

from __future__ import annotations

import math
from types import ModuleType
from typing import Any

import torch

from lps_sweep.methods.dtc import core
from lps_sweep.methods.hyper import at_least_float32
from tests.methods.losses.base import Case, Drawn, Loss, Slow, in_turn
from tests.methods.losses.slow import Matrix, cross_entropy, dot


class DTC(Loss):
    """Values are the `weights`, and the `other` that consistency is with: second or ensemble."""

    module = core
    settings = (
        {"weights": (0.3, 1.0, 2.0)},
        {"weights": (0.3, 1.0, 2.0), "other": "ensemble"},
        {"weights": (0.3, 1.0, 2.0), "other": "none"},
        {"weights": (1.0, 0.0, 0.0)},
    )
    off = (
        ({"weights": (1.0, 0.0, 0.0)}, [("outputs", 0), ("centres", 0), ("second", 0)]),
        ({"weights": (0.0, 1.0, 2.0)}, [("seen_logits", 0)]),
        ({"weights": (1.0, 1.0, 0.0)}, [("second", 0)]),
    )
    fewest = 0
    defects = (
        "sum(2)\n => sum(2).sqrt()\n",
        "-torch.log1p(squares) => -2 * torch.log1p(squares)",
        "torch.log1p(squares) => torch.log(squares)",
        " / assignments.sum(0).clamp(min=smallest) => ",
        "assignments.sum(0) => assignments.square().sum(0)",
        "weights / weights.sum(1, keepdim=True) => weights / weights.sum()",
        "@torch.no_grad()\n => ",
        "values.numel() => values.shape[0]",
        "torch.xlogy(targets, targets) - => 0.0 -",
        "- targets * frozen => + targets * frozen",
        "(frozen_unless(consistent, x) for => (x.detach() for",
        "frozen_unless(consistent, log_q).exp() => log_q.detach().exp()",
        "frozen_unless(sharpened | consistent, centres) => centres.detach()",
        "(consistent, log_q).exp() => (consistent, log_q)",
        "- ensemble).square() => - ensemble).abs()",
        "weights.sharpening, weights.consistency] => weights.consistency, weights.sharpening]",
    )

    def case(self, num_rows: int = 8, num_labeled: int = 3, *, scale: float = 1.0) -> Case:
        """Four clusters in three dimensions, two seen classes; targets are of nine rows."""
        drawn, n = Drawn(0), num_rows - num_labeled
        outputs = scale * drawn(n, 3)
        leaves = {
            "outputs": outputs,
            "centres": scale * drawn(4, 3),
            "seen_logits": scale * drawn(num_labeled, 2),
            "second": outputs + 0.4 * scale * drawn(n, 3),
        }
        more = {"ensemble": drawn.uniform(n, 4), "evaluation": scale * drawn(9, 3)}
        more["idx"] = torch.arange(n) * 4 % 9
        return Case(leaves, in_turn(num_labeled, 2), more)

    def terms(self, case: Case, of: ModuleType, **values: Any) -> Any:
        leaves, more, other = case.leaves, case.more, values.get("other", "second")
        (centres,) = at_least_float32(leaves["centres"])
        targets = of.target_distribution(of.log_assignments(more["evaluation"], centres).exp())
        weights = torch.tensor(values.get("weights", (0.3, 1.0, 2.0)), dtype=case.dtype)
        return of.dtc_loss(
            leaves["outputs"],
            centres,
            targets[more["idx"]],
            of.Weights(*weights.unbind()),
            seen_logits=leaves["seen_logits"],
            labels=case.labels,
            second=leaves["second"] if other == "second" else None,
            ensemble=more["ensemble"] if other == "ensemble" else None,
        )

    def slow(self, case: Case, **values: Any) -> tuple[dict[str, Any], Slow]:
        more, other = case.more, values.get("other", "second")
        centres = case.leaves["centres"].tolist()
        of_all = slow_targets(slow_assignments(more["evaluation"].tolist(), centres))
        targets = [of_all[i] for i in more["idx"].tolist()]
        labels, ensemble = case.labels.tolist(), more["ensemble"].tolist()

        def terms(
            outputs: Matrix, centres: Matrix, seen_logits: Matrix, second: Matrix
        ) -> dict[str, float]:
            q = slow_assignments(outputs, centres)
            sharpening = squares = 0.0
            wanted = {"second": slow_assignments(second, centres), "ensemble": ensemble}
            for p_row, q_row, e_row in zip(targets, q, wanted.get(other, q), strict=True):
                for p_of, q_of in zip(p_row, q_row, strict=True):
                    sharpening += p_of * (math.log(p_of) - math.log(q_of)) / len(q) / 4
                squares += math.dist(q_row, e_row) ** 2 / len(q) / 4
            found = {
                "cross_entropy": cross_entropy(seen_logits, labels),
                "sharpening": sharpening,
                "consistency": squares,
            }
            return found | {"total": dot(list(values["weights"]), [*found.values()])}

        return {"assignments": slow_assignments(case.leaves["outputs"].tolist(), centres)}, terms


def slow_assignments(outputs: Matrix, centres: Matrix) -> Matrix:
    found = []
    for row in outputs:
        near = [1 / (1 + math.dist(row, centre) ** 2) for centre in centres]
        found.append([value / sum(near) for value in near])
    return found


def slow_targets(assignments: Matrix) -> Matrix:
    frequency = [sum(column) for column in zip(*assignments, strict=True)]
    found = []
    for row in assignments:
        sharp = [q * q / f for q, f in zip(row, frequency, strict=True)]
        found.append([value / sum(sharp) for value in sharp])
    return found


def slow_ensemble(epochs: list[Matrix], decay: float) -> Matrix:
    """The weighted mean of all epochs, the newest weighing most."""
    ages = range(len(epochs) - 1, -1, -1)
    weights = [decay**age for age in ages]
    return [
        [dot(weights, list(cell)) / sum(weights) for cell in zip(*rows, strict=True)]
        for rows in zip(*epochs, strict=True)
    ]


def slow_ramp(done: int, length: int) -> float:
    return math.exp(-5 * (1 - done / length) ** 2) if done < length else 1.0
