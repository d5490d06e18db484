"""Values at which a comparison, a floor or a switch of a loss decides, and nothing else does."""

from __future__ import annotations

import math

import pytest
import torch

from lps_sweep.methods.dtc import core as dtc
from lps_sweep.methods.gcd import GCDConfig
from lps_sweep.methods.gcd import core as gcd
from lps_sweep.methods.hyper import Hyper
from lps_sweep.methods.nach import NACHConfig
from lps_sweep.methods.nach import core as nach
from lps_sweep.methods.owmatch.assignment import Queue
from lps_sweep.methods.protocol import TailOutput
from lps_sweep.methods.rankstats import core as rankstats


def nach_terms(weak2: list[float], strong: list[float]) -> nach.LossTerms:
    """Of one unlabeled row; of two classes the first is seen, from a confidence of a half."""
    hyper = Hyper.of(NACHConfig(lambda_seen=0.5), "cpu", torch.float32)
    return nach.nach_terms(
        TailOutput(torch.ones(1, 2), torch.zeros(1, 2)),
        torch.tensor([weak2]),
        torch.tensor([strong]),
        torch.empty(0, dtype=torch.int64),
        draws=torch.zeros(1),
        num_seen=1,
        gap=torch.zeros(()),
        neighbour_rank=1,
        hyper=hyper,
    )


def test_a_row_of_nach_at_its_threshold_is_confident() -> None:
    assert nach_terms([0.0, 0.0], [0.0, 0.0]).mask.tolist() == [True]


def test_a_class_that_no_confident_row_of_nach_may_be_of_counts_by_its_floor() -> None:
    found = nach_terms([200.0, 0.0], [0.0, 100.0]).pseudo
    assert found.item() == pytest.approx(100 + math.log(1e-12))


def test_a_product_of_rankstats_that_is_rounded_above_one_is_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch, "softmax", lambda logits, **_: logits)
    above = torch.tensor([[1.0 + 1e-6]])
    found = rankstats.pairwise_by_rank(above, torch.ones(1, 1), torch.tensor([[False]]))
    assert found.item() == pytest.approx(-math.log(1e-7))


def test_the_sharpening_of_dtc_is_off_exactly_while_consistency_is_on() -> None:
    centres = torch.tensor([[0.0], [1.0]], requires_grad=True)
    targets = torch.full((1, 2), math.nan)
    weights = dtc.Weights(torch.tensor(0.0), torch.tensor(0.0), torch.tensor(1.0))
    seen, labels = torch.zeros(0, 1), torch.empty(0, dtype=torch.int64)
    total = dtc.dtc_loss(
        torch.zeros(1, 1),
        centres,
        targets,
        weights,
        seen_logits=seen,
        labels=labels,
        ensemble=torch.full((1, 2), 0.5),
    ).total
    total.backward()  # type: ignore[no-untyped-call]
    assert centres.grad is not None
    assert centres.grad.isfinite().all()
    assert centres.grad.any()


@pytest.mark.parametrize(("share", "off"), [(0.0, "supervised"), (1.0, "contrastive")])
def test_a_term_of_gcd_is_off_exactly_at_a_temperature_that_spoils_it(
    share: float, off: str
) -> None:
    config = GCDConfig(w_supervised=share, **{f"{off}_temperature": 1e-40})  # type: ignore[arg-type]
    views = torch.eye(3).requires_grad_(), torch.ones(3, 3).requires_grad_()
    terms = gcd.gcd_terms(*views, torch.zeros(2).long(), Hyper.of(config, "cpu", torch.float32))
    assert terms.contrastive.isfinite() != terms.supervised_contrastive.isfinite()
    for gradient in torch.autograd.grad(terms.total, views):
        assert gradient.isfinite().all()


def test_a_queue_of_owmatch_that_is_as_long_as_it_may_be_grows_no_more() -> None:
    queue = Queue(torch.zeros(6, 2), torch.tensor(3))
    assert queue.after(torch.ones(1, 2), length=3).count.item() == 3
    assert queue.after(torch.ones(1, 2), length=4).count.item() == 4
