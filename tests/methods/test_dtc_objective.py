"""What DTC keeps of each unlabeled image, and when it renews it."""

from __future__ import annotations

import math
from typing import Any, Literal

import pytest
import torch
from torch import Tensor

from lps_sweep.methods.dtc import DTCConfig
from lps_sweep.methods.dtc.core import log_assignments
from lps_sweep.methods.dtc.objective import DTCObjective
from lps_sweep.methods.dtc.start import first_clusters
from lps_sweep.methods.protocol import StepContext, StepLoss, TailOutput
from tests.methods.losses.dtc import slow_ensemble, slow_ramp, slow_targets
from tests.methods.parts_cases import parts_of

NUM_IMAGES, DIM, K, S = 12, 5, 3, 2
UNLABELED = torch.tensor([1, 2, 4, 5, 7, 8, 10, 11])
"""The others are labeled."""

Variant = Literal["baseline", "pi", "te", "tep"]
VARIANTS: tuple[Variant, ...] = ("baseline", "pi", "te", "tep")


def objective(num_epochs: int = 20, **values: Any) -> DTCObjective:
    """Of 20 epochs, the first 2 are supervised and the next 6 the warm-up; 12 are joint."""
    made = DTCObjective(DTCConfig(**values), num_classes=K, device="cpu")
    made.build(
        parts_of(
            feature_dim=DIM,
            num_seen=S,
            num_steps=4,
            num_epochs=num_epochs,
            num_images=NUM_IMAGES,
            unlabeled=UNLABELED,
        )
    )
    return made


def assigned(seed: int) -> Tensor:
    """Assignments (8, K) that differ by seed."""
    generator = torch.Generator().manual_seed(seed)
    return torch.softmax(torch.randn(8, K, generator=generator), dim=1)


def images(seed: int = 0) -> Tensor:
    return torch.randn(NUM_IMAGES, DIM, generator=torch.Generator().manual_seed(seed))


def kept(assignments: Tensor) -> dict[str, Tensor]:
    return {"ids": assignments.argmax(1), "assignments": assignments}


def step(of: DTCObjective, rows: list[int], num_labeled: int = 2, seed: int = 0) -> StepLoss:
    outputs = of.outputs({"weak1": images(seed)[rows], "weak2": images(seed + 1)[rows]})
    context = StepContext(S, torch.zeros(()), torch.zeros(len(rows)), torch.tensor(rows))
    return of.loss(outputs, torch.zeros(num_labeled, dtype=torch.int64), context)


def started(of: DTCObjective, epoch: int) -> DTCObjective:
    """`of` at the start of `epoch`, with all that was due before, from one set of features."""
    features = {"features": images()[UNLABELED], **kept(assigned(99))}
    for past in range(epoch + 1):
        of.evaluated(features)
        of.start_epoch(past)
    return of


def close(found: Tensor, wanted: list[list[float]]) -> None:
    torch.testing.assert_close(found, torch.tensor(wanted), atol=1e-6, rtol=0)


@pytest.mark.parametrize("variant", VARIANTS)
def test_weights_follow_the_phases(variant: Variant) -> None:
    of = objective(variant=variant)
    anew, weights = [], []
    for epoch in range(20):
        anew.append(of.start_epoch(epoch))
        weights.append(of.weights.tolist())

    assert [epoch for epoch in range(20) if anew[epoch]] == [2, 8]
    assert [w[0] for w in weights] == [1.0] * 2 + [0.0] * 18
    assert [w[1] for w in weights] == [0.0] * 2 + [1.0] * 18
    ramp = [10 * slow_ramp(done, 5) for done in range(12)]
    joint = ramp if variant in ("pi", "te") else [0.0] * 12
    assert [w[2] for w in weights] == pytest.approx([0.0] * 8 + joint, abs=1e-6)


@pytest.mark.parametrize(
    ("num_epochs", "supervised", "warm_up"), [(1, 0, 0), (2, 1, 0), (3, 1, 1), (200, 20, 60)]
)
def test_short_trainings_end_in_the_joint_phase(
    num_epochs: int, supervised: int, warm_up: int
) -> None:
    of = objective(num_epochs, variant="pi")
    kinds = []
    for epoch in range(num_epochs):
        of.start_epoch(epoch)
        kinds.append(tuple(bool(w) for w in of.weights))

    wanted = [(True, False, False)] * supervised + [(False, True, False)] * warm_up
    assert kinds == wanted + [(False, True, True)] * (num_epochs - supervised - warm_up)


