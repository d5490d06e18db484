from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from lps_sweep.methods.protocol import StepContext
from lps_sweep.methods.simgcd import SimGCDConfig, core
from lps_sweep.methods.simgcd.objective import SimGCDObjective
from tests.methods.parts_cases import parts_of
from tests.methods.test_simgcd_core import LABELS, terms_of

NUM_ROWS = 7


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
        given += [cosines, of.projector(features)]
    of.teacher.fill_(0.05)

    found = of.loss(of.outputs(views), torch.tensor(LABELS), context)

    wanted = terms_of(tuple(given), LABELS)
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
