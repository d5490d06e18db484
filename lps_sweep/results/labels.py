"""Metrics as search spaces and trackers call them: those of hidden labels are called oracle."""

from __future__ import annotations

from collections.abc import Mapping


def is_oracle(name: str) -> bool:
    """Whether a metric is computed with the hidden labels of the unlabeled images."""
    if name in ("acc_holdout", "acc_fold"):
        return False
    return name.startswith(("acc_", "nmi_")) or name == "novel_to_seen_share"


def labelled(metrics: Mapping[str, float | None]) -> dict[str, float]:
    """The metrics that have a value, called as search spaces call them."""
    return {
        f"oracle.{name}" if is_oracle(name) else name: value
        for name, value in metrics.items()
        if value is not None
    }
