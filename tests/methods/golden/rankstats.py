"""RankStats: the loss of a batch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from lps_sweep.methods.phases import rampup
from lps_sweep.methods.rankstats.core import Heads, Weights, rankstats_loss, same_top
from tests.methods.golden.inputs import grad_norms


def computed(
    parameters: Mapping[str, Any], inputs: Mapping[str, Tensor], expected: Mapping[str, Any]
) -> Mapping[str, Any]:
    """The tree that `expected` is compared with."""
    ramp = rampup(parameters["epoch"], parameters["rampup_length"])
    weight, novel = parameters["rampup_coefficient"] * ramp, 0.0
    if parameters["incremental"]:
        novel = parameters["increment_coefficient"] * ramp
    terms = rankstats_loss(
        Heads(inputs["head1_w1"], inputs["head2_w1"]),
        Heads(inputs["head1_w2"], inputs["head2_w2"]),
        inputs["features"],
        torch.tensor(parameters["labels"], dtype=torch.int64),
        Weights(*torch.tensor([1.0, weight, novel], dtype=torch.float64)),
        num_seen=parameters["num_seen"],
        topk=parameters["topk"],
    )
    positive = same_top(inputs["features"][parameters["num_labeled"] :], parameters["topk"])
    return {
        "terms": {
            "cross_entropy": terms.cross_entropy,
            "pairwise": terms.pairwise,
            "consistency": terms.consistency,
            "cross_entropy_novel": novel * terms.cross_entropy_novel,
        },
        "extra": {
            "consistency_weight": weight,
            "pairs": ["".join(str(int(x)) for x in row) for row in positive.tolist()],
        },
        "total": terms.total,
        "grad_norms": grad_norms(terms.total, inputs) if "grad_norms" in expected else {},
    }
