"""The hyper-parameters and switches of LPS."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from lps_sweep.params import check_ranges, param

_PAPER = "reference behaviour; the paper's is "


@dataclass(frozen=True)
class LPSConfig:
    """LPS as its reference implementation computes it; each switch names the paper's form.

    A term is switched off by its weight alone: `eta1`, `eta2`, `w_entropy`. Without the margin
    is `C` = 0, plain cross-entropy.

    Raises:
        BadInputError: A value is out of its range.
    """

    name: ClassVar[str] = "lps"
    own_recipe: ClassVar[Mapping[str, Any]] = {}

    C: float = param(
        10.0,
        "largest margin per nat of divergence, in logits; 0 gives plain cross-entropy",
        symbol="C",
        source="equation 3; Table 7",
        low=0.0,
    )
    tau: float = param(
        0.4,
        "temperature of both contrastive terms",
        symbol="tau",
        source="equations 6 and 7; Table 8",
        low=0.0,
        open_low=True,
    )
    eta1: float = param(
        1.0,
        "weight of the pseudo-label contrastive term",
        symbol="eta1",
        source="equation 8; Table 4 with 0",
        low=0.0,
    )
    eta2: float = param(
        1.0,
        "weight of the unsupervised contrastive term",
        symbol="eta2",
        source="equation 8; Table 4 with 0",
        low=0.0,
    )
    w_entropy: float = param(
        1.0,
        "weight of the entropy regulariser",
        symbol="R_entropy",
        source="equation 8, where it is 1; Table 4 with 0",
        low=0.0,
    )
    lambda_seen: float = param(
        0.95,
        "confidence from which a row predicted seen counts",
        symbol="lambda_seen",
        source="section 3.1",
        low=0.0,
        high=1.0,
    )
    lambda_novel_shape: Literal["constant", "linear", "cosine", "exponential", "step"] = param(
        "linear",
        "how lambda_novel goes from its start to its end",
        source="section 3.1 is linear; constant holds the end value",
        choices=("constant", "linear", "cosine", "exponential", "step"),
    )
    lambda_novel_start: float = param(
        0.4,
        "confidence from which a row predicted novel counts, at progress 0",
        symbol="lambda_novel",
        source="section 3.1",
        low=0.0,
        high=1.0,
    )
    lambda_novel_end: float = param(
        0.8,
        "the same at progress 1",
        symbol="lambda_novel",
        source="section 3.1; Table 6",
        low=0.0,
        high=1.0,
    )
    margin_kl: Literal["prior_to_estimate", "estimate_to_prior"] = param(
        "prior_to_estimate",
        "divergence that scales the margin: KL(uniform || pi_hat) or KL(pi_hat || uniform)",
        source=_PAPER + "estimate_to_prior, equation 3",
        choices=("prior_to_estimate", "estimate_to_prior"),
    )
    contrast_norm: Literal["cosine", "dot"] = param(
        "cosine",
        "similarity of two logit vectors in the contrastive terms",
        source=_PAPER + "dot, equations 6 and 7",
        choices=("cosine", "dot"),
    )
    uc_norm: Literal["batch", "low_confidence"] = param(
        "batch",
        "rows that the unsupervised contrastive term is divided by",
        source=_PAPER + "low_confidence, equation 7",
        choices=("batch", "low_confidence"),
    )
    uc_neg: Literal["batch", "low_confidence"] = param(
        "batch",
        "rows that are negatives in the unsupervised contrastive term",
        source="reference behaviour and the paper's text; low_confidence: its equation 7",
        choices=("batch", "low_confidence"),
    )
    pi_ema: float = param(
        0.0,
        "share of the previous estimate that pi_hat keeps each step",
        source="reference behaviour and equation 4: 0, each batch by itself",
        low=0.0,
        high=1.0,
        open_high=True,
    )

    def __post_init__(self) -> None:
        check_ranges(self)


CONFIG = LPSConfig
"""What the table of methods hands out."""