def test_the_first_clusters_come_from_the_features_before_the_warm_up() -> None:
    of = objective()
    fresh = [weight.detach().clone() for weight in of.head.parameters()]
    features = images()[UNLABELED]
    for epoch in range(2):
        of.evaluated(kept(assigned(0)))
        of.start_epoch(epoch)
    assert not of.targets.any()
    with torch.no_grad():
        for weight in of.head.parameters():
            weight.mul_(2)

    of.evaluated({"features": features, **kept(assigned(0))})

    start = first_clusters(features, K, 20, 0)
    assert torch.equal(of.centres, start.centres)
    q = log_assignments(start.outputs, start.centres).exp()
    close(of.targets, slow_targets(q.double().tolist()))
    for weight, first in zip(of.head.parameters(), fresh, strict=True):
        assert torch.equal(weight, first)


def test_features_are_read_only_where_they_are_needed() -> None:
    of = objective()
    output = TailOutput(torch.zeros(4, DIM), torch.zeros(4, K))
    assert "features" not in of.read(output)
    of.start_epoch(0)
    assert "features" not in of.read(output)
    of.start_epoch(1)
    assert of.read(output)["features"].shape == (4, DIM)
    of.start_epoch(2)
    assert "features" not in of.read(output)
    assert "features" in objective(supervised_share=0.0).read(output)


def test_an_evaluation_keeps_ids_and_assignments() -> None:
    of = objective()
    with torch.no_grad():
        of.centres.copy_(torch.eye(K))
    logits = torch.tensor([[0.0, 0.0, 1.0], [0.9, 0.0, 0.0]])

    found = of.read(TailOutput(torch.zeros(2, DIM), logits.bfloat16()))

    assert found["ids"].tolist() == [2, 0]
    assert found["assignments"].dtype == torch.float32
    assert found["assignments"][0].tolist() == pytest.approx([0.2, 0.2, 0.6])
    assert of.predict(found) is found["ids"]
    assert of.classify(found) is None


@pytest.mark.parametrize("interval", [1, 4, 10])
def test_targets_are_renewed_at_their_interval(interval: int) -> None:
    of = objective(variant="pi", target_interval=interval)
    changed = []
    for epoch in range(20):
        before = of.targets.clone()
        q = assigned(epoch)
        of.evaluated({"features": images()[UNLABELED], **kept(q)})
        if not torch.equal(of.targets, before):
            changed.append(epoch)
            if epoch > 2:
                close(of.targets, slow_targets(q.double().tolist()))
        of.start_epoch(epoch)
    before = of.targets.clone()
    of.evaluated(kept(assigned(20)))

    # the first clusters; the end of the warm-up; after joint epochs 0, interval, 2 interval, ...
    assert changed == [2, 8, *range(9, 20, interval)]
    assert torch.equal(of.targets, before)  # nothing follows


def test_without_a_warm_up_the_first_targets_stay_until_a_joint_epoch_is_over() -> None:
    of = started(objective(variant="pi", warm_up_share=0.0), 2)
    first = of.targets.clone()
    assert of.weights.tolist()[1:] == pytest.approx([1.0, 10 * math.exp(-5)])

    of.evaluated(kept(assigned(1)))

    assert not torch.equal(of.targets, first)


@pytest.mark.parametrize("again", [1, 2])
def test_tep_takes_targets_from_the_ensemble_of_evaluations(again: int) -> None:
    """Also where an evaluation comes twice."""
    of = started(objective(variant="tep", target_interval=3), 8)
    epochs = []
    for epoch in range(9, 14):
        epochs.append(assigned(epoch).double().tolist())
        before = of.targets.clone()
        for _ in range(again):
            of.evaluated(kept(assigned(epoch)))
        if epoch in (9, 12):
            close(of.targets, slow_targets(slow_ensemble(epochs, 0.6)))
        else:
            assert torch.equal(of.targets, before)
        of.start_epoch(epoch)


