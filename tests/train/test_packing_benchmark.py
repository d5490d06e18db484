"""The benchmark of packing: what it reports, and that a failed check voids it."""

from __future__ import annotations

import dataclasses
import json
import math

import pytest
import torch

from benchmarks import packing
from lps_sweep.data.batches import PairedBatches
from lps_sweep.train import Run

SMALL = ["--network", "small_cnn", "--members", "3", "--batch-size", "16", "--pairs", "2"]


def test_a_small_measurement(capsys: pytest.CaptureFixture[str]) -> None:
    assert packing.main([*SMALL, "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["max_abs_difference"] == 0.0
    assert 0 < facts["difference_between_members"] < math.inf
    assert (facts["num_members"], facts["num_pairs"], facts["num_threads"]) == (3, 2, 1)
    assert facts["torch"] == torch.__version__
    low, high = facts["ratio_range"]
    assert 0 < low <= facts["ratio"] <= high


def test_the_text_says_what_was_measured(capsys: pytest.CaptureFixture[str]) -> None:
    assert packing.main(SMALL) == 0
    text = capsys.readouterr().out
    assert "pack of 3 against 3 solo runs: small_cnn, batch 16" in text
    assert "gate 1.5, goal 1.6" in text


def test_a_failed_check_voids_the_timing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    batch = Run._batch
    monkeypatch.setattr(Run, "_batch", lambda run, e, s: batch(run, e + len(run.members) - 1, s))
    assert packing.main([*SMALL, "--json"]) == 1
    facts = json.loads(capsys.readouterr().out)
    assert facts["max_abs_difference"] > 0
    assert not facts["valid"]
    assert not {"ratio", "ratio_range"} & facts.keys()
    assert packing.main(SMALL) == 1
    assert "ratio" not in capsys.readouterr().out


def test_an_epoch_has_the_steps_that_were_asked_for() -> None:
    for batch_size, steps in ((16, 2), (64, 2), (8, 5), (10, 3)):
        case = packing.Case("small_cnn", batch_size=batch_size, num_steps=steps)
        images, split = packing._data(case)
        assert len(images.images) == batch_size * steps
        batches = PairedBatches(split, batch_size, 0, "cpu")
        assert batches.num_steps == steps


def test_differences_of_states() -> None:
    state = {"a": torch.tensor([1.0, 2.0]), "b": [1, {"c": 0.5}]}
    assert packing.difference(state, {"a": torch.tensor([1.0, 2.0]), "b": [1, {"c": 0.5}]}) == 0.0
    assert packing.difference(state, {"a": torch.tensor([1.0, 2.5]), "b": [1, {"c": 0.5}]}) == 0.5
    assert packing.difference(state, {"a": torch.tensor([1.0, 2.0]), "b": [1, {"c": 0.75}]}) == 0.25
    for other in (
        {"a": torch.tensor([1.0, math.nan]), "b": [1, {"c": 0.5}]},
        {"a": torch.tensor([1.0, 2.0]), "b": [1]},
        {"a": torch.tensor([1.0]), "b": [1, {"c": 0.5}]},
        {},
    ):
        assert packing.difference(state, other) == math.inf
    assert packing.difference({}, {}) == math.inf


def test_members_that_do_not_differ_void_it_too() -> None:
    fine = packing.Timings((1.0,), (2.0,), difference=0.0, spread=0.1)
    assert fine.is_valid
    assert fine.ratios == [2.0]
    assert not dataclasses.replace(fine, spread=0.0).is_valid
    assert not dataclasses.replace(fine, difference=1e-9).is_valid
