from __future__ import annotations

import math
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode

from lps_sweep.methods.hyper import Hyper
from lps_sweep.methods.openncd import OpenNCDConfig, core
from tests.methods.finite import Matrix, differences
from tests.methods.openncd_reference import slow_partners, slow_terms, weighted
from tests.mutants import mutant

LABELS = [1, 0, 1, 2]
GROUPS = [0, 2, 1, 0, 3, 1, 1, 2]
OWN = list(range(8))
"""Each prototype its own group, as in the warm-up."""


class Batch:
    """Logits of two views over eight prototypes, and projections of the first."""

    def __init__(self, num_rows: int = 7, *, scale: float = 2.0, seed: int = 0) -> None:
        generator = torch.Generator().manual_seed(seed)
        shape = (2, num_rows, len(GROUPS))
        both = scale * torch.randn(shape, dtype=torch.float64, generator=generator)
        self.views = [both[0].clone().requires_grad_(), both[1].clone().requires_grad_()]
        rows = torch.randn(num_rows, 3, dtype=torch.float64, generator=generator)
        self.projections = rows.requires_grad_()


def terms_of(
    batch: Batch,
    labels: list[int],
    groups: list[int],
    *,
    module: ModuleType = core,
    warmed_up: float = 1.0,
    **values: Any,
) -> Any:
    dtype = torch.float64 if batch.views[0].dtype == torch.float64 else torch.float32
    of = module.Groups(torch.tensor(groups), torch.tensor(float(max(groups) + 1)))
    return module.openncd_terms(
        *batch.views,
        batch.projections,
        torch.tensor(labels, dtype=torch.int64),
        draws=torch.zeros(len(batch.projections)),
        groups=of,
        warmed_up=torch.tensor(warmed_up, dtype=dtype),
        hyper=Hyper.of(OpenNCDConfig(**values), "cpu", dtype),
    )


def gradients(batch: Batch, total: Tensor) -> list[Tensor]:
    leaves = [*batch.views, batch.projections]
    return list(torch.autograd.grad(total, leaves, materialize_grads=True, retain_graph=True))


def check(
    batch: Batch, labels: list[int], groups: list[int], *, warmed_up: float = 1.0, **values: Any
) -> None:
    """Every term, the total and every element of its gradients."""
    config = OpenNCDConfig(**{n: v for n, v in values.items() if n != "module"})
    terms = terms_of(batch, labels, groups, warmed_up=warmed_up, **values)
    z: list[Matrix] = [view.tolist() for view in batch.views]
    partners = slow_partners(batch.projections.tolist(), labels)
    given = partners, labels, groups, max(groups) + 1
    for name, value in slow_terms(z[0], z[1], *given).items():
        assert getattr(terms, name).item() == pytest.approx(value, abs=1e-10), name

    def of(a: Matrix, b: Matrix) -> float:
        return weighted(slow_terms(a, b, *given), warmed_up, config)

    assert terms.total.item() == pytest.approx(of(z[0], z[1]), abs=1e-10)
    *found, of_projections = gradients(batch, terms.total)
    for gradient, right in zip(found, differences(of, z), strict=True):
        assert (gradient - torch.tensor(right, dtype=torch.float64)).abs().max().item() < 1e-7
    assert not of_projections.any()


SETTINGS: list[dict[str, Any]] = [
    {},
    {"w_group": 0.5, "w_classification": 2.0, "w_entropy": 3.0},
    {"w_group": 0.0},
    {"w_classification": 0.0},
    {"w_entropy": 0.0},
    {"warmed_up": 0.0},
]


@pytest.mark.parametrize("values", SETTINGS)
@pytest.mark.parametrize("labels", [LABELS, [], [2], [0, 0], [3, 2, 1, 0, 3, 2, 1]])
def test_agrees_with_the_slow_reference_and_its_gradients(
    values: dict[str, Any], labels: list[int]
) -> None:
    check(Batch(), labels, GROUPS, **values)


@pytest.mark.parametrize("groups", [OWN, [0] * 8, [0, 1] * 4])
def test_so_it_does_with_other_groups(groups: list[int]) -> None:
    check(Batch(5), [0, 0, 1][: 3 if max(groups) else 2], groups)


