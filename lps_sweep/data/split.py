"""The open-world split: which classes are seen, and which of their images are labeled."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from lps_sweep.data.config import SplitConfig, num_novel, num_seen
from lps_sweep.errors import BadInputError

HOLDOUT_STREAM = 1
"""Second word of the seed of the generator that draws the holdout."""

FOLD_STREAM = 2
"""The same of the one that shuffles the seen classes before they are cut into folds."""

DROPPED = -1
"""Target of an image whose class is neither seen nor novel."""

NO_IMAGES = np.empty(0, dtype=np.int64)


@dataclass(frozen=True)
class OpenWorldSplit:
    """A division of the N training images: each is in one of three sets, or dropped.

    Attributes:
        labeled: Indices of images trained on with their label, ascending, int64.
        holdout: Indices of labeled images that training never sees, ascending, int64.
        unlabeled: Indices of all other images of seen and novel classes, ascending, int64.
        targets: Class ids (N,), int64, renumbered: 0..num_seen-1 are the seen classes in the
            order given, then come the novel ones; `DROPPED` for an image of no such class.
        num_seen: Number of seen classes.
        num_classes: Number of seen and novel classes.
        class_order: The data set's own class id for each renumbered one.
        fold: Indices of the unlabeled images whose labels the user has, ascending, int64: those
            of seen classes that play novel. Empty where no class does.
    """

    labeled: NDArray[np.int64]
    holdout: NDArray[np.int64]
    unlabeled: NDArray[np.int64]
    targets: NDArray[np.int64]
    num_seen: int
    num_classes: int
    class_order: tuple[int, ...]
    fold: NDArray[np.int64] = field(default_factory=NO_IMAGES.copy)


def make_split(labels: NDArray[np.int64], num_classes: int, split: SplitConfig) -> OpenWorldSplit:
    """The split of the reference code: one uniform number per image of a seen class.

    The numbers come from ``np.random.RandomState(split_seed)`` in training order, and an image is
    labeled if its number is below `labeled_ratio`. Counts are therefore random but fixed by the
    seed, and a smaller ratio labels a subset of what a larger one labels. The holdout is drawn
    afterwards by a generator of its own: the given share of all labeled images, rounded to a
    whole number of them, regardless of their class. A `labeled_ratio` of 1 leaves no unlabeled
    image of a seen class, and so no seen accuracy. The novel classes are the first
    `novel_classes` of those that are not seen, in class order (a share is rounded to a number, of
    one at least); how many there are changes nothing of what is labeled.

    With a `hidden_fold` the same images are labeled, and then a part of the seen classes, drawn
    by a generator of `split_seed`, loses its labels and becomes the first novel ones. All of its
    images are unlabeled then, and `fold` are those whose labels are known: what they are predicted
    as can be scored without a hidden label. The truly novel classes stay as they are, as the task
    has them: neither the images nor the number of classes changes.

    Args:
        labels: Class ids (N,) in the data set's own numbering and training order.
        num_classes: Number of classes of the data set.
        split: The settings.

    Raises:
        BadInputError: The seen or novel classes do not fit the data set, a seen class is left
            without a labeled image, the holdout has no image, or there is no such fold.
    """
    given = _seen_classes(split.seen_classes, num_classes)
    hidden = _hidden_classes(split, given)
    seen = (*(c for c in given if c not in hidden), *hidden)
    class_order = (*seen, *_novel_classes(split.novel_classes, seen, num_classes))
    num_left = len(seen) - len(hidden)
    new_id = np.full(num_classes, DROPPED, dtype=np.int64)
    new_id[list(class_order)] = np.arange(len(class_order))
    targets = new_id[labels]

    of_seen_class = np.flatnonzero((targets >= 0) & (targets < len(seen)))
    numbers = np.random.RandomState(split.split_seed).random_sample(len(of_seen_class))
    chosen = of_seen_class[numbers < split.labeled_ratio]
    _refuse_unlabeled_class(targets[chosen], seen, "labeled_ratio")
    labeled, holdout = _hold_out(chosen, split)
    _refuse_unlabeled_class(targets[labeled], seen, "labeled_holdout")
    labeled, holdout = (rows[targets[rows] < num_left] for rows in (labeled, holdout))
    known = np.concatenate([labeled, holdout])
    return OpenWorldSplit(
        labeled=labeled,
        holdout=holdout,
        unlabeled=np.setdiff1d(np.flatnonzero(targets >= 0), known, assume_unique=True),
        targets=targets,
        num_seen=num_left,
        num_classes=len(class_order),
        class_order=class_order,
        fold=chosen[targets[chosen] >= num_left],
    )


def classes_of_head(split: OpenWorldSplit, assumed: int) -> int:
    """K, the number of classes that a head or k-means tells apart.

    Args:
        split: Has the true number, which 0 stands for.
        assumed: The number that is assumed instead.

    Raises:
        BadInputError: There are more seen classes, or fewer unlabeled images.
    """
    if assumed and not split.num_seen <= assumed <= len(split.unlabeled):
        raise BadInputError(
            f"{assumed} classes do not fit {split.num_seen} seen classes and "
            f"{len(split.unlabeled)} unlabeled images; the number assumed counts the seen classes, "
            "and no class without an image",
            where="assumed_classes",
        )
    return assumed or split.num_classes


def batch_rows(
    split: OpenWorldSplit,
    batch_size: int,
    rounded_down: str = "labeled",
    labeled_share: float = 0.0,
) -> tuple[int, int]:
    """Labeled and unlabeled rows of a batch, in the shares they have in training.

    Args:
        split: Which images are labeled and unlabeled.
        batch_size: Rows of a batch.
        rounded_down: The part with int(batch_size * share) rows, at least one; the other has the
            rest. The reference's rule: ``labeled`` for CIFAR, ``unlabeled`` for ImageNet.
        labeled_share: Share of labeled rows, if it is not that of training.

    Raises:
        BadInputError: No batch of this size can be made from the split.
        ValueError: `rounded_down` is neither part.
    """
    if rounded_down not in ("labeled", "unlabeled"):
        raise ValueError(f"rounded_down must be labeled or unlabeled, not {rounded_down!r}")
    total = len(split.labeled) + len(split.unlabeled)
    if len(split.labeled) == 0 or len(split.unlabeled) == 0 or not 2 <= batch_size <= total:
        raise BadInputError(
            f"no batch of {batch_size} fits {len(split.labeled)} labeled and "
            f"{len(split.unlabeled)} unlabeled images; a batch has at least one of each and "
            "no more rows than there are images",
            where="batch_size",
        )
    if labeled_share:
        num_labeled = min(max(1, round(batch_size * labeled_share)), batch_size - 1)
        return _fitting(split, num_labeled, batch_size - num_labeled)
    if rounded_down == "unlabeled":
        num_unlabeled = max(1, batch_size * len(split.unlabeled) // total)
        return batch_size - num_unlabeled, num_unlabeled
    num_labeled = max(1, batch_size * len(split.labeled) // total)
    return num_labeled, batch_size - num_labeled


def _fitting(split: OpenWorldSplit, num_labeled: int, num_unlabeled: int) -> tuple[int, int]:
    """The rows, if there are as many images of each kind."""
    if num_labeled > len(split.labeled) or num_unlabeled > len(split.unlabeled):
        raise BadInputError(
            f"no batch of {num_labeled} labeled and {num_unlabeled} unlabeled rows fits "
            f"{len(split.labeled)} labeled and {len(split.unlabeled)} unlabeled images",
            where="batch_size",
        )
    return num_labeled, num_unlabeled


def split_fingerprint(split: OpenWorldSplit) -> str:
    """SHA-256 (hex) of all that `split` says; a fold is no part of it where there is none."""
    arrays = [split.labeled, split.holdout, split.unlabeled, split.targets]
    arrays += [split.fold] if len(split.fold) else []
    numbers = (split.num_seen, split.num_classes, split.class_order, [len(a) for a in arrays])
    digest = hashlib.sha256(f"{numbers}\n".encode())
    for array in arrays:
        digest.update(np.ascontiguousarray(array, dtype="<i8").data)
    return digest.hexdigest()


def _seen_classes(seen: int | tuple[int, ...], num_classes: int) -> tuple[int, ...]:
    """The seen classes in order: 0 is the first half, a count the first n, a tuple these."""
    count = num_seen(seen, num_classes)
    if not 0 < count < num_classes:
        raise BadInputError(
            f"{count} of {num_classes} classes are seen; at least one must be seen and one novel",
            where="seen_classes",
        )
    classes = tuple(range(count)) if isinstance(seen, int) else seen
    if any(not 0 <= c < num_classes for c in classes):
        raise BadInputError(
            f"{classes} does not fit: classes are 0..{num_classes - 1}", where="seen_classes"
        )
    return classes


def _hidden_classes(split: SplitConfig, seen: tuple[int, ...]) -> tuple[int, ...]:
    """Those of `seen` that play novel, in its order; 2/3 names the second of three parts."""
    if not split.hidden_fold:
        return ()
    found = re.fullmatch(r"(\d{1,6})/(\d{1,6})", split.hidden_fold, re.ASCII)
    number, folds = map(int, found.groups()) if found else (0, 0)
    if not 0 < number <= folds or not 1 < folds <= len(seen):
        raise BadInputError(
            f"{split.hidden_fold!r} is no fold of {len(seen)} seen classes: from 2 folds to one "
            "for each class",
            where="hidden_fold",
        )
    order = np.random.RandomState([split.split_seed, FOLD_STREAM]).permutation(len(seen))
    return tuple(seen[place] for place in sorted(order[number - 1 :: folds]))


def _novel_classes(novel: float, seen: tuple[int, ...], num_classes: int) -> tuple[int, ...]:
    """The first so many classes, or this share of them, that are not seen; 0 for all of them."""
    others = [c for c in range(num_classes) if c not in seen]
    count = num_novel(novel, len(others))
    if not 0 <= count <= len(others) or count != int(count):
        raise BadInputError(
            f"must be a number of the {len(others)} of {num_classes} classes that are not seen, or "
            f"their share, up to 1.0; not {novel:g}",
            where="novel_classes",
        )
    return tuple(others[: int(count)])


def _hold_out(
    chosen: NDArray[np.int64], split: SplitConfig
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Divides `chosen` into labeled and holdout, both ascending."""
    if split.labeled_holdout == 0:
        return chosen, chosen[:0]
    num_held = round(split.labeled_holdout * len(chosen))
    if num_held == 0:
        raise BadInputError(
            f"{split.labeled_holdout:g} of {len(chosen)} labeled images is no image",
            where="labeled_holdout",
        )
    order = np.random.RandomState([split.split_seed, HOLDOUT_STREAM]).permutation(len(chosen))
    return np.sort(chosen[order[num_held:]]), np.sort(chosen[order[:num_held]])


def _refuse_unlabeled_class(
    labeled_targets: NDArray[np.int64], seen: tuple[int, ...], where: str
) -> None:
    counts = np.bincount(labeled_targets, minlength=len(seen))
    if counts.min() == 0:
        raise BadInputError(
            f"seen class {seen[int(counts.argmin())]} is left without a labeled image to train "
            "on; a larger labeled_ratio, a smaller labeled_holdout or another split_seed may help",
            where=where,
        )
