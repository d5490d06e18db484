"""FixMatch's loss against a slow one, closed forms and finite differences, and its defects."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from lps_sweep.errors import BadInputError
from lps_sweep.methods.fixmatch import FixMatchConfig, core
from lps_sweep.methods.fixmatch.core import FixMatchTerms, fixmatch_terms
from lps_sweep.methods.hyper import Hyper
from tests.methods.fixmatch_reference import slow_pseudo_labels, slow_total
from tests.methods.golden import fixmatch as golden
from tests.methods.golden.cases import FILE, difference, load
from tests.methods.golden.comparing import TOLERANCE
from tests.methods.mutated import mutated

CASES = [case for case in load(FILE) if case["method"] == "fixmatch"]
CONFIGS: list[dict[str, Any]] = [
    {},
    {"threshold": 0.6, "lambda_u": 0.3},
    {"threshold": 0.8, "temperature": 0.5, "lambda_u": 2.0},
    {"threshold": 0.0, "temperature": 3.0},
]


def batch(
    num_rows: int = 12, num_labeled: int = 4, scale: float = 3.0, dtype: torch.dtype = torch.float64
) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    weak, noise = torch.randn(2, num_rows, 4, generator=generator, dtype=torch.float64) * scale
    labels = torch.randint(0, 4, (num_labeled,), generator=generator)
    strong = weak + 0.3 * noise
    return weak.to(dtype).requires_grad_(), strong.to(dtype).requires_grad_(), labels


def terms_of(weak: Tensor, strong: Tensor, labels: Tensor, **values: Any) -> FixMatchTerms:
    hyper = Hyper.of(FixMatchConfig(**values), "cpu", weak.dtype)
    return fixmatch_terms(weak, strong, labels, hyper)


@pytest.mark.parametrize("values", CONFIGS)
def test_values_and_gradients_are_those_of_the_slow_loss(values: dict[str, Any]) -> None:
    weak, strong, labels = batch()
    config = FixMatchConfig(**values)
    pseudo_labels = slow_pseudo_labels(weak.tolist()[4:], config)

    def slow(weak: Tensor, strong: Tensor) -> float:
        return slow_total(weak.tolist(), strong.tolist(), labels.tolist(), pseudo_labels, config)

    terms = terms_of(weak, strong, labels, **values)
    found = torch.autograd.grad(terms.total, (weak, strong))

    assert terms.total.item() == pytest.approx(slow(weak, strong), abs=1e-12)
    assert terms.mask.tolist() == [t is not None for t in pseudo_labels]
    h = 1e-6
    for view, gradient in enumerate(found):
        for index in range(weak.numel()):
            sides = []
            for sign in (1, -1):
                moved = [weak.detach().clone(), strong.detach().clone()]
                moved[view].view(-1)[index] += sign * h
                sides.append(slow(*moved))
            wanted = (sides[0] - sides[1]) / (2 * h)
            assert gradient.reshape(-1)[index].item() == pytest.approx(wanted, abs=1e-7)


def test_closed_form_values() -> None:
    """Weak logits log 3 : log 1 are 3/4 and 1/4, strong ones 0 : 0 a half each."""
    third = math.log(3.0)
    weak = torch.tensor([[third, 0.0], [0.0, third], [0.0, 0.0]], dtype=torch.float64)
    strong = torch.zeros(3, 2, dtype=torch.float64)

    terms = terms_of(weak, strong, torch.tensor([0]), threshold=0.74, lambda_u=3.0)

    assert terms.labeled.item() == pytest.approx(math.log(4 / 3), abs=1e-12)
    assert terms.unlabeled.item() == pytest.approx(math.log(2) / 2, abs=1e-12)
    assert terms.total.item() == pytest.approx(math.log(4 / 3) + 1.5 * math.log(2), abs=1e-12)
    assert terms.mask.tolist() == [True, False]
    assert terms.confidence.tolist() == pytest.approx([0.75, 0.5])


def test_a_row_at_the_threshold_is_confident() -> None:
    tied, no_labels = torch.zeros(1, 2, dtype=torch.float64), torch.empty(0, dtype=torch.int64)

    assert terms_of(tied, tied, no_labels, threshold=0.5).mask.tolist() == [True]
    assert terms_of(tied, tied, no_labels, threshold=0.501).mask.tolist() == [False]


def test_the_labeled_rows_of_the_strong_view_are_not_read() -> None:
    weak, strong, labels = batch()
    other = strong.detach().clone()
    other[:4] = math.nan

    terms = terms_of(weak, strong, labels, threshold=0.5)

    assert torch.equal(terms_of(weak, other, labels, threshold=0.5).total, terms.total)
    (gradient,) = torch.autograd.grad(terms.total, strong)
    assert not gradient[:4].any()


@pytest.mark.parametrize(
    ("num_rows", "num_labeled", "scale"),
    [(5, 0, 3.0), (5, 5, 3.0), (1, 1, 3.0), (2, 1, 0.01), (6, 2, 1e4), (0, 0, 1.0)],
)
def test_degenerate_batches_are_finite(num_rows: int, num_labeled: int, scale: float) -> None:
    weak, strong, labels = batch(num_rows, num_labeled, scale)

    terms = terms_of(weak, strong, labels)
    found = torch.autograd.grad(terms.total, (weak, strong))

    assert terms.total.isfinite()
    assert all(bool(gradient.isfinite().all()) for gradient in found)


def test_without_confident_rows_the_strong_view_gets_no_gradient() -> None:
    weak, strong, labels = batch(scale=0.1)

    terms = terms_of(weak, strong, labels)

    assert terms.unlabeled.item() == 0.0
    assert not torch.autograd.grad(terms.total, strong)[0].any()
    assert terms.total.item() == pytest.approx(F.cross_entropy(weak[:4], labels).item())


def test_a_weight_of_zero_is_exact_even_beside_nan() -> None:
    weak, strong, labels = batch()
    with torch.no_grad():
        strong[7] = math.nan

    terms = terms_of(weak, strong, labels, lambda_u=0.0, threshold=0.0)

    assert terms.total.item() == terms.labeled.item()
    assert not torch.autograd.grad(terms.total, strong)[0].any()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_computed_in_float32(dtype: torch.dtype) -> None:
    weak, strong, labels = batch(dtype=dtype)
    single = [x.detach().float() for x in (weak, strong)]

    found = terms_of(weak, strong, labels, threshold=0.5).total

    assert found.dtype == torch.float32
    assert found.item() == pytest.approx(
        terms_of(single[0], single[1], labels, threshold=0.5).total.item(), abs=1e-2
    )


MUTATIONS = {
    "sign of the unlabeled term": ("labeled + weighted_sum", "labeled - weighted_sum"),
    "lambda_u left out": ("weighted_sum(hyper.lambda_u, unlabeled)", "2 * unlabeled"),
    "a lower threshold": (">= hyper.threshold", ">= hyper.threshold - 0.1"),
    "no threshold": (">= hyper.threshold", ">= 0.0"),
    "refuses the confident": (">= hyper.threshold", "< hyper.threshold"),
    "temperature multiplies": ("/ hyper.temperature", "* hyper.temperature"),
    "temperature left out": (" / hyper.temperature", ""),
    "confidence from strong": (
        "torch.softmax(weak[num_labeled:]",
        "torch.softmax(strong[num_labeled:]",
    ),
    "weak for strong": ("!= 0, strong[num_labeled:]", "!= 0, weak[num_labeled:]"),
    "strong for weak": (
        "F.cross_entropy(weak[:num_labeled]",
        "F.cross_entropy(strong[:num_labeled]",
    ),
    "rows of another place": (
        "!= 0, strong[num_labeled:]",
        "!= 0, strong.roll(1, 0)[num_labeled:]",
    ),
    "mean over the confident": (
        ".sum() / max(each.shape[0], 1)",
        ".sum() / mask.sum().clamp(min=1)",
    ),
    "divided by the batch": ("/ max(each.shape[0], 1)", "/ weak.shape[0]"),
    "labeled sum": ("labeled = labeled / max(num_labeled, 1)", "labeled = labeled * 1"),
    "least likely class": (".max(dim=1)", ".min(dim=1)"),
    "no gradient into strong": (
        "read = frozen_unless(hyper.lambda_u != 0, strong[num_labeled:])",
        "read = strong[num_labeled:].detach()",
    ),
    "no gradient into labeled": (
        "F.cross_entropy(weak[:num_labeled]",
        "F.cross_entropy(weak[:num_labeled].detach()",
    ),
    "soft targets with gradient": (
        "F.cross_entropy(read, pseudo_labels, reduction",
        "F.cross_entropy(read, torch.softmax(weak[num_labeled:], 1), reduction",
    ),
}


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_mutation_of_the_loss_is_seen(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = mutated(core, *MUTATIONS[name])
    monkeypatch.setattr(golden, "fixmatch_terms", wrong.fixmatch_terms)

    assert max(difference(case)[0] for case in CASES) > TOLERANCE


@pytest.mark.parametrize(
    "values",
    [
        {"threshold": 1.5},
        {"lambda_u": -1.0},
        {"temperature": 0.0},
        {"ema_decay": 1.0},
        {"rejection_threshold": -0.1},
        {"cluster_on": "logits"},
        {"n_init": 0},
    ],
)
def test_values_out_of_range_are_refused(values: dict[str, Any]) -> None:
    with pytest.raises(BadInputError, match=next(iter(values))):
        FixMatchConfig(**values)
