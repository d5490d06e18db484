"""Which images, and which of them are labeled: the settings of this room. No torch."""

from __future__ import annotations

from dataclasses import dataclass

from lps_sweep.params import MAX_COUNT, MAX_SEED, param

FOLDS = "_folds"
"""What the names of sweeps end with in which seen classes play novel."""


@dataclass(frozen=True)
class DataConfig:
    """Which images."""

    dataset: str = param("cifar10", "name of the data set", source="Section 4.1")
    data_root: str = param("", "folder that holds the data set's files", location=True)
    image_size: int = param(
        256,
        "side in pixels of the stored images of imagenet100, a multiple of 32; views have 7/8 of "
        "it. No other data set has a choice",
        source="reference: 256, views of 224",
        low=32,
        high=1024,
    )


@dataclass(frozen=True)
class SplitConfig:
    """Which classes are seen and which of their images are labeled."""

    seen_classes: int | tuple[int, ...] = param(
        0,
        "number of seen classes, or their list; 0 for the first half",
        source="Section 4.1",
        low=0,
        high=MAX_COUNT,
    )
    novel_classes: int | float = param(
        0,
        "number of novel classes, the next in order, or up to 1.0 their share of those not seen; 0 "
        "for all. Images of other classes are dropped, but not from pre-training",
        source="Figure 6",
        low=0,
        high=MAX_COUNT,
    )
    labeled_ratio: float = param(
        0.5, "share of the seen classes' images that is labeled", low=0, open_low=True, high=1
    )
    labeled_holdout: float = param(
        0.0,
        "share of the labeled images kept out of training, to select without hidden labels",
        low=0,
        high=1,
        open_high=True,
    )
    split_seed: int = param(
        0, "seed of the split", source="reference: always 0", low=0, high=MAX_SEED
    )
    hidden_fold: str = param(
        "",
        "1/3: the first of three parts of the seen classes loses its labels and plays novel; "
        "empty: none does",
        source="Troisemaine et al. 2024",
        beside=FOLDS,
    )


def num_seen(seen: int | tuple[int, ...], num_classes: int) -> int:
    """Number of seen classes: `seen` is it, their list, or 0 for half of `num_classes`."""
    return (seen or num_classes // 2) if isinstance(seen, int) else len(seen)


def num_novel(novel: float, num_unseen: int) -> float:
    """Number of novel classes of `num_unseen` that are not seen.

    A `novel` that is no integer, up to 1.0, is their share, rounded to a number, of one at least;
    0 stands for all. What is given may be no whole number, or larger than fits.
    """
    if isinstance(novel, float) and 0 < novel <= 1:
        return max(1, round(novel * num_unseen))
    return novel or num_unseen
