"""GCD: the loss of a batch, or semi-supervised k-means."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from lps_sweep.methods.gcd import GCDConfig
from lps_sweep.methods.gcd.core import gcd_terms
from lps_sweep.methods.gcd.kmeans import semi_supervised_kmeans
from lps_sweep.methods.hyper import Hyper
from tests.methods.golden.inputs import grad_norms
from tests.methods.golden.numbering import by_first_row

_NAMES = {
    "sup_con_weight": "w_supervised",
    "temperature": "contrastive_temperature",
    "supcon_temperature": "supervised_temperature",
}


def computed(
    parameters: Mapping[str, Any], inputs: Mapping[str, Tensor], expected: Mapping[str, Any]
) -> Mapping[str, Any]:
    """The tree that `expected` is compared with."""
    labels = torch.tensor(parameters["labels"], dtype=torch.int64)
    if "unlabeled" in inputs:
        return {"extra": _clustering(parameters, inputs, labels)}
    config = GCDConfig(**{ours: parameters[n] for n, ours in _NAMES.items() if n in parameters})
    terms = gcd_terms(inputs["w1"], inputs["w2"], labels, Hyper.of(config, "cpu", torch.float64))
    norms = grad_norms(terms.total, inputs) if "grad_norms" in expected else {}
    return {"terms": vars(terms), "total": terms.total, "grad_norms": norms}


def _clustering(
    parameters: Mapping[str, Any], inputs: Mapping[str, Tensor], labels: Tensor
) -> dict[str, Any]:
    """From many starts, since the expected values are those of the best of all."""
    found = semi_supervised_kmeans(
        F.normalize(inputs["labeled"], dim=1),
        labels,
        F.normalize(inputs["unlabeled"], dim=1),
        parameters["num_classes"],
        n_init=1000,
        max_iterations=GCDConfig.kmeans_iterations,
        tolerance=parameters.get("tolerance", GCDConfig.kmeans_tolerance),
        seed=0,
    )
    num_seen = parameters.get("num_seen", max(parameters["labels"], default=-1) + 1)
    ids = by_first_row(found.ids, num_seen)
    order = torch.arange(parameters["num_classes"])
    order[ids] = found.ids  # the cluster behind each number
    return {
        "labeled_ids": labels,
        "unlabeled_ids": ids,
        "centres": found.centres[order],
        "inertia": found.inertia,
    }
