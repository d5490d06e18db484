from __future__ import annotations

import math
from types import ModuleType
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from lps_sweep.methods.hyper import Hyper
from lps_sweep.methods.simgcd import SimGCDConfig, core
from tests.methods.finite import Matrix, differences
from tests.methods.lps_reference import softmax
from tests.methods.simgcd_reference import slow_teacher, slow_terms, weighted
from tests.mutants import mutant

LABELS = [1, 0, 2, 1]
TEACHER = 0.05
Views = tuple[Tensor, Tensor, Tensor, Tensor]


def random_views(num_rows: int = 7, *, seed: int = 0, scale: float = 0.3) -> Views:
    """Cosines and projections of two views; the projections are of several lengths."""
    generator = torch.Generator().manual_seed(seed)

    def normal(num_columns: int) -> Tensor:
        return torch.randn(num_rows, num_columns, generator=generator, dtype=torch.float64)

    found = (normal(4) * scale, normal(3) * 2, normal(4) * scale, normal(3) * 0.5)
    return tuple(x.requires_grad_() for x in found)  # type: ignore[return-value]


def terms_of(views: Views, labels: list[int], *, module: ModuleType = core, **values: Any) -> Any:
    dtype = views[0].dtype if views[0].dtype == torch.float64 else torch.float32
    return module.simgcd_terms(
        views[:2],
        views[2:],
        torch.tensor(labels, dtype=torch.int64),
        teacher=torch.tensor(TEACHER, dtype=dtype),
        hyper=Hyper.of(SimGCDConfig(**values), "cpu", dtype),
    )


def gradients(views: Views, total: Tensor) -> list[Tensor]:
    return list(torch.autograd.grad(total, views, retain_graph=True, materialize_grads=True))


def check(views: Views, labels: list[int], *, module: ModuleType = core, **values: Any) -> None:
    """Every term, the total and every element of its gradients."""
    config = SimGCDConfig(**values)
    terms = terms_of(views, labels, module=module, **values)
    z: list[Matrix] = [view.tolist() for view in views]
    targets = tuple([softmax([v / TEACHER for v in row]) for row in x] for x in (z[0], z[2]))

    def of(*x: Matrix) -> dict[str, float]:
        return slow_terms(x, targets, labels, config)  # type: ignore[arg-type]

    for name, value in of(*z).items():
        assert getattr(terms, name).item() == pytest.approx(value, abs=1e-10), name
    assert terms.total.item() == pytest.approx(weighted(of(*z), config), abs=1e-10)
    wanted = differences(lambda *x: weighted(of(*x), config), z)
    for found, right in zip(gradients(views, terms.total), wanted, strict=True):
        assert (found - torch.tensor(right, dtype=torch.float64)).abs().max().item() < 1e-7


SETTINGS: list[dict[str, Any]] = [
    {},
    {"w_supervised": 0.8, "w_mean_entropy": 0.5, "student_temperature": 0.3},
    {"contrastive_temperature": 0.4, "supervised_temperature": 0.2},
    {"w_supervised": 0.0},
    {"w_supervised": 1.0},
    {"w_mean_entropy": 0.0},
]


@pytest.mark.parametrize("values", SETTINGS)
@pytest.mark.parametrize("labels", [LABELS, [], [2], [0] * 7])
def test_agrees_with_the_slow_reference_and_its_gradients(
    values: dict[str, Any], labels: list[int]
) -> None:
    check(random_views(), labels, **values)


DEFECTS = [
    ("others.detach()", "others"),
    ("/ teacher, dim=1)", "/ student, dim=1)"),
    ("return -(targets", "return (targets"),
    (".sum(1).mean()", ".sum()"),
    ("distillation(distilled[0], distilled[2]", "distillation(distilled[0], distilled[0]"),
    ("(both_ways[0] + both_ways[1]) / 2", "both_ways[0] + both_ways[1]"),
    ("mean[2]]) / tau", "mean[2]])"),
    ("torch.cat([mean[0], mean[2]])", "mean[0]"),
    ("torch.cat([mean[0], mean[2]])", "torch.cat([mean[0], mean[2]])[num_labeled:]"),
    ("[1]) + entropy", "[1]) - entropy"),
    ("math.log(first[0].shape[1])", "math.log(first[0].shape[0])"),
    ("_cross_entropy(labeled / tau", "_cross_entropy(labeled"),
    ("cross[2][:num_labeled]])", "cross[0][:num_labeled]])"),
    ("labels.repeat(2)", "labels.repeat_interleave(2)"),
    ("(1 - share) * hyper.w_mean_entropy", "hyper.w_mean_entropy"),
    ("1 - share, share]\n", "share, share]\n"),
    ("contrasted[3], hyper.contrastive_temperature", "contrasted[3], hyper.supervised_temperature"),
    ("view_contrastive(contrasted[1]", "view_contrastive(contrasted[3]"),
    ("by_label[3][:num_labeled]", "by_label[3][-num_labeled:]"),
    ("else logits.sum()", "else logits.sum() + 1"),
]


@pytest.mark.parametrize(("old", "new"), DEFECTS)
def test_a_defect_is_seen(old: str, new: str) -> None:
    changed = mutant(core, old, new)
    labels = [] if "else" in old else LABELS
    with pytest.raises(AssertionError):
        check(random_views(5), labels, module=changed)


