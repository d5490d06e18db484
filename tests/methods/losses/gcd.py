"""The loss of GCD, and from its definition."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from lps_sweep.methods.gcd import GCDConfig, core
from tests.methods.losses.base import Case, Drawn, Loss, Slow, in_turn
from tests.methods.losses.slow import Matrix, contrastive

WEIGHTS = "torch.stack([1 - hyper.w_supervised, hyper.w_supervised])"


class GCD(Loss):
    module, config = core, GCDConfig
    settings = (
        {},
        {"w_supervised": 0.8, "contrastive_temperature": 0.5, "supervised_temperature": 0.3},
        {"w_supervised": 0.0},
        {"w_supervised": 1.0},
    )
    batches = (*Loss.batches, {"num_labeled": 7, "num_classes": 1})
    off = (({"w_supervised": 1.0}, [("first", -1)]),)
    defects = (
        f"{WEIGHTS} => torch.stack([hyper.w_supervised, 1 - hyper.w_supervised])",
        f"{WEIGHTS} => torch.stack([0 * hyper.w_supervised + 1, hyper.w_supervised])",
        f"{WEIGHTS} => torch.stack([1 - hyper.w_supervised, -hyper.w_supervised])",
        "hyper.contrastive_temperature => hyper.supervised_temperature",
        "hyper.supervised_temperature => hyper.contrastive_temperature",
        "at_least_float32(first, second) => at_least_float32(first, second.detach())",
        "at_least_float32(first, second) => at_least_float32(first, first)",
        "frozen_unless(of_all, first) => frozen_unless(of_all, second)",
        "frozen_unless(of_all, first), => first.roll(1, 0),",
        "frozen_unless(of_all, second) => second.detach()",
        "first[:num_labeled] => first[-num_labeled:]",
        "second[:num_labeled] => second[:num_labeled].detach()",
        "            labels,\n =>             torch.arange(num_labeled),\n",
        "torch.stack([contrastive, supervised]) => torch.stack([supervised, contrastive])",
    )

    def case(
        self, num_rows: int = 7, num_labeled: int = 4, *, scale: float = 1.0, num_classes: int = 3
    ) -> Case:
        drawn = Drawn(0)
        leaves = {"first": 3 * scale * drawn(num_rows, 3), "second": 0.3 * drawn(num_rows, 3)}
        return Case(leaves, in_turn(num_labeled, num_classes))

    def terms(self, case: Case, of: ModuleType, **values: Any) -> Any:
        return of.gcd_terms(*case.leaves.values(), case.labels, self.hyper(case, **values))

    def slow(self, case: Case, **values: Any) -> tuple[dict[str, Any], Slow]:
        config, labels = GCDConfig(**values), case.labels.tolist()

        def terms(first: Matrix, second: Matrix) -> dict[str, float]:
            found = contrasts(first, second, labels, config)
            share = config.w_supervised
            return found | {
                "total": (1 - share) * found["contrastive"]
                + share * found["supervised_contrastive"]
            }

        return {}, terms


def contrasts(first: Matrix, second: Matrix, labels: list[int], config: Any) -> dict[str, float]:
    """Both are one: all rows with a class each, or the labeled rows with theirs."""
    n, each = len(labels), list(range(len(first)))
    return {
        "contrastive": contrastive(first + second, each * 2, config.contrastive_temperature),
        "supervised_contrastive": contrastive(
            first[:n] + second[:n], labels * 2, config.supervised_temperature
        ),
    }
