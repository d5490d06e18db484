"""`classes`: how many classes the unlabeled images of a sweep have, read from no hidden label."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

from lps_sweep.commands.output import aligned, number, print_json, settings, wrapped
from lps_sweep.errors import BadInputError, ExitCode, StorageError

if TYPE_CHECKING:
    from lps_sweep.results.class_number import Found
    from lps_sweep.results.records import TrialRow

LEGEND = (
    "Estimates count all classes, seen ones included: mean over n seeds and its 95 % interval, and "
    "the range of the means with the labels of a third of the seen classes hidden in turn. Check: "
    "the number found among the images of seen classes alone, of which each third plays novel in "
    "turn, and the right number. Seeds with one trunk differ, of its features, in k-means alone. "
    "No hidden label is read."
)


def classes(*, places: Sequence[str], most: int | None, json: bool) -> int:
    """Estimates the number of classes from trunk, labels and the done trials of a sweep."""
    from lps_sweep.results import Ledger, driver_alive
    from lps_sweep.results.places import find_sweep

    results, sweep = find_sweep(places)
    with Ledger.open(results) as ledger:
        planned = ledger.trial_rows(sweep, driver_alive(results))
    trials = [trial for trial in planned if trial.status == "done" and trial.artefact]
    if not trials:
        raise BadInputError("no trial of it is done", str(results / sweep))
    notes: list[str] = []
    rows = [*_of_trunks(results, trials, most, notes), *_of_trained(results, trials, most, notes)]
    if not rows:
        raise StorageError("\n".join(notes))
    if json:
        print_json({"sweep": sweep, "estimates": rows, "notes": notes})
    else:
        print("\n\n".join([_table(rows), *map(wrapped, (*notes, LEGEND))]))
    return ExitCode.DONE


def _of_trunks(
    results: Path, trials: Sequence[TrialRow], most: int | None, notes: list[str]
) -> Iterator[dict[str, Any]]:
    """Of each trunk with its images and split, once for each seed; what is not there is noted."""
    from lps_sweep.config import config_from_flat
    from lps_sweep.results.class_number import UNKNOWN, estimates
    from lps_sweep.sweep.trunk_features import trunk_features, trunk_of

    groups: dict[object, list[TrialRow]] = {}
    try:
        for trial in trials:
            groups.setdefault(trunk_of(config_from_flat(trial.config)), []).append(trial)
        for own in groups.values():
            features, labels = trunk_features(config_from_flat(own[0].config), results, UNKNOWN)
            swept = _common(own) if len(groups) > 1 else {}
            seen, limit = _limits(own[0], most)
            by_seed = {
                seed: estimates(features, labels, seed, limit)
                for seed in sorted({trial.seed for trial in own})
            }
            yield from _rows("pre-trained", swept, seen, limit, by_seed)
    except (BadInputError, StorageError) as error:
        notes.append(f"Nothing of the pre-trained features: {error}")


def _of_trained(
    results: Path, trials: Sequence[TrialRow], most: int | None, notes: list[str]
) -> Iterator[dict[str, Any]]:
    """Of each configuration what its trials left: features of some images, and predictions."""
    groups: dict[str, list[TrialRow]] = {}
    for trial in trials:
        groups.setdefault(str(trial.swept), []).append(trial)
    for own in groups.values():
        seen, limit = _limits(own[0], most)
        by_seed = {}
        for trial in own:
            try:
                by_seed[trial.seed] = _of_trial(results, trial, seen, limit)
            except StorageError as error:
                notes.append(f"Nothing of trial {trial.trial_id}: {error}")
        yield from _rows("trained", own[0].swept, seen, limit, by_seed)


def _of_trial(results: Path, trial: TrialRow, seen: int, most: int) -> dict[str, Found]:
    import numpy as np

    from lps_sweep.results.artefacts import load_trial_arrays
    from lps_sweep.results.class_number import UNKNOWN, Found, estimates, used_heads
    from lps_sweep.results.filling import aligned as are_classes

    assert trial.artefact is not None
    arrays = load_trial_arrays(results, trial.artefact)
    predictions = arrays["predictions"]
    found = {"used heads": Found(used_heads(predictions))} if len(predictions) else {}
    features, images = arrays.get("features"), arrays.get("unlabeled_indices")
    if features is None or images is None or not np.isfinite(features).all():
        return found
    own = predictions[np.searchsorted(images, arrays["feature_indices"])]
    is_seen = (own < seen) & are_classes(trial.config)
    return found | estimates(features, np.where(is_seen, own, UNKNOWN), trial.seed, most)


def _rows(
    source: str,
    swept: Mapping[str, Any],
    seen: int,
    most: int,
    by_seed: Mapping[int, Mapping[str, Found]],
) -> Iterator[dict[str, Any]]:
    """All that is told of each estimator that says something of any seed."""
    from lps_sweep.results.statistics import describe

    for name in dict.fromkeys(name for found in by_seed.values() for name in found):
        own = {seed: found[name] for seed, found in by_seed.items() if name in found}
        described = describe([one.number for one in own.values()])
        of_folds = zip(*(one.folds for one in own.values()), strict=False)
        folds = [fmean(numbers) for numbers in of_folds]
        check = [count for one in own.values() for count in one.seen]
        yield {
            "features": source,
            "estimator": name,
            "swept": swept,
            "mean": described.mean,
            "interval": described.interval,
            "folds": [min(folds), max(folds)] if folds else None,
            "check": fmean(check) if check else None,
            "seen_classes": seen,
            "most": most,
            "by_seed": {seed: one.number for seed, one in own.items()},
        }


def _limits(trial: TrialRow, most: int | None) -> tuple[int, int]:
    """Number of seen classes, and the largest number that is tried."""
    from lps_sweep.config import counted_classes

    seen, _ = counted_classes(trial.config)
    return seen, most or max(20, 4 * seen)


def _common(trials: Sequence[TrialRow]) -> dict[str, Any]:
    """The swept values that all of `trials` have."""
    swept = [trial.swept for trial in trials]
    return {n: v for n, v in swept[0].items() if all(other[n] == v for other in swept)}


def _table(rows: Sequence[Mapping[str, Any]]) -> str:
    def span(ends: Sequence[float] | None) -> str:
        return "-" if ends is None else f"{number(ends[0])} to {number(ends[1])}"

    def cells(row: Mapping[str, Any]) -> tuple[str, ...]:
        check = "-" if row["check"] is None else f"{number(row['check'])} of {row['seen_classes']}"
        numbers = (number(row["mean"]), span(row["interval"]), span(row["folds"]), check)
        named = (settings(row["swept"]), row["features"], row["estimator"])
        return (*named, *numbers, str(len(row["by_seed"])))

    header = ("configuration", "features", "by", "classes", "95 % interval", "folds", "check", "n")
    return aligned(header, map(cells, rows), "lllrrrrr")
