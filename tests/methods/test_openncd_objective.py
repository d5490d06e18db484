from __future__ import annotations

import math
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lps_sweep.methods.hyper import Hyper
from lps_sweep.methods.openncd import OpenNCDConfig, core
from lps_sweep.methods.openncd.core import Groups, openncd_terms
from lps_sweep.methods.openncd.objective import OpenNCDObjective
from lps_sweep.methods.protocol import StepContext
from tests.methods.losses.base import is_finite
from tests.methods.losses.openncd import OpenNCD
from tests.methods.parts_cases import parts_of

NUM_CLASSES, NUM_ROWS = 3, 6
LABELS = torch.tensor([1, 0, 1])


def built(num_epochs: int = 150, **values: Any) -> OpenNCDObjective:
    config = OpenNCDConfig(**{"prototypes_per_class": 4, "nearest": 3, **values})
    of = OpenNCDObjective(config, NUM_CLASSES, "cpu")
    of.build(parts_of(feature_dim=5, head_scale=3.0, num_seen=2, num_epochs=num_epochs))
    return of


def normal(num_rows: int, seed: int = 0) -> Tensor:
    return torch.randn(num_rows, 5, generator=torch.Generator().manual_seed(seed))


def evaluate(of: OpenNCDObjective, seed: int = 0) -> dict[str, Tensor]:
    """As training does, on random features; what was kept of the unlabeled images."""
    of.eval()
    with torch.no_grad():
        labeled = of.read(of.heads(normal(8, seed)))
        kept = of.read(of.heads(normal(30, seed + 1000)))
    of.evaluated(kept, {**labeled, "labels": torch.tensor([0, 1] * 4)})
    of.train()
    return kept


def step_of(of: OpenNCDObjective, draws: Tensor) -> Any:
    views = {name: normal(NUM_ROWS, seed) for seed, name in enumerate(of.views)}
    outputs = of.outputs(views)
    return outputs, of.loss(outputs, LABELS, StepContext(2, torch.tensor(0.0), draws))


@pytest.mark.parametrize("epoch", [0, 7])
def test_the_loss_goes_by_the_groups_in_use(epoch: int) -> None:
    of, draws = built(w_group=0.5), torch.linspace(0, 0.9, NUM_ROWS)
    evaluate(of)
    of.start_epoch(epoch)
    groups = of.found if epoch else torch.arange(12)
    count = 3.0 if epoch else 12.0

    outputs, found = step_of(of, draws)

    weak1, weak2 = outputs["weak1"], outputs["weak2"]
    directions = F.normalize(weak1.more["projections"], dim=1)
    cosines = directions @ F.normalize(of.prototypes.weight, dim=0)
    torch.testing.assert_close(weak1.logits, cosines / 0.1, rtol=0, atol=1e-4)
    wanted = openncd_terms(
        weak1.logits,
        weak2.logits,
        weak1.more["projections"],
        LABELS,
        draws=draws,
        groups=Groups(groups, torch.tensor(count)),
        warmed_up=torch.tensor(float(epoch > 0)),
        hyper=Hyper.of(of.config, "cpu", torch.float32),
    )
    assert found.total.item() == wanted.total.item()
    assert found.diagnostics == {
        "loss_total": wanted.total,
        **{name: value for name, value in vars(wanted).items() if name != "total"},
    }


@pytest.mark.parametrize(
    ("num_epochs", "first", "last"),
    [(150, 5, 69), (200, 7, 93), (10, 1, 4), (3, 1, 1), (1, 1, 1)],
)
def test_groups_change_in_the_published_part_of_training(
    num_epochs: int, first: int, last: int
) -> None:
    of = built(num_epochs)
    used = []
    for epoch in range(num_epochs):
        assert of.start_epoch(epoch) is False
        used.append(of.used.tolist())
        assert of.warmed_up.item() == (epoch >= first)
        assert of.num_used.item() == (NUM_CLASSES if epoch >= first else 12)
        found = of.found.tolist()
        kept = evaluate(of, seed=epoch)
        assert of.predict(kept).equal(of.found[kept["nearest"][:, 0]])
        if epoch + 1 > last and epoch > 0:
            assert of.found.tolist() == found
    assert all(groups == list(range(12)) for groups in used[:first])
    for epoch in range(first, num_epochs):
        assert set(used[epoch]) == set(range(NUM_CLASSES))
    changes = [e for e in range(first + 1, num_epochs) if used[e] != used[e - 1]]
    assert not changes or changes[-1] <= last
    assert num_epochs < 100 or len(changes) > 10


def test_fixed_groups_survive_a_checkpoint() -> None:
    of, other = built(), built()
    for epoch in range(7):
        of.start_epoch(epoch)
        kept = evaluate(of, seed=epoch)
    of.start_epoch(70)
    other.load_state(of.state())
    other.load_state_dict(of.state_dict())
    assert other.used.tolist() == of.used.tolist() != list(range(12))
    assert other.predict(kept).equal(of.predict(kept))
    fixed = other.found.tolist()
    evaluate(other, seed=99)
    assert other.found.tolist() == fixed


def test_an_image_is_of_the_group_of_its_nearest_prototype_and_not_of_the_likeliest_group() -> None:
    of = built(num_epochs=3)
    of.eval()
    of.found.copy_(torch.tensor([0] + [1] * 11))
    with torch.no_grad():
        of.prototypes.weight[:, 0] = -of.prototypes.weight[:, 1:].mean(1)
    near_first = of.prototypes.weight[:, :1].T
    of.head = nn.Identity()

    kept = of.read(of.heads(near_first.detach()))

    assert kept["nearest"].shape == (1, 3)
    assert kept["nearest"][0, 0] == 0
    assert of.predict(kept).tolist() == of.classify(kept).tolist() == [0]


def test_there_are_as_many_prototypes_as_configured_on_a_projection_of_that_length() -> None:
    of = OpenNCDObjective(OpenNCDConfig(), 10, "cpu")
    assert of.used.tolist() == list(range(50))
    other = built(projection_dim=7, tau=0.25)
    assert other.prototypes.weight.shape == (7, 12)
    assert other.prototypes.scale.item() == 4.0
    assert other.heads(normal(4)).more["projections"].shape == (4, 7)


def test_each_view_is_normalised_by_itself() -> None:
    of = built()
    one, other = normal(NUM_ROWS), 9 + 7 * normal(NUM_ROWS, 1)

    outputs = of.outputs({"weak1": one, "weak2": other})

    torch.testing.assert_close(outputs["weak1"].logits, of.heads(one).logits, rtol=0, atol=1e-4)
    assert not math.isclose(outputs["weak1"].logits.sum().item(), 0.0)


@pytest.mark.parametrize(
    ("name", "term"),
    [
        ("w_group", "_group_term"),
        ("w_classification", "_classification"),
        ("w_entropy", "_divergence"),
    ],
)
def test_a_weight_of_zero_is_exact_even_beside_an_infinity(
    name: str, term: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    loss, off = OpenNCD(), {name: 0.0}
    case = loss.case()
    whole = loss.of(case, **off)
    monkeypatch.setattr(core, term, lambda first, _: (first - first.detach()).sqrt().sum())

    terms = loss.of(case, **off)

    assert terms.total.item() == whole.total.item()
    pairs = zip(case.gradients(terms.total), case.gradients(whole.total), strict=True)
    assert all(torch.equal(found, wanted) for found, wanted in pairs)
    assert not is_finite(case, loss.of(case))
