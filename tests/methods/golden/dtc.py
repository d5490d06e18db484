"""DTC: the loss of a batch, the temporal ensemble, or the first clusters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from lps_sweep.methods.dtc.core import (
    Weights,
    corrected,
    dtc_loss,
    log_assignments,
    moved,
    target_distribution,
)
from lps_sweep.methods.dtc.start import first_clusters
from lps_sweep.methods.phases import rampup
from tests.methods.golden.inputs import grad_norms, numbered
from tests.methods.golden.numbering import by_first_row

N_INIT = 50
CONSISTENT = ("pi", "te")


def computed(
    parameters: Mapping[str, Any], inputs: Mapping[str, Tensor], expected: Mapping[str, Any]
) -> Mapping[str, Any]:
    """The tree that `expected` is compared with."""
    if "features" in inputs:
        return {"extra": _initialisation(inputs["features"], parameters["num_clusters"])}
    if "alpha" in parameters:
        return {"extra": _ensemble(numbered(inputs, "e"), parameters["alpha"])}
    return _loss(parameters, inputs, expected)


def _loss(
    parameters: Mapping[str, Any], inputs: Mapping[str, Tensor], expected: Mapping[str, Any]
) -> dict[str, Any]:
    variant, centres = parameters["variant"], inputs["centres"]
    weight = parameters["rampup_coefficient"] * rampup(
        parameters["epoch"], parameters["rampup_length"]
    )
    if variant not in CONSISTENT:
        weight = 0.0
    targets = target_distribution(log_assignments(inputs["eval"], centres).exp())
    terms = dtc_loss(
        inputs["w1"],
        centres,
        targets[parameters["idx"]],
        Weights(*torch.tensor([0.0, 1.0, weight], dtype=torch.float64)),
        seen_logits=torch.zeros(0, 1, dtype=torch.float64),
        labels=torch.zeros(0, dtype=torch.int64),
        second=inputs["w2"] if variant == "pi" else None,
        ensemble=inputs["ema"] if variant == "te" else None,
    )
    return {
        "terms": {"sharpening": terms.sharpening, "consistency": terms.consistency},
        "extra": {"weight": weight, "targets": targets},
        "total": terms.total,
        "grad_norms": grad_norms(terms.total, inputs) if "grad_norms" in expected else {},
    }


def _ensemble(epochs: list[Tensor], decay: float) -> dict[str, Any]:
    ensemble, rows = torch.zeros_like(epochs[0]), []
    for count, assignments in enumerate(epochs, start=1):
        ensemble = moved(ensemble, assignments, decay)
        rows.append(corrected(ensemble, decay, torch.tensor(count).double()))
    return {"ensemble": [r.tolist() for r in rows], "targets": target_distribution(rows[-1])}


def _initialisation(features: Tensor, num_clusters: int) -> dict[str, Any]:
    start = first_clusters(features, num_clusters, N_INIT, seed=0)
    partition = by_first_row(start.ids)
    order = torch.stack([start.ids[partition == k][0] for k in range(num_clusters)])
    centres, outputs = start.centres[order], start.outputs
    assignments = log_assignments(outputs, centres).exp()
    centred = features - features.mean(0)
    return {
        "partition": partition,
        "inertia": (outputs - centres[partition]).square().sum(),
        "centres_gram": centres @ centres.T,
        "centres_abs": centres.abs(),
        "assignment": assignments,
        "targets": target_distribution(assignments),
        "explained_variance_ratio": outputs.square().sum(0) / centred.square().sum(),
    }
