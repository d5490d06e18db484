"""What the pre-trained trunk of a sweep makes of its images, and the labels that are known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lps_sweep.config import Config, trunk_recipe
from lps_sweep.data import load, make_split
from lps_sweep.errors import MissingInputError
from lps_sweep.sweep.content import content_of
from lps_sweep.sweep.store import store_of
from lps_sweep.sweep.trunks import trunk_file

MOST_IMAGES = 5_000
"""Images looked at, evenly spaced: k-means of more takes minutes for each number of clusters."""


def trunk_of(config: Config) -> tuple[str, str]:
    """What configurations with the same trunk, images and split have in common: their hashes.

    Raises:
        MissingInputError: The data set or the file of weights is missing or damaged.
    """
    content = content_of(config)
    return trunk_recipe(config, data=content.data, weights=content.weights), content.split


def trunk_features(
    config: Config, results: Path, unknown: int
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Directions (n, d) of the features of labeled and unlabeled images, and the labels (n,).

    The label of an unlabeled image is `unknown`: its true one is not read.

    Raises:
        MissingInputError: The images, or the trunk in `results`, are missing or damaged.
    """
    import torch

    from lps_sweep.train import load_state
    from lps_sweep.train.quality import trained_features

    trunk, _ = trunk_of(config)
    store = store_of(results)
    file = (there := trunk_file(store, trunk)) and store.get(there)
    if file is None:
        raise MissingInputError(
            f"{store.place}/checkpoints/trunks/{trunk}.pt is missing or damaged; "
            "`lps-sweep pretrain` with the same settings makes it again"
        )
    images = load(config.data)
    split = make_split(images.labels, images.num_classes, config.split)
    known = np.sort(np.concatenate([split.labeled, split.holdout]))
    labels = np.full(len(images.labels), unknown, dtype=np.int64)
    labels[known] = split.targets[known]
    rows = np.sort(np.concatenate([known, split.unlabeled]))
    chosen = rows[np.linspace(0, len(rows) - 1, min(MOST_IMAGES, len(rows))).astype(np.int64)]
    device = torch.device("cpu")
    weights = load_state(file, device)
    return trained_features(weights, config, images.images[chosen], device), labels[chosen]
