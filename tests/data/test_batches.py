from __future__ import annotations

import numpy as np
import pytest
import torch

from lps_sweep.data import OpenWorldSplit, batch_rows, data_set
from lps_sweep.data.batches import PairedBatches
from lps_sweep.errors import BadInputError


def split_of(num_labeled: int, num_unlabeled: int, num_holdout: int = 0) -> OpenWorldSplit:
    total = num_labeled + num_unlabeled + num_holdout
    order = np.random.RandomState(1).permutation(total)
    parts = np.split(order, [num_labeled, num_labeled + num_holdout])
    return OpenWorldSplit(
        labeled=np.sort(parts[0]),
        holdout=np.sort(parts[1]),
        unlabeled=np.sort(parts[2]),
        targets=np.zeros(total, dtype=np.int64),
        num_seen=1,
        num_classes=2,
        class_order=(0, 1),
    )


def stream(batches: PairedBatches, num_epochs: int) -> torch.Tensor:
    return torch.cat(
        [
            batches.unlabeled_indices(epoch, step)
            for epoch in range(num_epochs)
            for step in range(batches.num_steps)
        ]
    )


@pytest.mark.parametrize(
    ("num_labeled", "num_unlabeled", "for_cifar", "for_imagenet"),
    [
        (12_597, 37_403, (128, 384), (129, 383)),
        (2_597, 47_403, (26, 486), (27, 485)),
        (32_000, 96_545, (127, 385), (128, 384)),
        (25_000, 75_000, (128, 384), (128, 384)),
        (6_500, 122_045, (25, 487), (26, 486)),
    ],
)
def test_imagenet_rounds_the_unlabeled_part_down(
    num_labeled: int,
    num_unlabeled: int,
    for_cifar: tuple[int, int],
    for_imagenet: tuple[int, int],
) -> None:
    split = split_of(num_labeled, num_unlabeled)
    for dataset, expected in (("cifar100", for_cifar), ("imagenet100", for_imagenet)):
        part = data_set(dataset).rounded_down
        batches = PairedBatches(split, 512, 0, "cpu", part)
        assert (batches.num_labeled, batches.num_unlabeled) == expected
        assert batches.num_steps == num_labeled // expected[0]
        assert batch_rows(split, 512, part) == expected
        assert len(batches.unlabeled_indices(0, 3)) == expected[1]
    assert for_imagenet[1] == int(512 * num_unlabeled / (num_labeled + num_unlabeled))


def test_an_epoch_has_each_labeled_index_at_most_once() -> None:
    split = split_of(103, 200)
    batches = PairedBatches(split, 30, 4, "cpu")
    assert (batches.num_labeled, batches.num_steps) == (10, 10)
    orders = []
    for epoch in range(3):
        rows = torch.cat([batches.labeled_indices(epoch, step) for step in range(10)])
        assert rows.dtype == torch.int64
        assert len(rows) == len(set(rows.tolist())) == 100
        assert set(rows.tolist()) < set(split.labeled.tolist())
        orders.append(rows.tolist())
    assert orders[0] != orders[1] != orders[2]


def test_each_unlabeled_pass_covers_all_in_a_fresh_order() -> None:
    split = split_of(40, 101)
    batches = PairedBatches(split, 32, 9, "cpu")
    rows = stream(batches, 4)
    num_passes = len(rows) // 101
    assert num_passes >= 3
    passes = [rows[101 * p : 101 * (p + 1)].tolist() for p in range(num_passes)]
    for one in passes:
        assert sorted(one) == split.unlabeled.tolist()
    assert passes[0] != passes[1] != passes[2]


def test_a_batch_depends_on_seed_epoch_and_step_alone() -> None:
    split = split_of(60, 143)
    walked = PairedBatches(split, 40, 3, "cpu")
    steps = [(epoch, step) for epoch in range(5) for step in range(walked.num_steps)]
    seen = {
        at: (walked.labeled_indices(*at).tolist(), walked.unlabeled_indices(*at).tolist())
        for at in steps
    }
    for at in [steps[i] for i in np.random.RandomState(0).permutation(len(steps))]:
        for batches in (walked, PairedBatches(split, 40, 3, "cpu")):
            assert batches.unlabeled_indices(*at).tolist() == seen[at][1]
            assert batches.labeled_indices(*at).tolist() == seen[at][0]


def test_the_holdout_is_in_no_batch() -> None:
    split = split_of(30, 50, num_holdout=11)
    batches = PairedBatches(split, 16, 0, "cpu")
    assert batches.num_labeled == 6  # of 80 images, not of 91
    rows = set(stream(batches, 5).tolist())
    for epoch in range(5):
        for step in range(batches.num_steps):
            rows |= set(batches.labeled_indices(epoch, step).tolist())
    assert rows == set(split.labeled.tolist()) | set(split.unlabeled.tolist())


@pytest.mark.parametrize(
    ("num_labeled", "num_unlabeled", "batch_size"),
    [(4, 6, 11), (4, 6, 1), (0, 10, 4), (10, 0, 4)],
)
def test_no_batch_fits(num_labeled: int, num_unlabeled: int, batch_size: int) -> None:
    with pytest.raises(BadInputError, match=f"^batch_size: no batch of {batch_size} fits"):
        PairedBatches(split_of(num_labeled, num_unlabeled), batch_size, 0, "cpu")


def test_steps_outside_the_epoch_are_errors() -> None:
    batches = PairedBatches(split_of(20, 30), 10, 0, "cpu")
    for epoch, step in ((0, batches.num_steps), (0, -1), (-1, 0)):
        with pytest.raises(IndexError, match="an epoch has 5"):
            batches.labeled_indices(epoch, step)
        with pytest.raises(IndexError, match="an epoch has 5"):
            batches.unlabeled_indices(epoch, step)


@pytest.mark.gpu
def test_the_same_on_a_cuda_device() -> None:
    split = split_of(60, 143)
    host, device = (PairedBatches(split, 40, 3, where) for where in ("cpu", "cuda"))
    for epoch in range(3):
        for step in range(host.num_steps):
            on_device = device.unlabeled_indices(epoch, step)
            assert on_device.device.type == "cuda"
            assert torch.equal(on_device.cpu(), host.unlabeled_indices(epoch, step))
            assert torch.equal(
                device.labeled_indices(epoch, step).cpu(), host.labeled_indices(epoch, step)
            )