def test_te_is_consistent_with_the_ensemble_of_its_own_steps() -> None:
    of = started(objective(variant="te"), 7)
    step(of, [0, 3, 4, 1])  # the warm-up does not count

    def after(epoch: int, rows: list[int], ensemble: Tensor) -> Tensor:
        """The assignments of a step, whose consistency is with `ensemble`."""
        of.evaluated(kept(assigned(0)))
        of.start_epoch(epoch)
        found = step(of, [0, 3, *rows], seed=epoch).diagnostics["consistency"].item()
        q = first_of(of, rows, seed=epoch)
        assert found == pytest.approx((q - ensemble).square().mean().item(), abs=1e-6)
        return q

    q8 = after(8, [4, 1], torch.zeros(2, K))
    q9 = after(9, [10, 4], torch.stack([torch.zeros(K), q8[0]]))  # 10 was in no step so far
    after(10, [4, 1], torch.stack([(0.6 * q8[0] + q9[1]) / 1.6, q8[1]]))


def first_of(of: DTCObjective, rows: list[int], seed: int = 0) -> Tensor:
    """Assignments of the first view of images."""
    with torch.no_grad():
        return log_assignments(of.head(images(seed)[rows]), of.centres).exp()


def test_an_image_that_stands_twice_in_a_batch_is_kept_as_it_stood_last() -> None:
    of = started(objective(variant="te"), 8)
    outputs = of.outputs({"weak1": images(), "weak2": images()})
    rows = torch.tensor([0, 7, 5, 7, 5, 7, 1, 2, 4, 8, 10, 11])
    labels = torch.zeros(1, dtype=torch.int64)

    of.loss(outputs, labels, StepContext(S, torch.zeros(()), torch.zeros(12), rows))

    q = first_of(of, list(range(NUM_IMAGES)))
    places = [UNLABELED.tolist().index(row) for row in (7, 5, 1)]
    torch.testing.assert_close(of.newest[places], q[[5, 4, 6]])


@pytest.mark.parametrize("variant", VARIANTS)
def test_targets_are_those_of_the_rows_whatever_their_order(variant: Variant) -> None:
    of = started(objective(variant=variant), 9)
    rows = [3, 11, 4, 2, 8]

    found = step(of, rows, num_labeled=1).diagnostics["sharpening"].item()

    places = [UNLABELED.tolist().index(row) for row in rows[1:]]
    p, q = of.targets[places].double(), first_of(of, rows[1:]).double()
    assert found == pytest.approx((p * (p.log() - q.log())).mean().item(), abs=1e-6)


def test_only_pi_passes_the_second_view() -> None:
    views = {"weak1": images(), "weak2": images(1)}
    for variant in VARIANTS:
        names = [*objective(variant=variant).outputs(views)]
        assert names == (["weak1", "weak2"] if variant == "pi" else ["weak1"])
    of = started(objective(variant="pi"), 8)
    rows = [0, 4, 1]

    found = step(of, rows, num_labeled=1).diagnostics["consistency"].item()

    wanted = (first_of(of, rows[1:]) - first_of(of, rows[1:], seed=1)).square().mean().item()
    assert found == pytest.approx(wanted, abs=1e-6)


def test_labels_count_in_the_supervised_phase_alone() -> None:
    for epoch, learning in (
        (0, {"seen_head.weight", "seen_head.bias"}),
        (8, {"head.weight", "head.bias", "centres"}),
    ):
        of = started(objective(variant="pi"), epoch)
        step(of, [0, 3, 4, 1]).total.backward()  # type: ignore[no-untyped-call]
        moved = {n for n, w in of.named_parameters() if w.grad is not None and w.grad.any()}
        assert moved == learning


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_resumed_trial_goes_on_as_it_was(variant: Variant) -> None:
    def train(of: DTCObjective, epochs: range) -> list[float]:
        totals = []
        for epoch in epochs:
            of.start_epoch(epoch)
            totals.append(step(of, [0, 3, 4, 1, 7], seed=epoch).total.item())
            of.evaluated(of.read(of.heads(images(epoch)[UNLABELED])))
        return totals

    def made() -> DTCObjective:
        """Of 8 epochs, the first is supervised and the next two the warm-up."""
        return objective(8, variant=variant, n_init=1, target_interval=2)

    whole = train(made(), range(8))
    for cut in (1, 3, 6):
        first, second = made(), made()
        totals = train(first, range(cut))
        second.load_state_dict(first.state_dict())
        assert totals + train(second, range(cut, 8)) == whole
