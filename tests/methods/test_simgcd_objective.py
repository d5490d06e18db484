from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from lps_sweep.methods.protocol import StepContext
from lps_sweep.methods.simgcd import SimGCDConfig, core
from lps_sweep.methods.simgcd.objective import SimGCDObjective
from tests.methods.losses.base import Case
from tests.methods.losses.simgcd import SimGCD
from tests.methods.parts_cases import parts_of
from tests.mutants import mutant

NUM_ROWS, LABELS = 7, [1, 0, 2, 1]
NAMES = ("cosines1", "projected1", "cosines2", "projected2")


def built(num_epochs: int = 200, **values: object) -> SimGCDObjective:
    config = SimGCDConfig(projector_width=8, projector_dim=3, **values)  # type: ignore[arg-type]
    of = SimGCDObjective(config, num_classes=4, device="cpu")
    of.build(parts_of(feature_dim=5, num_seen=3, num_epochs=num_epochs))
    return of


def test_the_loss_reads_cosines_and_projections_of_both_views() -> None:
    of = built()
    of.start_epoch(0)
    views = {name: torch.randn(NUM_ROWS, 5) for name in of.views}
    context = StepContext(3, torch.tensor(0.0), torch.rand(NUM_ROWS))
    given = []
    for features in views.values():
        cosines = F.normalize(features, dim=1) @ F.normalize(of.head.weight, dim=0)  # type: ignore[arg-type]
        given += [cosines.detach(), of.projector(features).detach()]
    of.teacher.fill_(0.05)

    found = of.loss(of.outputs(views), torch.tensor(LABELS), context)

    case = Case(dict(zip(NAMES, given, strict=True)), torch.tensor(LABELS))
    wanted = SimGCD().of(case)
    assert found.total.item() == pytest.approx(wanted.total.item(), abs=1e-5)
    assert found.diagnostics["loss_total"].item() == found.total.item()
    for name in ("distillation", "supervised_contrastive", "mean_entropy", "cross_entropy"):
        value = getattr(wanted, name).item()
        assert found.diagnostics[name].item() == pytest.approx(value, abs=1e-5)


def test_an_evaluation_predicts_the_nearest_class_weight_without_projecting() -> None:
    of = built().eval()
    features = torch.randn(6, 5)

    output = of.heads(features)

    assert not output.more
    assert output.logits.abs().max().item() <= 1
    nearest = (F.normalize(of.head.weight, dim=0).T @ features.T).argmax(0)  # type: ignore[arg-type]
    assert of.read(output)["ids"].equal(nearest)


@pytest.mark.parametrize(("clock", "num_epochs"), [("epochs", 200), ("training", 50)])
def test_the_teacher_sharpens_from_epoch_to_epoch(clock: str, num_epochs: int) -> None:
    of = built(num_epochs, warm_up_clock=clock)
    for epoch in (0, 3, 40):
        assert of.start_epoch(epoch) is False
        wanted = core.teacher_temperature(of.config, epoch, num_epochs)
        assert of.teacher.item() == pytest.approx(wanted)


def slow_teacher(config: SimGCDConfig, epoch: float) -> float:
    """By the points of the line, for whole epochs."""
    n, start = config.warm_up_points, config.teacher_temperature_start
    width = config.teacher_temperature_end - start
    points = [start + width * i / (n - 1) for i in range(n)]
    return points[int(epoch)] if epoch < n else config.teacher_temperature_end


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


SCHEDULE_DEFECTS = (
    "config.warm_up_points - 1 => config.warm_up_points",
    "min(point / last, 1.0) => point / last",
    "start + (end - start) * covered => end + (start - end) * covered",
    "PUBLISHED_EPOCHS / num_epochs => num_epochs / PUBLISHED_EPOCHS",
)


def check_the_schedule() -> None:
    test_the_teacher_sharpens_over_the_published_epochs()
    test_the_teacher_may_sharpen_over_a_share_of_the_training()


@pytest.mark.parametrize("defect", SCHEDULE_DEFECTS)
def test_a_defect_of_the_schedule_is_seen(defect: str, monkeypatch: pytest.MonkeyPatch) -> None:
    changed = mutant(core, *defect.split(" => "))
    monkeypatch.setattr(core, "teacher_temperature", changed.teacher_temperature)
    with pytest.raises(AssertionError):
        check_the_schedule()
