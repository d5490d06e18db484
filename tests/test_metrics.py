from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from lps_sweep.metrics import accuracies

Ids = NDArray[np.int64]
NAMES = {
    *(
        f"acc_{part}{protocol}"
        for part in ("seen", "novel", "all")
        for protocol in ("", "_subset", "_v2", "_strict")
    ),
    "acc_gap",
    "nmi_novel",
    "novel_to_seen_share",
}


def ids(*values: int) -> Ids:
    return np.array(values, dtype=np.int64)


def random_ids(seed: int, num_ids: int = 4, num_classes: int = 4) -> tuple[Ids, Ids]:
    generator = np.random.default_rng(seed)
    targets = generator.integers(0, num_classes, 40)
    kept = np.where(generator.random(40) < 0.4, targets, generator.integers(0, num_ids, 40))
    return np.concatenate([np.arange(num_classes), targets]), np.concatenate(
        [generator.integers(0, num_ids, num_classes), kept]
    )


def best(targets: Ids, predictions: Ids, names: Sequence[int], classes: Sequence[int]) -> int:
    """Most hits over all one-to-one maps of `names` to `classes` (or to nothing)."""
    targets_of = [*classes, *[-1] * len(names)]
    return max(
        sum(int((targets[predictions == n] == c).sum()) for n, c in zip(names, p, strict=True))
        for p in set(itertools.permutations(targets_of, len(names)))
    )


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("num_heads", [2, 3, 4, 5])
def test_aligned_ids_against_all_permutations(seed: int, num_heads: int) -> None:
    y, p = random_ids(seed, num_heads)
    p = np.where(p < num_heads, p, 0)
    seen, novel = y < 2, y >= 2
    every, classes, first, last = range(num_heads), range(4), range(2), range(2, 4)

    found = accuracies(y, p, num_seen=2, num_classes=4)

    raw = 100 * float((p == y)[seen].mean())
    novel_hits = best(y[novel], p[novel], every, last)
    strict_hits = best(y[novel], p[novel], every[2:], last)
    all_hits = 100 * best(y, p, every, classes) / len(y)
    wanted = {
        "acc_seen": raw,
        "acc_novel": 100 * novel_hits / novel.sum(),
        "acc_all": all_hits,
        "acc_seen_subset": 100 * best(y[seen], p[seen], every, first) / seen.sum(),
        "acc_novel_subset": 100 * novel_hits / novel.sum(),
        "acc_all_subset": all_hits,
        "acc_all_v2": all_hits,
        "acc_seen_strict": raw,
        "acc_novel_strict": 100 * strict_hits / novel.sum(),
        "acc_all_strict": 100 * ((p == y)[seen].sum() + strict_hits) / len(y),
        "novel_to_seen_share": 100 * float((p[novel] < 2).mean()),
        "acc_gap": raw - 100 * novel_hits / novel.sum(),
    }
    assert {name: found[name] for name in wanted} == pytest.approx(wanted)
    assert set(found) == NAMES


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("num_ids", [2, 4, 6])
@pytest.mark.parametrize("aligned", [True, False])
def test_all_is_the_weighted_mean_under_v2_and_strict(
    seed: int, num_ids: int, aligned: bool
) -> None:
    y, p = random_ids(seed, num_ids)
    found = accuracies(y, p, num_seen=2, num_classes=4, aligned=aligned)
    share = float((y < 2).mean())

    for protocol in ("_v2", "_strict"):
        seen, novel = found[f"acc_seen{protocol}"], found[f"acc_novel{protocol}"]
        wanted = share * seen + (1 - share) * novel
        assert found[f"acc_all{protocol}"] == pytest.approx(wanted)
    assert found["acc_all_v2"] == found["acc_all"]


def test_a_cluster_too_many_and_a_class_without_one_are_errors() -> None:
    split_in_two = accuracies(ids(0, 0, 1, 1), ids(0, 0, 1, 2), num_seen=1, num_classes=2)
    assert (split_in_two["acc_novel"], split_in_two["acc_all"]) == (50, 75)
    joined = accuracies(ids(0, 0, 1, 1, 2, 2), ids(0, 0, 1, 1, 1, 1), num_seen=1, num_classes=3)
    assert (joined["acc_novel"], joined["acc_novel_strict"]) == (50, 50)
    assert joined["nmi_novel"] == 0
    no_head = accuracies(ids(0, 0, 1, 1), ids(0, 0, 0, 0), num_seen=1, num_classes=2)
    assert (no_head["acc_novel_strict"], no_head["novel_to_seen_share"]) == (0, 100)


