"""FixMatch: the loss of a batch, or the open-world evaluation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import torch
from torch import Tensor

from lps_sweep.methods.fixmatch import FixMatchConfig
from lps_sweep.methods.fixmatch.core import fixmatch_terms
from lps_sweep.methods.hyper import Hyper
from lps_sweep.methods.rejection.ids import open_world_ids
from lps_sweep.metrics import accuracies
from tests.methods.golden.inputs import grad_norms
from tests.methods.golden.numbering import by_first_row

_SCORES = {
    "seen_raw": "acc_seen",
    "seen_matched": "acc_seen_subset",
    "novel_matched": "acc_novel_subset",
    "all_matched": "acc_all_subset",
}


def computed(
    parameters: Mapping[str, Any], inputs: Mapping[str, Tensor], expected: Mapping[str, Any]
) -> Mapping[str, Any]:
    """The tree that `expected` is compared with."""
    if "logits" in inputs:
        return {"extra": _evaluation(parameters, inputs)}
    names = ("threshold", "lambda_u", "temperature")
    config = FixMatchConfig(**{name: parameters[name] for name in names if name in parameters})
    terms = fixmatch_terms(
        inputs["w1"],
        inputs["s"],
        torch.tensor(parameters["labels"], dtype=torch.int64),
        Hyper.of(config, "cpu", torch.float64),
    )
    norms = grad_norms(terms.total, inputs) if "grad_norms" in expected else {}
    named = {name: getattr(terms, name) for name in ("labeled", "unlabeled")}
    extra = {"mask": terms.mask.long(), "pseudo_labels": terms.pseudo_labels}
    return {"terms": named, "extra": extra, "total": terms.total, "grad_norms": norms}


def _evaluation(parameters: Mapping[str, Any], inputs: Mapping[str, Tensor]) -> dict[str, Any]:
    confidence, seen_ids = torch.softmax(inputs["logits"], dim=1).max(dim=1)
    accepted = confidence >= parameters["threshold"]
    found: dict[str, Any] = {"confident": accepted.long()}
    forms: dict[str, Literal["directions", "features"]] = {
        "normalised": "directions",
        "raw": "features",
    }
    for name, cluster_on in forms.items():
        num_seen, num_classes = parameters["num_seen"], parameters["num_classes"]
        ids = by_first_row(
            open_world_ids(
                seen_ids,
                accepted,
                inputs["features"],
                num_seen,
                num_classes,
                cluster_on=cluster_on,
                n_init=50,
            ),
            num_seen,
        )
        found[name] = {"ids": ids}
        if "truth" in parameters:
            truth = torch.tensor(parameters["truth"]).numpy()
            scores = accuracies(truth, ids.numpy(), num_seen, num_classes)
            found[name]["scores"] = {
                key: scores[metric] for key, metric in _SCORES.items() if metric in scores
            }
    return found
