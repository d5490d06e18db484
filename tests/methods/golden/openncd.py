"""OpenNCD: the loss of a batch, predictions, or the grouping of prototypes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.func import functional_call

from lps_sweep.methods.hyper import Hyper
from lps_sweep.methods.openncd import OpenNCDConfig
from lps_sweep.methods.openncd.core import Groups, openncd_terms
from lps_sweep.methods.openncd.grouping import group_prototypes, prototype_graph
from lps_sweep.methods.orca.partners import partners
from lps_sweep.models import CosineHead
from tests.methods.golden.inputs import grad_norms


def computed(
    parameters: Mapping[str, Any], inputs: Mapping[str, Tensor], expected: Mapping[str, Any]
) -> Mapping[str, Any]:
    """The tree that `expected` is compared with."""
    if "w1" in inputs:
        return _loss(parameters, inputs, expected)
    if "unlabeled" in inputs:
        return {"extra": _grouping(parameters, inputs)}
    assignments = torch.softmax(_logits(inputs["features"], parameters, inputs), dim=1)
    predictions = torch.tensor(parameters["groups"])[assignments.argmax(1)]
    return {"extra": {"predictions": predictions, "confidence": assignments.amax(1)}}


def _logits(
    projections: Tensor, parameters: Mapping[str, Any], inputs: Mapping[str, Tensor]
) -> Tensor:
    """Of the head that holds the prototypes, in double precision."""
    prototypes = inputs["prototypes"]
    head = CosineHead(prototypes.shape[1], len(prototypes), 1.0, torch.Generator())
    scale = torch.tensor(1 / parameters.get("tau", OpenNCDConfig.tau), dtype=torch.float64)
    tensors = {"weight": prototypes.T, "scale": scale}
    logits: Tensor = functional_call(head, tensors, (projections,))
    return logits


def _loss(
    parameters: Mapping[str, Any], inputs: Mapping[str, Tensor], expected: Mapping[str, Any]
) -> dict[str, Any]:
    labels = torch.tensor(parameters["labels"], dtype=torch.int64)
    groups = torch.tensor(parameters["groups"])
    first, second = (_logits(inputs[view], parameters, inputs) for view in ("w1", "w2"))
    draws = torch.zeros(len(first))
    hyper = Hyper.of(OpenNCDConfig(), "cpu", torch.float64)
    terms = openncd_terms(
        first,
        second,
        inputs["w1"],
        labels,
        draws=draws,
        groups=Groups(groups, torch.tensor(float(parameters["num_groups"]))),
        warmed_up=torch.tensor(parameters["w_classification"], dtype=torch.float64),
        hyper=hyper,
    )
    return {
        "terms": {**vars(terms), "entropy": hyper.w_entropy * terms.entropy},
        "extra": {
            "partners": partners(inputs["w1"], labels, draws),
            "predictions_w1": groups[first.argmax(1)],
        },
        "total": terms.total,
        "grad_norms": grad_norms(terms.total, inputs) if "grad_norms" in expected else {},
    }


def _grouping(parameters: Mapping[str, Any], inputs: Mapping[str, Tensor]) -> dict[str, Any]:
    labels = torch.tensor(parameters["labels"], dtype=torch.int64)
    rows = torch.cat([inputs["labeled"], inputs["unlabeled"]])
    nearest = _logits(rows, parameters, inputs).topk(parameters["nearest"], dim=1).indices
    groups = group_prototypes(
        nearest,
        labels,
        inputs["prototypes"],
        num_seen=parameters.get("num_seen", max(parameters["labels"]) + 1),
        num_groups=parameters["num_classes"],
        graph_mix=parameters.get("graph_mix", OpenNCDConfig.graph_mix),
    )
    predictions = groups[nearest[:, 0]]
    right = predictions[: len(labels)] == labels
    return {
        "graph": torch.from_numpy(prototype_graph(nearest.numpy(), len(groups))),
        "groups": groups,
        "predictions": predictions,
        "labeled_accuracy": right.double().mean(),
    }