def test_novel_samples_in_seen_heads_score_by_orca_and_not_by_strict() -> None:
    targets, predictions = ids(0, 1, 2, 2, 3, 3), ids(0, 1, 0, 0, 1, 1)

    found = accuracies(targets, predictions, num_seen=2, num_classes=4)

    assert found["acc_novel"] == found["acc_seen"] == 100
    assert found["acc_novel_strict"] == 0
    assert found["acc_all_strict"] == pytest.approx(100 / 3)
    assert found["novel_to_seen_share"] == 100
    assert found["nmi_novel"] == pytest.approx(100)
    assert found["acc_gap"] == 0


@pytest.mark.parametrize("seed", range(6))
def test_names_of_clusters_do_not_matter(seed: int) -> None:
    y, p = random_ids(seed, num_ids=6)
    renamed = np.array([17, 3, 900, 0, 4, 44])[p]

    found = accuracies(y, p, num_seen=2, num_classes=4, aligned=False)
    other = accuracies(y, renamed, num_seen=2, num_classes=4, aligned=False)

    assert found["acc_seen"] == found["acc_seen_subset"]
    free_of_ties = ["acc_seen", "acc_novel", "acc_all", "nmi_novel", "acc_gap"]
    assert {n: other[n] for n in free_of_ties} == pytest.approx({n: found[n] for n in free_of_ties})


def test_clusters_are_named_by_the_matching_of_all_before_strict() -> None:
    # Clusters 7 and 5 are the seen classes, 9 and 1 the novel; 2 is one cluster too many.
    targets = ids(0, 0, 1, 1, 2, 2, 2, 3, 3, 3)
    clusters = ids(7, 7, 5, 5, 9, 9, 7, 1, 1, 2)

    found = accuracies(targets, clusters, num_seen=2, num_classes=4, aligned=False)

    assert found["acc_seen_strict"] == 100
    assert found["acc_novel_strict"] == pytest.approx(100 * 4 / 6)
    assert found["acc_all_strict"] == pytest.approx(80)
    assert found["novel_to_seen_share"] == pytest.approx(100 / 6)
    as_classes = accuracies(targets, clusters, num_seen=2, num_classes=4)
    assert as_classes["acc_seen_strict"] == 0


def test_what_has_no_samples_has_no_accuracy() -> None:
    only_seen = accuracies(ids(0, 1), ids(0, 3), num_seen=2, num_classes=4)
    only_novel = accuracies(ids(2, 3), ids(0, 3), num_seen=2, num_classes=4)

    novel_names = {n for n in NAMES if "novel" in n}
    seen_names = {n for n in NAMES if n.startswith("acc_seen")}
    assert set(only_seen) == NAMES - novel_names - {"acc_gap"}
    assert set(only_novel) == NAMES - seen_names - {"acc_gap"}
    assert only_seen["acc_seen"] == 50
    assert accuracies(ids(), ids(), num_seen=2, num_classes=4) == {}
    for found in (only_seen, only_novel):
        assert not any(np.isnan(value) for value in found.values())


@pytest.mark.parametrize("seed", range(6))
def test_nmi_is_that_of_scikit_learn(seed: int) -> None:
    from sklearn.metrics import normalized_mutual_info_score

    y, p = random_ids(seed, num_ids=5)
    novel = y >= 2

    found = accuracies(y, p, num_seen=2, num_classes=4)["nmi_novel"]

    assert found == pytest.approx(100 * normalized_mutual_info_score(y[novel], p[novel]))
    assert 0 < found < 100


@pytest.mark.parametrize(
    ("targets", "predictions", "num_seen", "message"),
    [
        (ids(0, 1), ids(0), 1, "differ"),
        (ids(0, 4), ids(0, 0), 1, "targets"),
        (ids(0, -1), ids(0, 0), 1, "targets"),
        (ids(0, 1), ids(0, -1), 1, "negative"),
        (ids(0, 1), ids(0, 1), 5, "num_seen"),
    ],
)
def test_ids_that_cannot_be_are_refused(
    targets: Ids, predictions: Ids, num_seen: int, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        accuracies(targets, predictions, num_seen, num_classes=4)
