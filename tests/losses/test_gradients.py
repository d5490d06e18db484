"""Every loss term against finite differences, in float64, also in batches of one."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import Tensor

from lps_sweep.losses.adaptive_margin import adaptive_margin
from lps_sweep.losses.contrast import contrast_rows
from lps_sweep.losses.entropy import negative_entropy
from lps_sweep.losses.pairwise import pairwise
from lps_sweep.losses.pseudo_label_contrastive import pseudo_label_contrastive
from lps_sweep.losses.unsupervised_contrastive import unsupervised_contrastive

CONFIDENT = torch.tensor([True, False, True, True])
LABELS = torch.tensor([0, 1, 0, 2])
TAU = torch.tensor(0.4, dtype=torch.float64)
MARGINS = torch.tensor([0.3, 2.0, 0.0], dtype=torch.float64)

TERMS: dict[str, tuple[Callable[..., Tensor], list[tuple[int, ...]]]] = {
    "entropy": (negative_entropy, [(6, 5)]),
    "entropy of one": (negative_entropy, [(1, 5)]),
    "pairwise": (pairwise, [(4, 5), (4, 5)]),
    "pairwise of one": (pairwise, [(1, 5), (1, 5)]),
    "margin": (partial(adaptive_margin, targets=LABELS, margins=MARGINS), [(4, 3)]),
    "margin of some": (
        partial(adaptive_margin, targets=LABELS, margins=MARGINS, counted=CONFIDENT),
        [(4, 3)],
    ),
    "pc": (partial(pseudo_label_contrastive, confident=CONFIDENT), [(4,)]),
    **{
        f"uc over {name}": (
            partial(unsupervised_contrastive, confident=CONFIDENT, uc_norm=name),
            [(4,)],
        )
        for name in ("batch", "low_confidence")
    },
    **{
        f"contrast, {norm}, {rows}": (
            partial(
                contrast_rows,
                labels=LABELS,
                confident=CONFIDENT,
                tau=TAU,
                contrast_norm=norm,  # type: ignore[arg-type]
                uc_neg=rows,  # type: ignore[arg-type]
            ),
            [(8, 3)],
        )
        for norm, rows in (("cosine", "batch"), ("dot", "low_confidence"))
    },
}


@pytest.mark.parametrize("name", TERMS)
def test_gradient_by_finite_differences(name: str) -> None:
    term, shapes = TERMS[name]
    given = tuple(torch.randn(s, dtype=torch.float64, requires_grad=True) for s in shapes)
    assert torch.autograd.gradcheck(term, given)
