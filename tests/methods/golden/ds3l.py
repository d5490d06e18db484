"""DS3L: a whole step of both levels of a linear classifier."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from lps_sweep.methods.ds3l import DS3LConfig
from lps_sweep.methods.ds3l.core import LowerTerms, lower_terms, ramp, row_weights, upper_terms
from lps_sweep.methods.ds3l.weights import WeightNetwork, weight_optimizer
from lps_sweep.methods.hyper import Hyper

_PHI = {
    "phi_w1": "hidden.weight",
    "phi_b1": "hidden.bias",
    "phi_w2": "out.weight",
    "phi_b2": "out.bias",
}


def _linear(parameters: Mapping[str, Tensor], views: Sequence[Tensor]) -> list[Tensor]:
    return [F.linear(view, parameters["theta_w"], parameters["theta_b"]) for view in views]


def _network(inputs: Mapping[str, Tensor]) -> WeightNetwork:
    width, num_seen = inputs["phi_w1"].shape
    network = WeightNetwork(num_seen, width, torch.Generator()).double()
    given = {name: inputs[key] for key, name in _PHI.items()}
    wanted = {name: weight.shape for name, weight in network.named_parameters()}
    network.load_state_dict({name: given[name].reshape(wanted[name]) for name in wanted})
    return network


def _phi(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {key: tensors[name].detach().clone() for key, name in _PHI.items()}


def computed(
    parameters: Mapping[str, Any],
    inputs: Mapping[str, Tensor],
    expected: Mapping[str, Any],  # noqa: ARG001
) -> Mapping[str, Any]:
    """The tree that `expected` is compared with."""
    labels = torch.tensor(parameters["labels"], dtype=torch.int64)
    config = DS3LConfig(
        virtual_lr=parameters["virtual_lr"],
        weight_lr=parameters["lr_weights"],
        lambda_max=parameters.get("coefficient", 10.0),
    )
    hyper = Hyper.of(config, "cpu", torch.float64)
    step, length = (
        torch.tensor(parameters[key], dtype=torch.float64) for key in ("iteration", "warmup")
    )
    coefficient = ramp(step, length, hyper.lambda_max)
    theta = {"theta_w": inputs["theta_w"], "theta_b": inputs["theta_b"].reshape(-1)}
    theta = {name: weight.clone().requires_grad_() for name, weight in theta.items()}
    network, first = _network(inputs), inputs["w1"]
    passes = (first, inputs["w2"], inputs.get("upper", first[: len(labels)]))

    terms = upper_terms(_linear, theta, passes, labels, network, coefficient, hyper)
    optimizer = weight_optimizer(network, config.weight_lr)
    terms.upper.backward(inputs=list(network.parameters()))  # type: ignore[no-untyped-call]
    slopes = {n: w.grad for n, w in network.named_parameters() if w.grad is not None}
    slope = _phi(slopes)
    optimizer.step()

    logits = _linear(theta, passes[:2])
    with torch.no_grad():
        weights = row_weights(network, logits[0], len(labels))
    real = lower_terms(logits[0], logits[1], labels, weights, coefficient, hyper)
    gradient = dict(zip(theta, torch.autograd.grad(real.total, [*theta.values()]), strict=True))
    return {
        "extra": {
            **_lower(terms.lower, coefficient),
            "weights": terms.weights,
            "virtual_theta_w": terms.virtual["theta_w"],
            "virtual_theta_b": terms.virtual["theta_b"],
            "upper": terms.upper,
            "upper_gradient": slope,
            "upper_gradient_norms": {name: x.norm() for name, x in slope.items()},
            "phi_after": _phi(dict(network.named_parameters())),
            "weights_after": weights,
            "loss": real.total,
            "gradient": gradient,
            "gradient_norms": {name: x.norm() for name, x in gradient.items()},
        }
    }


def _lower(terms: LowerTerms, coefficient: Tensor) -> dict[str, Tensor]:
    """The consistency of labeled rows is what the loss holds besides its two terms."""
    return {
        "coefficient": coefficient,
        "labeled": terms.labeled,
        "consistency_labeled": terms.total - terms.labeled - coefficient * terms.weighted,
        "consistency": terms.consistency,
        "lower": terms.total,
    }
