"""The two contrastive losses of projections: of views, and of labels."""

from __future__ import annotations

import math
from types import ModuleType

import pytest
import torch
from torch import Tensor
from torch.autograd.gradcheck import GradcheckError

from lps_sweep.losses import supervised_contrastive as of_labels
from lps_sweep.losses import view_contrastive as of_views
from lps_sweep.losses.supervised_contrastive import supervised_contrastive
from lps_sweep.losses.view_contrastive import view_contrastive
from tests.methods.losses.slow import contrastive
from tests.mutants import mutant

TAU = 0.3
LABELS = [2, 0, 2, 1, 0, 2]


def temperature(value: float = TAU, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.tensor(value, dtype=dtype)


def projections(num_rows: int = 6, seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    both = torch.randn(2, num_rows, 4, dtype=torch.float64, generator=generator)
    lengths = torch.tensor([3.0, 0.2], dtype=torch.float64).view(2, 1, 1)
    return tuple((both * lengths).requires_grad_().unbind(0))  # type: ignore[return-value]


def check_views(module: ModuleType) -> None:
    first, second = projections()
    found = module.view_contrastive(first, second, temperature())
    wanted = contrastive([*first.tolist(), *second.tolist()], list(range(6)) * 2, TAU)
    assert found.item() == pytest.approx(wanted, abs=1e-12)
    loss = lambda a, b: module.view_contrastive(a, b, temperature())  # noqa: E731
    assert torch.autograd.gradcheck(loss, projections())


def check_labels(module: ModuleType) -> None:
    first, second = projections()
    labels = torch.tensor(LABELS)
    found = module.supervised_contrastive(first, second, labels, temperature())
    wanted = contrastive([*first.tolist(), *second.tolist()], LABELS * 2, TAU)
    assert found.item() == pytest.approx(wanted, abs=1e-12)
    loss = lambda a, b: module.supervised_contrastive(a, b, labels, temperature())  # noqa: E731
    assert torch.autograd.gradcheck(loss, projections())


def test_both_agree_with_the_slow_reference() -> None:
    check_views(of_views)
    check_labels(of_labels)


SIMILARITY = "similarity_to_others(directions, temperature)"
VIEW_DEFECTS = [
    ("return F.cross_entropy", "return -F.cross_entropy"),
    ("F.normalize(torch.cat([first, second]), dim=1)", "torch.cat([first, second])"),
    ("torch.cat([first, second])", "torch.cat([first, second.detach()])"),
    (SIMILARITY, "similarity_to_others(directions, temperature**2)"),
    (SIMILARITY, "(directions @ directions.T / temperature)"),
    (".roll(num_rows)", ".roll(1)"),
    (f"{SIMILARITY}, other_view", f"{SIMILARITY}[:num_rows], other_view[:num_rows]"),
    (f"{SIMILARITY}, other_view", f"{SIMILARITY}, other_view, reduction='sum'"),
    (f"{SIMILARITY}, other_view", f"{SIMILARITY}, other_view, label_smoothing=0.1"),
]
LABEL_DEFECTS = [
    ("return -(sums", "return (sums"),
    ("F.normalize(torch.cat([first, second]), dim=1)", "torch.cat([first, second])"),
    ("torch.cat([first, second])", "torch.cat([first, second.detach()])"),
    (SIMILARITY, "similarity_to_others(directions, temperature**2)"),
    (SIMILARITY, "directions @ directions.T / temperature"),
    ("(positive, log_ratios, 0.0).sum(1)", "(positive, log_ratios.exp(), 0.0).sum(1).log()"),
    ("(sums / positive.sum(1)).mean()", "sums.mean()"),
    ("(sums / positive.sum(1)).mean()", "sums.sum() / positive.sum()"),
    (".fill_diagonal_(False)", ".logical_and(torch.eye(len(both)).roll(len(labels), 1).bool())"),
    ("both = labels.repeat(2)", "both = torch.cat([labels, labels + 100])"),
    ("both = labels.repeat(2)", "both = labels.repeat_interleave(2)"),
]


@pytest.mark.parametrize(("old", "new"), VIEW_DEFECTS)
def test_a_defect_of_the_loss_of_views_is_seen(old: str, new: str) -> None:
    with pytest.raises((AssertionError, GradcheckError)):
        check_views(mutant(of_views, old, new))


@pytest.mark.parametrize(("old", "new"), LABEL_DEFECTS)
def test_a_defect_of_the_loss_of_labels_is_seen(old: str, new: str) -> None:
    with pytest.raises((AssertionError, GradcheckError)):
        check_labels(mutant(of_labels, old, new))


def test_closed_forms() -> None:
    equal = torch.ones(5, 3, dtype=torch.float64)
    labels = torch.tensor([0, 0, 1, 2, 2])
    apart, e = torch.eye(3, dtype=torch.float64) * 7, math.exp(1 / TAU)

    for value in (0.05, 1.0):
        found = view_contrastive(equal, 2 * equal, temperature(value))
        assert found.item() == pytest.approx(math.log(9), abs=1e-12)
        found = supervised_contrastive(equal, 2 * equal, labels, temperature(value))
        assert found.item() == pytest.approx(math.log(9), abs=1e-12)
    wanted = math.log((e + 4) / e)
    assert view_contrastive(apart, apart, temperature()).item() == pytest.approx(wanted)
    of_classes = supervised_contrastive(apart, apart, torch.arange(3), temperature())
    assert of_classes.item() == pytest.approx(wanted)
    one_class = supervised_contrastive(apart, apart, torch.zeros(3).long(), temperature())
    assert one_class.item() == pytest.approx(math.log(e + 4) - 1 / TAU / 5)


def test_with_each_row_a_class_the_two_are_one() -> None:
    first, second = projections()

    of_rows = supervised_contrastive(first, second, torch.tensor([5, 0, 3, 9, 1, 2]), temperature())

    assert of_rows.item() == pytest.approx(view_contrastive(first, second, temperature()).item())


def test_views_and_rows_may_be_swapped_and_lengths_do_not_matter() -> None:
    first, second = projections()
    labels, order = torch.tensor(LABELS), torch.tensor([3, 5, 0, 2, 1, 4])
    wanted = supervised_contrastive(first, second, labels, temperature())

    for a, b, given in (
        (second, first, labels),
        (first[order], second[order], labels[order]),
        (first * 5, second * torch.rand(6, 1), labels),
    ):
        found = supervised_contrastive(a, b, given, temperature())
        torch.testing.assert_close(found, wanted, rtol=0, atol=1e-12)


@pytest.mark.parametrize("num_rows", [0, 1])
def test_where_nothing_else_is_in_sight_both_are_zero(num_rows: int) -> None:
    first, second = projections(num_rows)
    labels = torch.zeros(num_rows, dtype=torch.int64)

    for found in (
        view_contrastive(first, second, temperature()),
        supervised_contrastive(first, second, labels, temperature()),
    ):
        gradients = torch.autograd.grad(found, (first, second))
        assert found.item() == pytest.approx(0.0, abs=1e-12)
        assert all(bool((g.abs() < 1e-12).all()) for g in gradients)


@pytest.mark.parametrize("tau", [0.001, 0.07])
def test_opposite_positives_are_exact_in_single_precision(tau: float) -> None:
    first = torch.tensor([[5.0, 0], [5, 0]], requires_grad=True)
    second = torch.tensor([[-5.0, 0], [5, 0]])
    given = (first, second, temperature(tau, torch.float32))

    found = view_contrastive(*given)
    of_classes = supervised_contrastive(*given[:2], torch.tensor([0, 1]), given[2])
    found.backward()  # type: ignore[no-untyped-call]

    wanted = [2 / tau + math.log(2), math.log(2), math.log(3), math.log(2)]
    assert found.item() == pytest.approx(sum(wanted) / 4, rel=1e-5)
    assert of_classes.item() == pytest.approx(found.item(), rel=1e-6)
    assert first.grad is not None
    assert bool(first.grad.isfinite().all())
