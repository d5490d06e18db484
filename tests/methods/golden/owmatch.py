"""OwMatch: the loss of a batch, or an assignment alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from lps_sweep.methods.hyper import Hyper
from lps_sweep.methods.owmatch import OwMatchConfig, assignment, core
from lps_sweep.methods.owmatch.thresholds import Means
from tests.methods.golden.inputs import grad_norms, numbered

SCALE = 10.0


def computed(
    parameters: Mapping[str, Any],
    inputs: Mapping[str, Tensor],
    expected: Mapping[str, Any],  # noqa: ARG001
) -> dict[str, Any]:
    """In the form of `expected`; a case with `logits` is an assignment."""
    if "logits" in inputs:
        scores = inputs["logits"] / (SCALE * parameters["sk_epsilon"])
        filled = torch.ones(len(scores), dtype=torch.bool)
        found = assignment.assignment(scores, filled, parameters["sk_iterations"])
        return {"extra": {"code": found}}
    config = OwMatchConfig(
        epsilon=parameters["sk_epsilon"],
        queue_length=parameters["queue_length"],
        threshold_kept=parameters["threshold_alpha"],
        threshold_start=parameters["threshold_init"],
    )
    hyper, num_seen = Hyper.of(config, "cpu", torch.float64), parameters["num_seen"]
    terms = core.owmatch_terms(
        inputs["w1"],
        inputs["w2"],
        inputs["s"],
        torch.tensor(parameters["labels"], dtype=torch.int64),
        _memory(inputs, num_seen, hyper),
        hyper,
        num_seen=num_seen,
        scale=SCALE,
        num_rounds=parameters["sk_iterations"],
        crops=numbered(inputs, "crop"),
    )
    extra = {
        "code_w1": terms.codes[0],
        "code_w2": terms.codes[1],
        "thresholds": terms.thresholds,
        "thresholds_after": terms.memory.means.thresholds(num_seen, hyper.threshold_floor),
        "mask": terms.mask,
        "pseudo_labels": terms.pseudo_labels,
        "queue_rows": terms.memory.weak2.count,
    }
    return {
        "terms": vars(terms),
        "extra": extra,
        "total": terms.total,
        "grad_norms": grad_norms(terms.total, inputs),
    }


def _memory(inputs: Mapping[str, Tensor], num_seen: int, hyper: Hyper) -> core.Memory:
    """The queues as given, with room for a batch, and the means after the batch before."""
    room = torch.zeros_like(inputs["w1"])
    first, second = (
        assignment.Queue(torch.cat([room, rows.detach()]), torch.tensor(len(rows)))
        for rows in (inputs.get("queue_w1", room[:0]), inputs["queue_w2"])
    )
    num_classes, start = room.shape[1], hyper.threshold_start
    means = Means(start.repeat(2), start.repeat(num_classes))
    previous = torch.softmax(inputs["previous"].detach(), dim=1)
    return core.Memory(first, second, means.after(previous, num_seen, hyper.threshold_kept))
