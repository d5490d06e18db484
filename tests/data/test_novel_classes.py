"""Fewer novel classes than the data set has, and a number of classes that is only assumed."""

from __future__ import annotations

import numpy as np
import pytest

from lps_sweep.config import SplitConfig
from lps_sweep.data import (
    OpenWorldSplit,
    classes_of_head,
    make_split,
    split_fingerprint,
)
from lps_sweep.data.split import DROPPED
from lps_sweep.errors import BadInputError
from tests.data.test_split import shuffled_labels

LABELS = shuffled_labels(900, 9)


def split_with(
    novel: float, seen: int | tuple[int, ...] = 4, holdout: float = 0.0
) -> OpenWorldSplit:
    settings = SplitConfig(seen_classes=seen, novel_classes=novel, labeled_holdout=holdout)
    return make_split(LABELS, 9, settings)


@pytest.mark.parametrize(
    ("seen", "novel", "order"),
    [(4, 1, (0, 1, 2, 3, 4)), (4, 3, (0, 1, 2, 3, 4, 5, 6)), ((7, 0), 2, (7, 0, 1, 2))],
)
def test_the_next_classes_in_order_are_novel_and_the_rest_is_dropped(
    seen: int | tuple[int, ...], novel: int, order: tuple[int, ...]
) -> None:
    split = split_with(novel, seen)
    assert split.class_order == order
    assert split.num_classes == split.num_seen + novel == len(order)
    kept = np.sort(np.concatenate((split.labeled, split.holdout, split.unlabeled)))
    assert np.array_equal(kept, np.flatnonzero(np.isin(LABELS, order)))
    assert np.array_equal(np.array(order)[split.targets[kept]], LABELS[kept])
    dropped = np.setdiff1d(np.arange(len(LABELS)), kept)
    assert len(dropped) == 100 * (9 - len(order))
    assert np.all(split.targets[dropped] == DROPPED)


@pytest.mark.parametrize("holdout", [0.0, 0.2])
def test_what_is_labeled_does_not_depend_on_the_novel_classes(holdout: float) -> None:
    splits = [split_with(novel, holdout=holdout) for novel in (1, 3, 0)]
    for split in splits[:2]:
        assert np.array_equal(split.labeled, splits[2].labeled)
        assert np.array_equal(split.holdout, splits[2].holdout)
        assert set(split.unlabeled) < set(splits[2].unlabeled)
    assert len({split_fingerprint(split) for split in splits}) == 3


@pytest.mark.parametrize(
    ("share", "count"), [(0.01, 1), (0.2, 1), (0.4, 2), (0.6, 3), (0.8, 4), (0.99, 5), (0.0, 5)]
)
def test_a_share_stands_for_a_number(share: float, count: int) -> None:
    assert split_fingerprint(split_with(share)) == split_fingerprint(split_with(count))


@pytest.mark.parametrize(("seen", "novel"), [(4, 6), ((1, 2), 8), (0, 6), (4, 1.5), (4, 4.999)])
def test_more_than_there_are_is_refused(seen: int | tuple[int, ...], novel: float) -> None:
    with pytest.raises(BadInputError, match="of 9 classes") as caught:
        split_with(novel, seen)
    assert caught.value.where == "novel_classes"


def test_the_head_has_the_true_number_of_classes_or_the_one_assumed() -> None:
    split = split_with(3)
    most = len(split.unlabeled)
    assert [classes_of_head(split, n) for n in (0, 4, 7, 40, most)] == [7, 4, 7, 40, most]


@pytest.mark.parametrize("assumed", [1, 3, 10_000])
def test_fewer_classes_than_seen_or_more_than_images_are_refused(assumed: int) -> None:
    with pytest.raises(BadInputError, match=f"^assumed_classes: {assumed} classes") as caught:
        classes_of_head(split_with(3), assumed)
    assert caught.value.where == "assumed_classes"
