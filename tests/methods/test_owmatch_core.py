from __future__ import annotations

import dataclasses
import math
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from lps_sweep.methods.owmatch import core
from lps_sweep.methods.owmatch.thresholds import Means
from tests.methods.owmatch_cases import (
    NUM_SEEN,
    check,
    gradients,
    random_case,
    terms_of,
)
from tests.methods.owmatch_reference import hardened
from tests.mutants import mutant

SETTINGS: list[dict[str, Any]] = [
    {},
    {"epsilon": 0.2, "num_rounds": 2, "w_clustering": 0.5, "w_confidence": 2.0},
    {"threshold_floor": 0.6, "threshold_kept": 0.3},
]


@pytest.mark.parametrize("values", SETTINGS)
@pytest.mark.parametrize(
    "shape", [{}, {"num_crops": 2}, {"num_labeled": 0, "num_filled": 0}, {"num_labeled": 7}]
)
def test_agrees_with_the_slow_reference_and_its_gradients(
    shape: dict[str, int], values: dict[str, Any]
) -> None:
    check(random_case(**shape, **values))


def test_a_full_queue_lets_the_oldest_go_before_it_is_assigned() -> None:
    case = random_case(num_filled=12, queue_length=12)
    first, second = (x[7:].tolist() for x in case.queues)

    check(case, (first, second))

    terms = terms_of(case)
    for queue, old, view in zip(
        (terms.memory.weak1, terms.memory.weak2), (first, second), case.views[:2], strict=True
    ):
        assert queue.count.item() == 12
        assert queue.rows.tolist() == old + hardened(view.tolist(), case.labels, 10.0)


def test_the_case_holds_what_a_defect_could_hide_in() -> None:
    terms = terms_of(random_case(threshold_floor=0.35, threshold_kept=0.3))
    sure = {t >= NUM_SEEN for t, m in zip(terms.pseudo_labels, terms.mask, strict=True) if m}

    assert {bool(x) for x in sure} == {False, True}
    assert not terms.mask.all()
    assert terms.mask[:3].any()
    assert terms.thresholds.min().item() == pytest.approx(0.35)


CORE_DEFECTS = [
    ("(scale * hyper.epsilon)", "hyper.epsilon"),
    ("with_labels(logits, labels, scale)", "logits"),
    ("after.filled, num_rounds", "after.filled | True, num_rounds"),
    ("after.filled, num_rounds", "after.filled, num_rounds - 7"),
    ("memory.weak1, hyper", "memory.weak2, hyper"),
    ("code(second", "code(first"),
    ("largest > thresholds[predicted]", "largest > thresholds.min()"),
    ("largest > thresholds[predicted]", "largest > -thresholds[predicted]"),
    ("adaptive_margin(weak1[:", "adaptive_margin(weak2[:"),
    ("w_confidence != 0, strong)", "w_confidence != 0, weak1)"),
    ("predicted, no_margin, mask", "predicted, no_margin"),
    ("probabilities, num_seen, hyper", "probabilities, num_seen + 1, hyper"),
    (
        "= means.thresholds(",
        "= means.after(probabilities, num_seen, hyper.threshold_kept).thresholds(",
    ),
    ("pairs.append((weak2, codes[0]))", "pairs.append((weak2, codes[1]))"),
    ("if not crops:", "if True:"),
    ("return torch.stack(rows).mean()", "return torch.stack(rows).sum(0).mean()"),
    ("rows = [-(wanted", "rows = [(wanted"),
    ("supervised + switched", "supervised - switched"),
]


@pytest.mark.parametrize(("old", "new"), CORE_DEFECTS)
def test_a_defect_of_the_loss_is_seen(old: str, new: str) -> None:
    changed = mutant(core, old, new)
    case = random_case(threshold_floor=0.35, threshold_kept=0.3, num_crops=int("crops" in old))
    with pytest.raises(AssertionError):
        check(case, module=changed)


@pytest.mark.parametrize("num_filled", [0, 1, 5])
def test_what_a_queue_does_not_hold_takes_no_part(num_filled: int) -> None:
    case = random_case(num_filled=num_filled)
    poisoned = (case.queues[0].clone(), case.queues[1].clone())
    for x in poisoned:
        x[: 12 - num_filled] = 1e4
    other = dataclasses.replace(case, queues=poisoned)

    one, two = terms_of(case), terms_of(other)

    assert torch.equal(one.codes[0], two.codes[0])
    assert one.total.item() == two.total.item()


def test_confidence_equal_to_the_threshold_does_not_count() -> None:
    case = random_case(threshold_floor=0.0)
    undecided = torch.zeros(7, 5, dtype=torch.float64)
    even = dataclasses.replace(case, views=[case.views[0], undecided, case.views[2]])
    for level, counts in ((0.2, False), (0.19, True)):
        same = torch.full((7,), level, dtype=torch.float64)
        memory = dataclasses.replace(case.memory(), means=Means(same[:2], same[2:]))

        terms = terms_of(even, memory=memory)

        assert terms.thresholds.tolist() == [level] * 5
        assert terms.mask.tolist() == [counts] * 7
        assert (terms.confidence.item() > 0) == counts


@pytest.mark.parametrize(("kept", "view"), [("w_clustering", 2), ("w_confidence", 0), (None, 2)])
def test_a_weight_of_zero_is_exact_even_beside_nan(kept: str | None, view: int) -> None:
    weights: dict[str, Any] = {"w_clustering": 0.0, "w_confidence": 0.0}
    weights |= {kept: 0.5} if kept else {}
    case = random_case(**weights)
    spoilt = [x.detach().clone() for x in case.views]
    spoilt[view][6] = math.nan
    other = dataclasses.replace(case, views=[x.requires_grad_() for x in spoilt])
    whole = terms_of(random_case())
    total = whole.supervised
    if kept:
        total = total + 0.5 * getattr(whole, kept.removeprefix("w_"))

    terms = terms_of(other)

    assert terms.total.item() == pytest.approx(total.item(), abs=1e-12)
    wanted = gradients(case, terms_of(case).total)
    for found, right in zip(gradients(other, terms.total), wanted, strict=True):
        assert torch.equal(found, right)


@pytest.mark.parametrize(("num_labeled", "num_rows"), [(0, 1), (1, 1), (0, 6), (6, 6), (1, 6)])
@pytest.mark.parametrize("scale", [0.0, 1.0, 100.0])
@pytest.mark.parametrize("num_filled", [0, 12])
def test_degenerate_batches_are_finite(
    num_labeled: int, num_rows: int, scale: float, num_filled: int
) -> None:
    case = random_case(num_labeled, num_rows, scale=scale, num_filled=num_filled)

    terms = terms_of(case)

    assert terms.total.isfinite()
    assert all(bool(g.isfinite().all()) for g in gradients(case, terms.total))
    assert bool(terms.memory.means.classes.isfinite().all())


def test_labels_alone_leave_the_supervised_term() -> None:
    case = random_case(7, w_clustering=0.0, w_confidence=0.0)

    wanted = F.cross_entropy(case.views[0], torch.tensor(case.labels))

    assert terms_of(case).total.item() == pytest.approx(wanted.item(), abs=1e-12)


def test_half_precision_is_raised() -> None:
    case = random_case()
    queues = (case.queues[0].float(), case.queues[1].float())
    views = [x.detach().bfloat16() for x in case.views]
    half = dataclasses.replace(case, queues=queues, views=views)
    full = dataclasses.replace(half, views=[x.float() for x in views])

    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = terms_of(half).total

    assert found.dtype == torch.float32
    assert found.item() == terms_of(full).total.item()
