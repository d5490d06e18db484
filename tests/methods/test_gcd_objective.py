from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from lps_sweep.methods.gcd import GCDConfig
from lps_sweep.methods.gcd.objective import GCDObjective
from lps_sweep.methods.protocol import StepContext
from tests.methods.losses.base import Case
from tests.methods.losses.gcd import GCD
from tests.methods.parts_cases import parts_of

NUM_ROWS, LABELS = 7, [1, 0, 1, 2]


def built() -> GCDObjective:
    config = GCDConfig(projector_width=8, projector_dim=3, w_supervised=0.4)
    of = GCDObjective(config, num_classes=4, device="cpu")
    of.build(parts_of(feature_dim=5, num_seen=2))
    return of


def normal(num_rows: int, seed: int = 0) -> Tensor:
    return torch.randn(num_rows, 5, generator=torch.Generator().manual_seed(seed))


def read_of(of: GCDObjective, features: Tensor) -> dict[str, Tensor]:
    with torch.no_grad():
        return of.read(of.heads(features))


def bundle(kinds: list[int]) -> Tensor:
    """Features around the axes, of several lengths: only directions tell them apart."""
    generator = torch.Generator().manual_seed(len(kinds))
    rows = torch.eye(5)[kinds] + 0.05 * torch.randn(len(kinds), 5, generator=generator)
    return rows * 10 ** (2 * torch.rand(len(kinds), 1, generator=generator))


def test_the_loss_reads_the_projections_of_both_views() -> None:
    of = built()
    views = {name: normal(NUM_ROWS, seed) for seed, name in enumerate(of.views)}
    context = StepContext(3, torch.tensor(0.0), torch.zeros(NUM_ROWS))

    found = of.loss(of.outputs(views), torch.tensor(LABELS), context)

    projections = [of.head(features).detach() for features in views.values()]
    case = Case(dict(zip(("first", "second"), projections, strict=True)), torch.tensor(LABELS))
    wanted = GCD().of(case, w_supervised=0.4)
    assert found.total.item() == pytest.approx(wanted.total.item(), abs=1e-5)
    assert {name: value.item() for name, value in found.diagnostics.items()} == pytest.approx(
        {
            "loss_total": wanted.total.item(),
            "contrastive": wanted.contrastive.item(),
            "supervised_contrastive": wanted.supervised_contrastive.item(),
        },
        abs=1e-5,
    )


def test_ids_below_the_seen_classes_are_classes_and_follow_the_labels() -> None:
    of = built()
    kinds = [0, 1, 2, 3] * 5
    kept, labeled = read_of(of, bundle(kinds)), read_of(of, bundle([2, 3, 3, 2, 2, 3]))

    ids = of.predict(kept, {**labeled, "labels": torch.tensor([0, 1, 1, 0, 0, 1])})

    assert ids.dtype == torch.int64
    named = {kind: {int(i) for i, k in zip(ids, kinds, strict=True) if k == kind} for kind in kinds}
    assert (named[2], named[3]) == ({0}, {1})
    assert {*named[0], *named[1]} == {2, 3}
    assert not named[0] & named[1]


def test_single_images_get_the_nearest_centre_of_the_newest_prediction() -> None:
    of = built()
    kept, labeled = read_of(of, bundle([0, 1, 2, 3] * 5)), read_of(of, bundle([2, 3, 3, 2]))
    for labels in ([0, 1, 1, 0], [1, 0, 0, 1]):
        ids = of.predict(kept, {**labeled, "labels": torch.tensor(labels)})

        assert of.classify(kept).tolist() == ids.tolist()
        assert of.classify(read_of(of, bundle([3]))).tolist() == [labels[1]]
    other = built()
    other.load_state(of.state())
    assert other.classify(kept).tolist() == ids.tolist()


def test_an_evaluation_keeps_directions_in_single_precision() -> None:
    features = normal(4).bfloat16()

    directions = read_of(built(), features)["directions"]

    assert torch.equal(directions, F.normalize(features.float(), dim=1))


def test_all_runs_of_k_means_come_after_the_last_epoch() -> None:
    of = built()
    kept = {"directions": F.normalize(normal(300), dim=1)}
    labeled = {"directions": kept["directions"][:4], "labels": torch.tensor([0, 1, 0, 1])}

    def spread(epoch: int) -> float:
        """Sum of squared distances from the centres."""
        assert of.start_epoch(epoch) is False
        of.predict(kept, labeled)
        return torch.cdist(kept["directions"], of.centres).amin(1).square().sum().item()

    first, second, last = (spread(epoch) for epoch in range(3))

    assert first == second
    assert last < first
