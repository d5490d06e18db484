"""Accuracies by four published protocols, in percent, and NMI of the novel samples.

The protocols differ in where predicted ids are matched to classes by the Hungarian algorithm. S is
the number of seen classes; ids below S are seen heads.

| protocol | seen | novel | all |
|---|---|---|---|
| orca | the id itself, over all ids | matching on the novel samples over all ids, so that a novel class absorbed by a seen head still scores | matching on all samples |
| subset | matching on the seen samples | matching on the novel samples | matching on all samples |
| v2 | one matching on all samples | the same matching | the same: the weighted mean of the two |
| strict | the id itself | a seen id is an error; matching of the ids from S with the novel classes | the two put together |

The number of ids need not be that of the classes: a matching leaves ids or classes over, and their
samples are errors.

Ids that are clusters (`aligned=False`) have no classes of their own. There orca's seen accuracy
is that of subset; strict and `novel_to_seen_share` first name each cluster after its class in the
matching on all samples (a cluster that it leaves over is no seen head) and then go on as above.
"""  # noqa: E501

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

Ids = NDArray[np.integer]


def accuracies(
    targets: Ids, predictions: Ids, num_seen: int, num_classes: int, aligned: bool = True
) -> dict[str, float]:
    """Every accuracy of the table above in percent, NMI and where the novel samples went.

    Names: `acc_seen`, `acc_novel`, `acc_all` for orca; the same with `_subset`, `_v2` and
    `_strict`; `acc_gap`, orca's seen less novel, in points; `nmi_novel`, percent;
    `novel_to_seen_share`, percent of the novel samples that are sent to a seen head.

    What has no samples has no accuracy: with no seen sample the `acc_seen*` and `acc_gap` are
    left out, with no novel sample `acc_novel*`, `nmi_novel`, `novel_to_seen_share` and
    `acc_gap`, and with neither everything. No value is ever NaN.

    Args:
        targets: (N,) class ids from 0 to num_classes - 1, seen classes first.
        predictions: (N,) ids from 0, of any number.
        num_seen: S.
        num_classes: Number of classes that the targets have; K may be another.
        aligned: Whether predicted ids are class ids; otherwise they are clusters.

    Raises:
        ValueError: The arrays do not match, or an id is out of range.
    """
    targets, predictions = np.asarray(targets), np.asarray(predictions)
    _check(targets, predictions, num_seen, num_classes)
    table, ids = contingency(targets, predictions, num_classes)
    num_of = _per_part(table.sum(0), num_seen)
    global_match = match(table)
    classes = ids if aligned else np.where(global_match < 0, num_classes, global_match)
    hits = {
        "": _orca(table, classes, num_seen, aligned),
        "_subset": _subset(table, num_seen),
        "_v2": _per_part(_own(table, global_match), num_seen),
        "_strict": _strict(table, classes, num_seen),
    }
    found = {
        f"acc_{part}{protocol}": 100.0 * hit / num_of[part]
        for protocol, parts in hits.items()
        for part, hit in parts.items()
        if num_of[part]
    }
    if num_of["novel"]:
        novel = table[:, num_seen:]
        to_seen = int(novel[classes < num_seen].sum())
        found["novel_to_seen_share"] = 100.0 * to_seen / num_of["novel"]
        found["nmi_novel"] = 100.0 * nmi(novel)
        if num_of["seen"]:
            found["acc_gap"] = found["acc_seen"] - found["acc_novel"]
    return found


def contingency(
    targets: Ids, predictions: Ids, num_classes: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Counts of (predicted id, class), (P, K), and the P predicted ids that occur, ascending."""
    ids, rows = np.unique(predictions, return_inverse=True)
    flat = np.bincount(rows * num_classes + targets, minlength=len(ids) * num_classes)
    return flat.reshape(len(ids), num_classes).astype(np.int64), ids.astype(np.int64)


def match(table: NDArray[np.int64]) -> NDArray[np.int64]:
    """The class of each row in the one-to-one matching of most samples; -1 for a row left over."""
    matched = np.full(table.shape[0], -1, dtype=np.int64)
    rows, columns = linear_sum_assignment(table, maximize=True)
    matched[rows] = columns
    return matched


def nmi(table: NDArray[np.int64]) -> float:
    """Normalised mutual information of the rows and columns of counts, 0 to 1.

    Divided by the arithmetic mean of the two entropies, as scikit-learn does; 1 where both sides
    are one group.
    """
    joint = table / table.sum()
    rows, columns = joint.sum(1), joint.sum(0)
    entropy = (_entropy(rows) + _entropy(columns)) / 2
    if entropy == 0:
        return 1.0
    mutual = _entropy(rows) + _entropy(columns) - _entropy(joint)
    return float(min(max(mutual / entropy, 0.0), 1.0))


def _entropy(shares: NDArray[np.float64]) -> float:
    some = shares[shares > 0]
    return float(-(some * np.log(some)).sum())


def _per_part(per_class: NDArray[np.int64], num_seen: int) -> dict[str, int]:
    """Sums over the seen, the novel and all classes."""
    seen, novel = int(per_class[:num_seen].sum()), int(per_class[num_seen:].sum())
    return {"seen": seen, "novel": novel, "all": seen + novel}


def _own(table: NDArray[np.int64], classes: NDArray[np.int64]) -> NDArray[np.int64]:
    """(K,), samples of each class in the rows of that class; rows of no class have none."""
    own = np.zeros(table.shape[1], dtype=np.int64)
    rows = np.flatnonzero((classes >= 0) & (classes < table.shape[1]))
    np.add.at(own, classes[rows], table[rows, classes[rows]])
    return own


def _matched(table: NDArray[np.int64]) -> int:
    return int(_own(table, match(table)).sum())


def _orca(
    table: NDArray[np.int64], classes: NDArray[np.int64], num_seen: int, aligned: bool
) -> dict[str, int]:
    hits = _subset(table, num_seen)
    if aligned:
        hits["seen"] = int(_own(table, classes)[:num_seen].sum())
    return hits


def _subset(table: NDArray[np.int64], num_seen: int) -> dict[str, int]:
    return {
        "seen": _matched(table[:, :num_seen]),
        "novel": _matched(table[:, num_seen:]),
        "all": _matched(table),
    }


def _strict(table: NDArray[np.int64], classes: NDArray[np.int64], num_seen: int) -> dict[str, int]:
    seen = int(_own(table, classes)[:num_seen].sum())
    novel = _matched(table[classes >= num_seen, num_seen:])
    return {"seen": seen, "novel": novel, "all": seen + novel}


def _check(targets: Ids, predictions: Ids, num_seen: int, num_classes: int) -> None:
    if targets.ndim != 1 or targets.shape != predictions.shape:
        raise ValueError(f"targets {targets.shape} and predictions {predictions.shape} differ")
    if not 0 <= num_seen <= num_classes:
        raise ValueError(f"num_seen {num_seen} is not in 0..{num_classes}")
    if targets.size and not (targets.min() >= 0 and targets.max() < num_classes):
        raise ValueError(f"targets are not all in 0..{num_classes - 1}")
    if predictions.size and predictions.min() < 0:
        raise ValueError("predicted ids must not be negative")
