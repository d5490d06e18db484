"""NACH: the loss of a batch, or the gap of an epoch; both without our guards."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import torch
from torch import Tensor

from lps_sweep.methods.hyper import Hyper
from lps_sweep.methods.nach import NACHConfig, core
from lps_sweep.methods.protocol import TailOutput
from tests.methods.golden.inputs import grad_norms, numbered

RULE: Literal["reference"] = "reference"


def computed(
    parameters: Mapping[str, Any], inputs: Mapping[str, Tensor], expected: Mapping[str, Any]
) -> dict[str, Any]:
    """In the form of `expected`; a case that expects a gap is one of an epoch."""
    threshold = parameters.get("seen_threshold", NACHConfig.lambda_seen)
    config = NACHConfig(gap_rule=RULE, lambda_seen=threshold)
    hyper, num_seen = Hyper.of(config, "cpu", torch.float64), parameters["num_seen"]
    if "gap" in expected.get("extra", {}):
        return {"extra": _epoch(numbered(inputs, "b"), num_seen, hyper)}
    terms = core.nach_terms(
        TailOutput(inputs["features"], inputs["w1"]),
        inputs["w2"],
        inputs["s"],
        torch.tensor(parameters["labels"], dtype=torch.int64),
        draws=torch.zeros(len(inputs["w1"]), dtype=torch.float64),
        num_seen=num_seen,
        gap=torch.tensor(parameters["gap"], dtype=torch.float64),
        neighbour_rank=parameters["neighbour_k"],
        hyper=hyper,
    )
    sums = core.gap_sums(terms.confidence, terms.pseudo_labels, num_seen, RULE)
    return {
        "terms": vars(terms),
        "extra": vars(terms) | {"mean_conf_seen": sums[0], "mean_conf_novel": sums[2]},
        "total": terms.total,
        "grad_norms": grad_norms(terms.total, inputs),
    }


def _epoch(batches: list[Tensor], num_seen: int, hyper: Hyper) -> dict[str, Tensor]:
    before = torch.tensor(0.0, dtype=torch.float64)
    sums = torch.zeros(4, dtype=torch.float64)
    for batch in batches:
        given = core.estimate(batch, num_seen, before, hyper)
        sums += core.gap_sums(given.confidence, given.pseudo_labels, num_seen, RULE)
    gap = core.gap_of(sums, before)
    return {
        "mean_conf_seen": sums[0] / sums[1],
        "mean_conf_novel": sums[2] / sums[3],
        "gap": gap,
        "novel_threshold": core.novel_threshold(gap, hyper),
    }
