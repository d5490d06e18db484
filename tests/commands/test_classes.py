"""`classes`: what it says of made and of trained trials, and that it reads no hidden label."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from lps_sweep.config import flat
from lps_sweep.data import make_split
from lps_sweep.errors import ExitCode
from lps_sweep.plan import default_config, read_space
from lps_sweep.results import Ledger, TrialRecord, artefacts, save_artefact
from lps_sweep.sweep import trunk_features
from tests.commands.conftest import Cli
from tests.results.sweep_cases import METRICS, start, sweep_record

Arrays = dict[str, NDArray[Any]]
NUM_CLASSES = 8
"""Of the made images, five of them seen."""
SHORT = ("--most", 10, "--json")


def arrays_of(seed: int) -> Arrays:
    """Well separated classes of 15 images each; ten heads, of which two attract an image."""
    draw = np.random.default_rng(seed)
    targets = np.repeat(np.arange(NUM_CLASSES), 15)
    predictions = targets.copy()
    predictions[-2:] = [8, 9]
    features = 5 * np.eye(NUM_CLASSES)[targets]
    return {
        "unlabeled_indices": np.arange(len(targets)) * 3,
        "targets": targets,
        "predictions": predictions,
        "pi_hat": np.empty((0, 0)),
        "feature_indices": np.arange(len(targets)) * 3,
        "features": (features + 0.2 * draw.normal(size=features.shape)).astype(np.float32),
    }


def without_hidden(arrays: Arrays) -> Arrays:
    """`arrays` with other classes of the unlabeled images."""
    return {**arrays, "targets": (arrays["targets"][::-1] + 3) % NUM_CLASSES}


def made(cli: Cli, arrays: Callable[[int], Arrays], seeds: Sequence[int], **values: Any) -> Path:
    """A folder with the sweep ``c_tau``, a done trial of each seed and no trunk."""
    cli.file.write_text("name: x\npreset: digits\nseeds: [0]\n")
    config = {**flat(default_config(read_space(cli.file))), **values}
    with Ledger.open(cli.results, write=True) as ledger:
        trials = [TrialRecord(f"t{seed}", config, seed, "key", {"C": 10.0}) for seed in seeds]
        ledger.record_plan(sweep_record(), trials)
        for trial in trials:
            start(ledger, trial.trial_id)
            file = save_artefact(cli.results, trial.trial_id, 1, arrays(trial.seed))
            ledger.finish(trial.trial_id, 1, "done", epoch=5, metrics=METRICS, artefact=file)
    return cli.results


def test_what_trained_models_say(cli: Cli) -> None:
    results = made(cli, arrays_of, [0, 1, 2])
    content = json.loads(cli("classes", results, "c_tau", *SHORT))
    (note,) = content["notes"]
    assert "missing or damaged" in note, "of the trunk"
    found = {row["estimator"]: row for row in content["estimates"]}
    assert list(found) == ["used heads", "accuracy", "silhouette"]
    for row in found.values():
        assert (row["features"], row["swept"], row["most"]) == ("trained", {"C": 10.0}, 10)
        assert list(row["by_seed"]) == ["0", "1", "2"]
        assert all(abs(number - NUM_CLASSES) <= 1 for number in row["by_seed"].values())
        assert row["interval"][0] <= row["mean"] <= row["interval"][1]
    assert {found[name]["mean"] for name in ("used heads", "silhouette")} == {8.0}
    assert found["silhouette"]["check"] == found["silhouette"]["seen_classes"] == 5
    low, high = found["accuracy"]["folds"]
    assert 6 <= low <= high <= 8
    assert found["used heads"]["folds"] is found["used heads"]["check"] is None


def test_the_same_for_people(cli: Cli) -> None:
    text = cli("classes", made(cli, arrays_of, [0, 1, 2]), "c_tau", "--most", 10)
    lines = [" ".join(line.split()) for line in text.split("\n\n")[0].splitlines()]
    assert lines[1] == "C=10 trained used heads 8.0 8.0 to 8.0 - - 3"
    assert lines[3] == "C=10 trained silhouette 8.0 8.0 to 8.0 8.0 to 8.0 5.0 of 5 3"


def test_two_seeds_have_no_interval(cli: Cli) -> None:
    content = json.loads(cli("classes", made(cli, arrays_of, [0, 1]) / "c_tau", *SHORT))
    assert {row["interval"] for row in content["estimates"]} == {None}


def test_other_hidden_labels_change_nothing(cli: Cli, tmp_path: Path) -> None:
    first = made(cli, arrays_of, [0])
    other = dataclasses.replace(cli, results=tmp_path / "other")
    second = made(other, lambda seed: without_hidden(arrays_of(seed)), [0])
    texts = [
        cli("classes", folder, "c_tau", *options).replace(str(folder), "")
        for folder in (first, second)
        for options in (SHORT[:2], SHORT)
    ]
    assert texts[:2] == texts[2:]


def test_clusters_have_no_seen_classes(cli: Cli) -> None:
    results = made(cli, arrays_of, [0], method="simclr_kmeans")
    content = json.loads(cli("classes", results, "c_tau", *SHORT))
    found = {row["estimator"]: row for row in content["estimates"]}
    assert list(found) == ["used heads", "silhouette"]
    assert found["silhouette"]["check"] is None


def test_damaged_arrays_are_said_and_the_others_count(cli: Cli) -> None:
    results = made(cli, arrays_of, [0, 1])
    (results / "artefacts" / "t0-1.npz").write_bytes(b"x")
    content = json.loads(cli("classes", results, "c_tau", *SHORT))
    assert any("t0" in note and "damaged" in note for note in content["notes"])
    assert {tuple(row["by_seed"]) for row in content["estimates"]} == {("1",)}
    (results / "artefacts" / "t1-1.npz").unlink()
    cli("classes", results, "c_tau", status=ExitCode.STORAGE)


def test_nothing_trained_yet_and_no_such_sweep(cli: Cli) -> None:
    with Ledger.open(cli.results, write=True) as ledger:
        ledger.record_plan(sweep_record(), [TrialRecord("t0", {}, 0, "key", {"C": 1.0})])
    assert "c_tau" in cli("classes", cli.results, "c_tau", status=ExitCode.BAD_INPUT)
    assert "'c_tau'" in cli("classes", cli.results, "ctau", status=ExitCode.BAD_INPUT)
    cli("classes", cli.folder / "nowhere", status=ExitCode.BAD_INPUT)


@pytest.mark.slow
def test_digits_trained_and_counted(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    cli.file.write_text(
        "name: s\npreset: digits\nset: {epochs: 2, pretrain_epochs: 2}\nseeds: [0, 1, 2]\n"
    )
    cli.of_file("run", "--inline", "--yes")
    command = ("classes", cli.results, "s", "--most", 16, "--json")
    text = cli(*command)
    content = json.loads(text)
    rows = {(row["features"], row["estimator"]): row for row in content["estimates"]}
    assert content["notes"] == []
    assert [name for name in rows if name[0] == "pre-trained"] == [
        ("pre-trained", "accuracy"),
        ("pre-trained", "silhouette"),
    ]
    assert ("trained", "accuracy") in rows
    for row in rows.values():
        assert len(row["by_seed"]) == 3
        assert row["interval"][0] <= row["mean"] <= row["interval"][1]
        assert 2 <= row["mean"] <= 16

    load, split = artefacts.load_artefact, make_split

    def split_without_hidden(*known: Any) -> Any:
        found = split(*known)
        targets = found.targets.copy()
        targets[found.unlabeled] = targets[found.unlabeled][::-1]
        return dataclasses.replace(found, targets=targets)

    def load_without_hidden(*known: Any) -> Any:
        arrays = load(*known)
        return {**arrays, "targets": arrays["targets"][::-1].copy()}

    monkeypatch.setattr(artefacts, "load_artefact", load_without_hidden)
    monkeypatch.setattr(trunk_features, "make_split", split_without_hidden)
    assert cli(*command) == text
