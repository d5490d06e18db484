"""SimGCD: the loss of a batch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from lps_sweep.methods.hyper import Hyper
from lps_sweep.methods.simgcd import SimGCDConfig, core
from tests.methods.golden.inputs import grad_norms


def computed(
    parameters: Mapping[str, Any],
    inputs: Mapping[str, Tensor],
    expected: Mapping[str, Any],  # noqa: ARG001
) -> dict[str, Any]:
    """In the form of `expected`."""
    config = SimGCDConfig(
        w_supervised=parameters["sup_weight"], w_mean_entropy=parameters["memax_weight"]
    )
    teacher = core.teacher_temperature(config, parameters["epoch"], parameters["epochs"])
    terms = core.simgcd_terms(
        (inputs["logits_w1"], inputs["proj_w1"]),
        (inputs["logits_w2"], inputs["proj_w2"]),
        torch.tensor(parameters["labels"], dtype=torch.int64),
        teacher=torch.tensor(teacher, dtype=torch.float64),
        hyper=Hyper.of(config, "cpu", torch.float64),
    )
    return {
        "terms": vars(terms),
        "total": terms.total,
        "grad_norms": grad_norms(terms.total, inputs),
    }
