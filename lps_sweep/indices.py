"""What a trial shows of itself without hidden labels: columns that rules of selection read.

Each is a number of the predictions for the unlabeled images, and higher is better. Those of
features are of a fixed subset of these images, by the directions of the features, as a cosine
head sees them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[Any]
    Ids = NDArray[Any]

COLUMNS: Mapping[str, str] = {
    "silhouette": "mean silhouette of the predicted groups by cosine distance, -1 to 1",
    "silhouette_novel": "the same of the images that are predicted novel",
    "davies_bouldin": "minus the Davies-Bouldin index of the predicted groups, at most 0",
    "calinski_harabasz": "Calinski-Harabasz index of the predicted groups",
    "kl_to_prior": "minus KL(shares of the predicted ids || uniform) in nats, at most 0",
    "balance": "images of the rarest of the K ids over the mean of the ids, 0 to 1",
    "confidence": "mean probability of the predicted id, 0 to 1",
    "view_agreement": "percent of the subset whose two weak views get the same class",
}
"""The columns by name, and what each is."""

OF_SUBSET = COLUMNS.keys() - {"kl_to_prior", "balance"}
"""Columns of the fixed subset; the others are of all unlabeled images."""

LAST_ONLY = frozenset({"view_agreement"})
"""Columns that only the last epoch has, since views cost what training costs."""

NO_GROUPS = -1000.0
"""Stands for minus the Davies-Bouldin index of a single group, which is infinite."""

_TINY = 1e-12
"""Sums of cosine distances below this are rounding."""


def subset(num_images: int, most: int) -> Ids:
    """Places (n,) of up to `most` of `num_images`, evenly spaced: the fixed subset."""
    import numpy as np

    return np.linspace(0, num_images - 1, min(most, num_images)).astype(np.int64)


def of_features(features: Floats, ids: Ids, num_seen: int | None) -> dict[str, float]:
    """The indices of the groups that `ids` (n,) make of `features` (n, d).

    With fewer than two groups the silhouette is -1 and Calinski-Harabasz 0, their least values;
    Davies-Bouldin has none, and is `NO_GROUPS`. Without features that are finite nothing is given.

    Args:
        features: Of the subset.
        ids: Predicted for it.
        num_seen: Ids from here are novel heads; None where ids are clusters, which are neither.
    """
    import numpy as np

    if not len(features) or not np.isfinite(features).all():
        return {}
    x = directions(features)
    found = _of_groups(x, ids)
    if num_seen is not None:
        novel = ids >= num_seen
        found["silhouette_novel"] = _at_worst(silhouette(x[novel], ids[novel]))
    return found


def of_ids(ids: Ids, num_ids: int) -> dict[str, float]:
    """Shares of all predicted `ids` (N,), of which there are `num_ids`; nothing of none."""
    import numpy as np

    if not len(ids):
        return {}
    shares = np.bincount(ids, minlength=num_ids) / len(ids)
    some = shares[shares > 0]
    kl = float((some * np.log(some * len(shares))).sum())
    return {"kl_to_prior": -max(kl, 0.0), "balance": float(shares.min() * len(shares))}


def directions(features: Floats) -> Floats:
    """Rows of unit length (n, d), float64; a row of zeros stays."""
    import numpy as np

    x = np.asarray(features, dtype=np.float64)
    length = np.linalg.norm(x, axis=1, keepdims=True)
    return np.asarray(x / np.where(length > 0, length, 1.0))


def silhouette(features: Floats, ids: Ids) -> float:
    """Mean silhouette of `ids` by cosine distance, -1 to 1; a group of one row counts 0.

    Rousseeuw, J. Comput. Appl. Math. 20 (1987). NaN below two groups. The distances to a group
    add up to its size less the product with its sum, so that no two rows need be compared.
    """
    import numpy as np

    x = directions(features)
    rows, sizes, sums = _grouped(x, ids)
    if len(sizes) < 2:
        return float("nan")
    totals = sizes - np.einsum("nd,kd->nk", x, sums)
    at, own = (np.arange(len(rows)), rows), sizes[rows]
    totals[at] -= 1.0 - np.einsum("nd,nd->n", x, x)
    totals[totals < _TINY] = 0.0
    within = totals[at] / np.maximum(own - 1, 1)
    totals[at] = np.inf
    between = (totals / sizes).min(1)
    largest = np.maximum(within, between)
    kept = (own > 1) & (largest > 0)
    return float(np.where(kept, (between - within) / np.where(kept, largest, 1), 0).mean())


def _grouped(x: Floats, ids: Ids) -> tuple[Ids, Ids, Floats]:
    """The group of each row of `x`, and size and sum of each group.

    Without a product of matrices, whose threads would cost more than the work.
    """
    import numpy as np

    _, rows, sizes = np.unique(ids, return_inverse=True, return_counts=True)
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64)
    sums = np.add.reduceat(x[np.argsort(rows, kind="stable")], starts) if len(x) else x
    return rows, sizes, sums


def _at_worst(value: float) -> float:
    return -1.0 if value != value else value


def _of_groups(x: Floats, ids: Ids) -> dict[str, float]:
    """The three indices of all predictions; the last two as scikit-learn has them."""
    import numpy as np

    rows, sizes, sums = _grouped(x, ids)
    k, n = len(sizes), len(rows)
    found = {
        "silhouette": _at_worst(silhouette(x, ids)),
        "davies_bouldin": NO_GROUPS,
        "calinski_harabasz": 0.0,
    }
    if not 2 <= k < n:
        return found
    centres = sums / sizes[:, None]
    squares = ((x - centres[rows]) ** 2).sum(1)
    within = float(squares.sum())
    between = float((sizes * ((centres - x.mean(0)) ** 2).sum(1)).sum())
    spread = np.bincount(rows, np.sqrt(squares)) / sizes
    apart = np.sqrt(((centres[:, None] - centres[None]) ** 2).sum(2))
    pairs = (spread[:, None] + spread[None]) / np.where(apart > 0, apart, np.inf)
    found["davies_bouldin"] = -float(pairs.max(1).mean())
    found["calinski_harabasz"] = between * (n - k) / (within * (k - 1)) if within else 1.0
    return found