def test_closed_forms() -> None:
    """Class weights along the axes, and rows that lie on them."""
    classes, tau = torch.arange(4), 0.1
    onto, apart = F.one_hot(classes).double(), torch.eye(4, dtype=torch.float64) * 3
    others = 3 * math.exp(-1 / tau)

    terms = terms_of((onto, apart, onto, apart), [0, 1])

    assert terms.cross_entropy.item() == pytest.approx(math.log(1 + others))
    assert terms.mean_entropy.item() == pytest.approx(0.0, abs=1e-12)
    assert terms.contrastive.item() == pytest.approx(math.log(math.e + 6) - 1)
    weight = 1 / (1 + 3 * math.exp(-1 / TEACHER))
    wanted = math.log(1 + others) + (1 - weight) / tau
    assert terms.distillation.item() == pytest.approx(wanted)
    nothing = torch.zeros(4, 4, dtype=torch.float64)
    undecided = terms_of((nothing, apart, nothing, apart), [0, 1])
    assert undecided.distillation.item() == pytest.approx(math.log(4))
    assert undecided.mean_entropy.item() == pytest.approx(0.0, abs=1e-12)
    one_class = onto[[2, 2, 2, 2]] * 50
    assert terms_of((one_class, apart, one_class, apart), []).mean_entropy.item() == pytest.approx(
        math.log(4)
    )


def test_the_teacher_sharpens_over_the_published_epochs() -> None:
    config = SimGCDConfig()
    for epoch in (0, 1, 12, 28, 29, 30, 199):
        found = core.teacher_temperature(config, epoch, 200)
        assert found == pytest.approx(slow_teacher(config, epoch))
        assert found == core.teacher_temperature(config, epoch, 5)
    assert core.teacher_temperature(config, 0, 200) == 0.07
    assert core.teacher_temperature(config, 29, 200) == pytest.approx(0.04)
    assert core.teacher_temperature(config, 28, 200) > 0.041


def test_the_teacher_may_sharpen_over_a_share_of_the_training() -> None:
    config = SimGCDConfig(warm_up_clock="training")
    for epoch in range(10):
        found = core.teacher_temperature(config, epoch, 100)
        assert found == pytest.approx(slow_teacher(SimGCDConfig(), 2 * epoch))
    assert core.teacher_temperature(config, 1, 2) == 0.04


@pytest.mark.parametrize("points", [1, 2])
def test_a_short_warm_up(points: int) -> None:
    config = SimGCDConfig(warm_up_points=points)

    found = [core.teacher_temperature(config, epoch, 200) for epoch in range(3)]

    assert found == pytest.approx([0.07, 0.04, 0.04])


SCHEDULE_DEFECTS = [
    ("config.warm_up_points - 1", "config.warm_up_points"),
    ("min(point / last, 1.0)", "point / last"),
    ("start + (end - start) * covered", "end + (start - end) * covered"),
    ("PUBLISHED_EPOCHS / num_epochs", "num_epochs / PUBLISHED_EPOCHS"),
]


def check_the_schedule() -> None:
    test_the_teacher_sharpens_over_the_published_epochs()
    test_the_teacher_may_sharpen_over_a_share_of_the_training()


@pytest.mark.parametrize(("old", "new"), SCHEDULE_DEFECTS)
def test_a_defect_of_the_schedule_is_seen(
    old: str, new: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(core, "teacher_temperature", mutant(core, old, new).teacher_temperature)
    with pytest.raises(AssertionError):
        check_the_schedule()


@pytest.mark.parametrize(("share", "spoilt"), [(0.0, "labeled"), (1.0, "unlabeled")])
def test_a_share_of_zero_is_exact_even_beside_nan(share: float, spoilt: str) -> None:
    views = random_views()
    wanted = gradients(views, terms_of(views, LABELS, w_supervised=share).total)
    broken = [x.detach().clone() for x in views]
    if spoilt == "unlabeled":
        for x in broken:
            x[5] = math.nan
        labels = LABELS
    else:  # without labels the terms that read them have nothing to give
        labels = []
    other: Views = tuple(x.requires_grad_() for x in broken)  # type: ignore[assignment]

    terms = terms_of(other, labels, w_supervised=share)

    assert terms.total.item() == terms_of(views, LABELS, w_supervised=share).total.item()
    for found, right in zip(gradients(other, terms.total), wanted, strict=True):
        assert torch.equal(found, right)


@pytest.mark.parametrize(("num_labeled", "num_rows"), [(0, 1), (1, 1), (0, 6), (6, 6), (1, 6)])
@pytest.mark.parametrize("scale", [0.0, 1.0, 30.0])
def test_degenerate_batches_are_finite(num_labeled: int, num_rows: int, scale: float) -> None:
    views = random_views(num_rows, scale=scale)

    terms = terms_of(views, [0] * num_labeled)

    assert terms.total.isfinite()
    assert all(bool(g.isfinite().all()) for g in gradients(views, terms.total))


def test_half_precision_is_raised() -> None:
    half: Views = tuple(x.detach().bfloat16() for x in random_views())  # type: ignore[assignment]
    full: Views = tuple(x.float() for x in half)  # type: ignore[assignment]

    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = terms_of(half, LABELS).total

    assert found.dtype == torch.float32
    assert found.item() == terms_of(full, LABELS).total.item()
