from __future__ import annotations

import dataclasses
import hashlib
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from lps_sweep.config import SplitConfig
from lps_sweep.data import (
    OpenWorldSplit,
    classes_of_head,
    load_split,
    make_split,
    save_split,
    split_fingerprint,
)
from lps_sweep.data.split import DROPPED
from lps_sweep.errors import BadInputError, StorageError


def shuffled_labels(num_images: int, num_classes: int) -> NDArray[np.int64]:
    labels = np.arange(num_images, dtype=np.int64) % num_classes
    return np.random.RandomState(5).permutation(labels)


def reference_labeled(
    labels: NDArray[np.int64], seen: set[int], ratio: float, seed: int
) -> list[int]:
    """The walk of the reference code, one image after the other."""
    np.random.seed(seed)
    return [i for i, label in enumerate(labels) if int(label) in seen and np.random.rand() < ratio]


@pytest.mark.parametrize("num_classes", [10, 100])
def test_counts_for_50000_images(num_classes: int) -> None:
    labels = shuffled_labels(50_000, num_classes)
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
        {"fold": np.array([1])},
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


LABELS = shuffled_labels(900, 9)


@pytest.mark.parametrize("holdout", [0.0, 0.2])
@pytest.mark.parametrize("folds", [2, 3, 5])
def test_each_seen_class_plays_novel_in_one_fold(
    folds: int, holdout: float, tmp_path: Path
) -> None:
    given = SplitConfig(seen_classes=(4, 0, 8, 2, 6), split_seed=3, labeled_holdout=holdout)
    whole = make_split(LABELS, 9, given)
    known = np.union1d(whole.labeled, whole.holdout)
    hidden: list[int] = []
    for number in range(1, folds + 1):
        config = dataclasses.replace(given, hidden_fold=f"{number}/{folds}")
        split = make_split(LABELS, 9, config)
        classes = split.class_order[split.num_seen : 5]
        hidden += classes
        assert split.class_order[: split.num_seen] == tuple(
            c for c in whole.class_order[:5] if c not in classes
        )
        assert split.class_order[5:] == whole.class_order[5:]
        assert_partition(split, LABELS)
        assert set(LABELS[split.fold]) == set(classes)
        assert np.array_equal(split.fold, known[np.isin(LABELS[known], classes)])
        assert np.array_equal(split.unlabeled, np.union1d(whole.unlabeled, split.fold))
        assert set(split.labeled) | set(split.holdout) == set(known) - set(split.fold)
        save_split(split, tmp_path / "split.npz")
        again = load_split(tmp_path / "split.npz")
        assert np.array_equal(again.fold, split.fold)
        assert split_fingerprint(again) == split_fingerprint(split) != split_fingerprint(whole)
    assert sorted(hidden) == [0, 2, 4, 6, 8]
    others = [
        make_split(LABELS, 9, dataclasses.replace(given, hidden_fold=f"1/{folds}", split_seed=s))
        for s in range(9)
    ]
    assert len({split.class_order for split in others}) > 1, (
        "which ones, the seed of the split says"
    )


@pytest.mark.parametrize("fold", ["0/2", "3/2", "1/1", "1/5", "1", "one/2", "1/2/3"])
def test_what_is_no_fold_is_refused(fold: str) -> None:
    with pytest.raises(BadInputError, match=r"^hidden_fold: .* 4 seen classes"):
        make_split(LABELS, 9, SplitConfig(hidden_fold=fold))


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


@pytest.fixture
def split() -> OpenWorldSplit:
    labels = np.arange(200, dtype=np.int64) % 5
    settings = SplitConfig(seen_classes=(3, 1), novel_classes=2, labeled_holdout=0.2)
    return make_split(labels, 5, settings)


@pytest.fixture
def arrays(split: OpenWorldSplit, tmp_path: Path) -> dict[str, NDArray[np.generic]]:
    """What the file of `split` holds."""
    save_split(split, tmp_path / "split.npz")
    with np.load(tmp_path / "split.npz") as stored:
        return dict(stored)


def test_comes_back_whole(split: OpenWorldSplit, tmp_path: Path) -> None:
    path = tmp_path / "split.npz"
    path.write_bytes(b"older")
    save_split(split, path)
    loaded = load_split(path)
    assert split_fingerprint(loaded) == split_fingerprint(split)
    for name, value in vars(split).items():
        assert np.array_equal(getattr(loaded, name), value), name
    assert isinstance(loaded.class_order, tuple)
    assert [file.name for file in tmp_path.iterdir()] == ["split.npz"]


def test_damage_is_noticed(tmp_path: Path, arrays: dict[str, NDArray[np.generic]]) -> None:
    path = tmp_path / "split.npz"
    whole = path.read_bytes()
    labeled = arrays["labeled"]
    damaged = [
        {name: array for name, array in arrays.items() if name != "holdout"},
        {**arrays, "targets": arrays["targets"].astype(np.float64)},
        {**arrays, "labeled": labeled[None]},
        {**arrays, "labeled": np.concatenate((labeled[1:], labeled[:1]))},
        {**arrays, "labeled": np.array([{"a": 1}], dtype=object)},
    ]
    for content in damaged:
        np.savez(path, **content)  # type: ignore[arg-type]
        with pytest.raises(StorageError, match=r"split\.npz"):
            load_split(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("labeled.npy", b"no array")
    with pytest.raises(StorageError, match=r"split\.npz"):
        load_split(path)
    for share in (0.0, 0.3, 0.9, 0.999):
        path.write_bytes(whole[: int(share * len(whole))])
        with pytest.raises(StorageError, match=r"split\.npz"):
            load_split(path)
    with pytest.raises(StorageError, match="none"):
        load_split(tmp_path / "none.npz")
