from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import pytest
from scipy import stats

from lps_sweep.errors import BadInputError
from lps_sweep.results import Json, Ledger, TrialRecord
from lps_sweep.results.differences import sweep_differences
from tests.known import known
from tests.results.sweep_cases import start, sweep_record

Values = Mapping[tuple[float, float, int], float]
"""acc_all by C, tau and seed."""


def sweep(
    folder: Path, name: str, values: Values, *, axes: tuple[str, ...], epochs: int, **more: Json
) -> Path:
    """A finished sweep; what it does not vary is in its configurations alone."""
    record = dataclasses.replace(
        sweep_record(name),
        axes={axis: [] for axis in axes},
        settings={"dataset": "digits", "C": 1.0, "tau": 0.2, "epochs": epochs, **more},
    )
    trials, finals = [], {}
    for (C, tau, seed), value in values.items():
        config: dict[str, Json] = {"C": C, "tau": tau, "epochs": epochs}
        trial_id = f"C{C}-tau{tau}-e{epochs}-s{seed}"
        swept = {axis: config[axis] for axis in axes}
        trials.append(TrialRecord(trial_id, config, seed, "key", swept))
        finals[trial_id] = value
    with Ledger.open(folder, write=True) as ledger:
        ledger.record_plan(record, trials)
        for trial_id, value in finals.items():
            if trial_id in ledger.outstanding(name) and value >= 0:
                metrics = {"acc_all": value, "acc_novel": value / 2}
                ledger.finish(trial_id, start(ledger, trial_id), "done", epoch=1, metrics=metrics)
    return folder


def test_shared_configurations_are_paired_by_seed(tmp_path: Path) -> None:
    old = {(1.0, 0.2, 0): 50.0, (1.0, 0.2, 1): 60.0, (1.0, 0.2, 2): 70.0, (5.0, 0.2, 0): 80.0}
    new = {(1.0, 0.2, 1): 61.0, (1.0, 0.2, 2): 73.0, (1.0, 0.2, 3): 90.0, (9.0, 0.2, 0): 1.0}
    a = sweep(tmp_path / "a", "s", old, axes=("C", "tau"), epochs=10)
    b = sweep(tmp_path / "b", "s", new, axes=("C", "tau"), epochs=20)
    found = sweep_differences((a, "s"), (b, "s"), ["acc_all"])
    assert found.settings == {"epochs": (10, 20)}
    assert found.only_first == [{"C": 5.0, "tau": 0.2}]
    assert found.only_second == [{"C": 9.0, "tau": 0.2}]
    (shared,) = found.shared
    assert (shared.values, shared.identical) == ({"C": 1.0, "tau": 0.2}, 0)
    difference = shared.metrics["acc_all"]
    first, second = known(difference.first), known(difference.second)
    assert (first.n, first.mean) == (3, 60.0)
    assert second.n == 3
    assert second.mean == pytest.approx(224 / 3)
    paired = known(difference.paired)
    assert (paired.seeds, paired.differences) == ((1, 2), (1.0, 3.0))


def test_what_one_sweep_alone_varies_has_its_value_in_the_other(tmp_path: Path) -> None:
    grid = {(C, tau, 0): C + tau for C in (1.0, 5.0) for tau in (0.2, 0.4)}
    line = {(C, 0.4, 0): 2 * C for C in (1.0, 5.0)}
    a = sweep(tmp_path / "a", "grid", grid, axes=("C", "tau"), epochs=10)
    b = sweep(tmp_path / "b", "line", line, axes=("C",), epochs=10)
    found = sweep_differences((a, "grid"), (b, "line"))
    assert [one.values for one in found.shared] == [{"C": 1.0, "tau": 0.4}, {"C": 5.0, "tau": 0.4}]
    assert [one.identical for one in found.shared] == [1, 1]
    assert found.settings == {}
    assert set(found.shared[0].metrics) == {"acc_all", "acc_novel"}
    assert len(found.only_first) == 2


def test_unfinished_trials_have_no_numbers(tmp_path: Path) -> None:
    a = sweep(tmp_path / "a", "s", {(1.0, 0.2, 0): 50.0}, axes=("C",), epochs=10)
    b = sweep(tmp_path / "b", "s", {(1.0, 0.2, 0): -1.0}, axes=("C",), epochs=10)
    (shared,) = sweep_differences((a, "s"), (b, "s")).shared
    assert shared.metrics["acc_all"].second is None
    assert shared.metrics["acc_all"].paired is None


def test_numbers_and_truth_values_are_told_apart(tmp_path: Path) -> None:
    a = sweep(tmp_path / "a", "s", {(1.0, 0.2, 0): 50.0}, axes=("C",), epochs=10)
    b = sweep(tmp_path / "b", "s", {(1, 0.2, 0): 50.0}, axes=("C",), epochs=10)
    c = sweep(tmp_path / "c", "s", {(True, 0.2, 0): 50.0}, axes=("C",), epochs=10)
    assert len(sweep_differences((a, "s"), (b, "s")).shared) == 1
    assert len(sweep_differences((a, "s"), (c, "s")).shared) == 0


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    a = sweep(tmp_path / "a", "s", {(1.0, 0.2, 0): 50.0}, axes=("C",), epochs=10)
    with pytest.raises(BadInputError, match="no trial has a metric 'acc'; did you mean 'acc_all'"):
        sweep_differences((a, "s"), (a, "s"), ["acc"])
    with pytest.raises(BadInputError, match="no sweep is named 't'"):
        sweep_differences((a, "s"), (a, "t"))


def test_sweeps_of_other_images_are_not_paired(tmp_path: Path) -> None:
    old = {(1.0, 0.2, seed): 50.0 + seed for seed in range(3)}
    new = {(1.0, 0.2, seed): 60.0 + 3 * seed for seed in range(4)}
    axes = ("C", "tau")
    a = sweep(tmp_path / "a", "s", old, axes=axes, epochs=10, labeled_ratio=0.5)
    b = sweep(tmp_path / "b", "s", new, axes=axes, epochs=10, labeled_ratio=0.1)
    found = sweep_differences((a, "s"), (b, "s"), ["acc_all"])
    assert found.unpaired == ("labeled_ratio",)
    difference = found.shared[0].metrics["acc_all"]
    assert difference.paired is None
    assert difference.apart == pytest.approx(64.5 - 51.0)
    reference = stats.ttest_ind([60, 63, 66, 69], [50, 51, 52], equal_var=False)
    interval = reference.confidence_interval(0.95)
    assert difference.welch == pytest.approx((interval.low, interval.high))
    same = sweep_differences((a, "s"), (a, "s"), ["acc_all"])
    assert same.unpaired == ()
    assert same.shared[0].metrics["acc_all"].paired is not None
    assert same.shared[0].metrics["acc_all"].apart is None


def test_few_unpaired_seeds_have_no_interval(tmp_path: Path) -> None:
    axes = ("C", "tau")
    a = sweep(tmp_path / "a", "s", {(1.0, 0.2, 0): 50.0}, axes=axes, epochs=1, split_seed=0)
    b = sweep(tmp_path / "b", "s", {(1.0, 0.2, 0): 52.0}, axes=axes, epochs=1, split_seed=1)
    difference = sweep_differences((a, "s"), (b, "s")).shared[0].metrics["acc_all"]
    assert (difference.apart, difference.welch) == (2.0, None)
