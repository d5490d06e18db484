"""`python -m benchmarks`: what it runs, leaves out, records and exits with."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from benchmarks import __main__ as command
from benchmarks import loss
from benchmarks.frame import Case, Check, Measurement, Setting, SkipError

Measure = Callable[[Setting], Measurement]


def good(_: Setting) -> Measurement:
    return Measurement([Check("equal", 0.0)])


def bad(_: Setting) -> Measurement:
    return Measurement([Check("equal", 1.0)])


def broken(_: Setting) -> Measurement:
    raise RuntimeError("out of order")


def impossible(_: Setting) -> Measurement:
    raise SkipError("the daemon is missing")


@pytest.fixture(autouse=True)
def _known_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "baseline_rate", lambda: 950.0)
    monkeypatch.setattr(command, "machine_facts", lambda _: {"torch": torch.__version__})


def stand_in(monkeypatch: pytest.MonkeyPatch, **cases: Measure) -> list[str]:
    """Puts `cases` in the place of b3's; the names of those that are measured are noted."""
    measured: list[str] = []

    def noted(name: str, measure: Measure) -> Measure:
        def call(setting: Setting) -> Measurement:
            measured.append(name)
            return measure(setting)

        return call

    made = [Case(name, name, noted(name, measure)) for name, measure in cases.items()]
    monkeypatch.setattr(loss, "cases", lambda _: made)
    return measured


def test_all_are_there_and_those_for_a_gpu_are_told_apart() -> None:
    setting = Setting(torch.device("cpu"), quick=True)
    found = list(command.cases_of(setting, []))
    assert {name for name, _ in found} == {f"b{n}" for n in range(1, 16)} - {"b8"}
    assert [name for name, _ in command.cases_of(setting, ["peer"])] == ["peer"]
    gpu_only = {name for name, case in found if case.obstacle(setting)}
    assert gpu_only == {"b2", "b9", "b12", "b14"}
    on_gpu = Setting(torch.device("cuda"))
    found = list(command.cases_of(on_gpu, []))
    assert not [case.name for _, case in found if case.obstacle(on_gpu)]
    of_packs = {case.name for name, case in found if name == "b6"}
    assert {"k1", "k2", "k5", "k10", "k21", "k5-eager"} <= of_packs


@pytest.mark.parametrize("wrong", ["b99", "b3/none", "loss"])
def test_what_does_not_exist_is_refused(wrong: str) -> None:
    with pytest.raises(SystemExit, match="2"):
        command.main([wrong, "--cpu"])


def test_a_failed_check_or_an_error_is_the_exit_code_and_the_others_go_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    measured = stand_in(monkeypatch, one=broken, two=bad, three=impossible, four=good)
    assert command.main(["b3/four", "b3", "--cpu"]) == 1
    assert measured == ["four", "one", "two", "three", "four"], "in the order that is asked for"
    text = capsys.readouterr().out
    for told in ("out of order", "FAILED: equal: 1", "skipped: the daemon is missing"):
        assert told in text
    stand_in(monkeypatch, three=impossible, four=good)
    assert command.main(["b3", "--cpu"]) == 0


def test_a_visit_goes_on_where_the_last_one_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "results.json"
    arguments = ["b3", "--cpu", "--json", str(path)]
    stand_in(monkeypatch, one=good, two=bad, three=impossible)
    assert command.main(arguments) == 1
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["case"] for line in lines] == ["one", "two", "three"]
    assert lines[0]["torch"] == torch.__version__
    assert lines[0]["baseline_triples_per_s_and_core"] == 950.0
    measured = stand_in(monkeypatch, one=good, two=good, three=good)
    assert command.main(arguments) == 0
    assert measured == ["two", "three"]
    assert command.main([*arguments, "--quick"]) == 0
    assert measured == ["two", "three", "one", "two", "three"], "a quick one is another"
    assert command.main([*arguments, "--epochs", "2"]) == 0
    assert measured[5:] == ["one", "two", "three"], "so is one of other sizes"
    assert command.main([*arguments, "--epochs", "2"]) == 0
    assert len(measured) == 8


def test_each_case_is_on_the_disk_before_the_next_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "results.json"

    def killed(_: Setting) -> Measurement:
        raise KeyboardInterrupt

    stand_in(monkeypatch, one=good, two=killed)
    with pytest.raises(KeyboardInterrupt):
        command.main(["b3", "--cpu", "--json", str(path)])
    assert [json.loads(line)["case"] for line in path.read_text().splitlines()] == ["one"]


def test_nothing_is_begun_after_the_time(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    measured = stand_in(monkeypatch, one=good)
    assert command.main(["b3", "--cpu", "--minutes", "-1"]) == 0
    assert measured == []
    assert "b3/one: not begun" in capsys.readouterr().out


def test_a_missing_package_is_a_reason_to_skip(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def missing(name: str) -> object:
        raise ModuleNotFoundError(f"No module named {name}", name="PIL")

    monkeypatch.setattr(importlib, "import_module", missing)
    assert command.main(["b1", "--cpu"]) == 0
    assert "skipped: PIL is not installed" in capsys.readouterr().out