DEFECTS = [
    ("second[partners(projections", "first[partners(projections"),
    ("pairwise(first, second[partners", "pairwise(first, second.detach()[partners"),
    ("pairwise(first, second[partners(projections, labels, draws)])", "pairwise(first, second)"),
    ("partners(projections, labels, draws)", "partners(projections, labels[:0], draws)"),
    ("one = second *", "one = second.detach() *"),
    ("other = first *", "other = first.detach() *"),
    ("return -(one + other)", "return -(one + one)"),
    (".sum(1).mean() / 2", ".sum(1).mean()"),
    ("(first + GROUP_FLOOR).log()", "(first + 1e-3).log()"),
    ("(of_labels + GROUP_FLOOR)", "(of_labels + 1e-3)"),
    ("/ max(labels.shape[0], 1)", "/ max(labels.shape[0], 2) / 2"),
    ("return -(of_labels", "return (of_labels"),
    ("first[: labels.shape[0]]", "second[: labels.shape[0]]"),
    ("frozen_unless(on[2], first)", "frozen_unless(on[2], first[labels.shape[0] :])"),
    ("frozen_unless(on[2], first)", "frozen_unless(on[2], second)"),
    ("log_mean - log_prior", "log_mean + log_prior"),
    ("torch.dot(mean, log_mean - log_prior)", "torch.dot(log_prior.exp(), log_prior - log_mean)"),
    ("+ PROTOTYPE_CONSTANT * mean", "- PROTOTYPE_CONSTANT * mean"),
    ("-(self.count.to(dtype) * size).log()", "-torch.full_like(size, len(size)).log()"),
    ("classification, entropy]))", "entropy, classification]))"),
    ("warmed_up * hyper.w_classification", "hyper.w_classification"),
    ("prototype + switched", "switched"),
]


@pytest.mark.parametrize(("old", "new"), DEFECTS)
def test_a_defect_is_seen(old: str, new: str) -> None:
    changed = mutant(core, old, new)
    warmed_up = 0.0 if "warmed_up" in old else 1.0

    with pytest.raises(AssertionError):
        check(Batch(), LABELS, GROUPS, warmed_up=warmed_up, module=changed)


def test_closed_form_of_even_assignments() -> None:
    batch = Batch()
    batch.views = [torch.zeros(7, 8, dtype=torch.float64, requires_grad=True) for _ in range(2)]

    terms = terms_of(batch, LABELS, [0, 0, 0, 0, 1, 1, 2, 3])

    sizes, log = {0: 4, 1: 2, 2: 1, 3: 1}, math.log
    assert terms.prototype.item() == pytest.approx(log(8))
    entropy = -sum(n / 8 * log(n / 8) for n in sizes.values())
    assert terms.group.item() == pytest.approx(entropy, abs=1e-6)
    classes = [-log(sizes[label] / 8) for label in LABELS]
    assert terms.classification.item() == pytest.approx(sum(classes) / 4, abs=1e-6)
    divergence = sum(n / 8 * log(n / 8 * 4) for n in sizes.values())
    assert terms.entropy.item() == pytest.approx(divergence + 8e-7, abs=1e-12)


def test_a_mean_assignment_that_is_the_prior_has_no_divergence() -> None:
    batch, groups = Batch(), [0, 0, 0, 1, 1, 2, 3, 3]
    prior = torch.tensor([1 / 4 / groups.count(g) for g in groups], dtype=torch.float64)
    batch.views[0] = prior.log().expand(7, 8).clone().requires_grad_()

    terms = terms_of(batch, LABELS, groups)

    assert terms.entropy.item() == pytest.approx(8e-7, abs=1e-12)


@pytest.mark.parametrize("name", ["w_group", "w_classification", "w_entropy"])
def test_a_weight_of_zero_is_exact_even_beside_an_infinity(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = Batch()
    off: dict[str, Any] = {name: 0.0}
    term = {"w_group": "_group_term", "w_classification": "_classification"}
    whole = terms_of(batch, LABELS, GROUPS, **off)
    monkeypatch.setattr(
        core, term.get(name, "_divergence"), lambda first, _: (first - first.detach()).sqrt().sum()
    )

    terms = terms_of(batch, LABELS, GROUPS, **off)

    assert terms.total.item() == whole.total.item()
    for found, wanted in zip(
        gradients(batch, terms.total), gradients(batch, whole.total), strict=True
    ):
        assert torch.equal(found, wanted)
    on = terms_of(batch, LABELS, GROUPS)
    assert not all(bool(g.isfinite().all()) for g in gradients(batch, on.total))


@pytest.mark.parametrize("labels", [[], [0], [0] * 7])
def test_finite_in_single_precision_with_certain_assignments(labels: list[int]) -> None:
    batch = Batch(scale=300.0)
    batch.views = [view.detach().float().requires_grad_() for view in batch.views]

    terms = terms_of(batch, labels, GROUPS)

    assert terms.total.isfinite()
    assert all(bool(g.isfinite().all()) for g in gradients(batch, terms.total))


def test_computed_in_single_precision_under_autocast() -> None:
    batch = Batch()
    batch.views = [view.detach().bfloat16() for view in batch.views]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        terms = terms_of(batch, LABELS, GROUPS)

    assert {term.dtype for term in vars(terms).values()} == {torch.float32}
    batch.views = [view.float() for view in batch.views]
    assert terms.total.item() == terms_of(batch, LABELS, GROUPS).total.item()


def test_no_value_is_read_on_the_way() -> None:
    with FakeTensorMode():
        batch = Batch.__new__(Batch)
        batch.views = [torch.empty(7, 8, requires_grad=True) for _ in range(2)]
        batch.projections = torch.empty(7, 3)
        terms = terms_of(batch, LABELS, GROUPS)
        terms.total.backward()
        assert terms.total.shape == ()
