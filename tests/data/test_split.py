from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from lps_sweep.config import SplitConfig
from lps_sweep.data import OpenWorldSplit, make_split, split_fingerprint
from lps_sweep.errors import BadInputError


def shuffled_labels(num_images: int, num_classes: int, seed: int = 5) -> NDArray[np.int64]:
    labels = np.arange(num_images, dtype=np.int64) % num_classes
    return np.random.RandomState(seed).permutation(labels)


def reference_labeled(
    labels: NDArray[np.int64], seen: set[int], ratio: float, seed: int
) -> list[int]:
    """The walk of the reference code, one image after the other."""
    np.random.seed(seed)
    return [i for i, label in enumerate(labels) if int(label) in seen and np.random.rand() < ratio]


@pytest.mark.parametrize("num_classes", [10, 100])
@pytest.mark.parametrize("order_seed", [5, 6])
def test_counts_for_50000_images(num_classes: int, order_seed: int) -> None:
    labels = shuffled_labels(50_000, num_classes, order_seed)
    half = make_split(labels, num_classes, SplitConfig(labeled_ratio=0.5))
    tenth = make_split(labels, num_classes, SplitConfig(labeled_ratio=0.1))
    assert (len(half.labeled), len(half.unlabeled)) == (12_597, 37_403)
    assert (len(tenth.labeled), len(tenth.unlabeled)) == (2_597, 47_403)
    assert set(tenth.labeled.tolist()) < set(half.labeled.tolist())


@pytest.mark.parametrize("ratio", [0.1, 0.5, 1.0])
@pytest.mark.parametrize("seed", [0, 7])
def test_equals_the_reference_walk(ratio: float, seed: int) -> None:
    labels = shuffled_labels(900, 7)
    split = make_split(
        labels, 7, SplitConfig(seen_classes=(6, 1, 3), labeled_ratio=ratio, split_seed=seed)
    )
    assert split.labeled.tolist() == reference_labeled(labels, {1, 3, 6}, ratio, seed)


def assert_partition(split: OpenWorldSplit, labels: NDArray[np.int64]) -> None:
    parts = (split.labeled, split.holdout, split.unlabeled)
    for part in parts:
        assert part.dtype == np.int64
        assert np.all(np.diff(part) > 0)
    assert np.array_equal(np.sort(np.concatenate(parts)), np.arange(len(labels)))
    assert np.all(split.targets[split.labeled] < split.num_seen)
    assert np.array_equal(np.array(split.class_order)[split.targets], labels)
    assert sorted(split.class_order) == list(range(split.num_classes))


@pytest.mark.parametrize(
    ("seen", "order", "num_seen"),
    [
        (0, (0, 1, 2, 3, 4, 5, 6), 3),
        (5, (0, 1, 2, 3, 4, 5, 6), 5),
        ((4, 0), (4, 0, 1, 2, 3, 5, 6), 2),
        ((6, 5, 4, 3, 2, 1), (6, 5, 4, 3, 2, 1, 0), 6),
    ],
)
def test_seen_classes_come_first_in_the_order_given(
    seen: int | tuple[int, ...], order: tuple[int, ...], num_seen: int
) -> None:
    labels = shuffled_labels(700, 7)
    split = make_split(labels, 7, SplitConfig(seen_classes=seen, labeled_holdout=0.2))
    assert split.class_order == order
    assert (split.num_seen, split.num_classes) == (num_seen, 7)
    assert_partition(split, labels)


def test_holdout_leaves_the_stream_untouched() -> None:
    labels = shuffled_labels(5_000, 10)
    without = make_split(labels, 10, SplitConfig())
    held = make_split(labels, 10, SplitConfig(labeled_holdout=0.2))
    assert len(without.holdout) == 0
    assert np.array_equal(held.unlabeled, without.unlabeled)
    assert np.array_equal(np.union1d(held.labeled, held.holdout), without.labeled)
    assert len(held.holdout) == round(0.2 * len(without.labeled))
    assert_partition(held, labels)


@pytest.mark.parametrize(
    ("split", "where"),
    [
        (SplitConfig(seen_classes=4), "seen_classes"),
        (SplitConfig(seen_classes=10**12), "seen_classes"),
        (SplitConfig(seen_classes=()), "seen_classes"),
        (SplitConfig(seen_classes=(0, 1, 2, 3)), "seen_classes"),
        (SplitConfig(seen_classes=(0, 4)), "seen_classes"),
        (SplitConfig(seen_classes=(-1,)), "seen_classes"),
        (SplitConfig(labeled_ratio=1e-9), "labeled_ratio"),
        (SplitConfig(labeled_ratio=1e-9, labeled_holdout=0.5), "labeled_ratio"),
        (SplitConfig(labeled_holdout=1e-9), "labeled_holdout"),
        (SplitConfig(labeled_holdout=0.999), "labeled_holdout"),
    ],
)
def test_what_does_not_fit_is_refused(split: SplitConfig, where: str) -> None:
    with pytest.raises(BadInputError, match=f"^{where}: ") as caught:
        make_split(shuffled_labels(400, 4), 4, split)
    assert caught.value.where == where


def test_fingerprint_covers_every_field() -> None:
    labels = np.array([0, 1, 2, 0, 1, 2, 0, 1, 2], dtype=np.int64)
    base = OpenWorldSplit(
        labeled=np.array([0, 3]),
        holdout=np.array([6]),
        unlabeled=np.array([1, 2, 4, 5, 7, 8]),
        targets=labels,
        num_seen=1,
        num_classes=3,
        class_order=(0, 1, 2),
    )
    changed: list[dict[str, Any]] = [
        {"labeled": np.array([0, 6])},
        {"holdout": np.array([3])},
        {"unlabeled": np.array([1, 2, 4, 5, 7])},
        {"targets": labels[::-1].copy()},
        {"num_seen": 2},
        {"num_classes": 4},
        {"class_order": (0, 2, 1)},
        # the same numbers, cut at another place
        {"labeled": np.array([0]), "holdout": np.array([3, 6])},
    ]
    prints = {split_fingerprint(OpenWorldSplit(**{**vars(base), **change})) for change in changed}
    prints.add(split_fingerprint(base))
    assert len(prints) == len(changed) + 1
    assert all(len(p) == len(hashlib.sha256().hexdigest()) for p in prints)


def test_fingerprint_is_pinned() -> None:
    split = make_split(shuffled_labels(1_000, 10), 10, SplitConfig(labeled_holdout=0.1))
    assert split_fingerprint(split)[:16] == "3300059c7ea78855"
