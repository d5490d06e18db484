"""`plan`: what it shows, and what it costs to show it."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from lps_sweep.cli import main
from lps_sweep.errors import ExitCode
from tests.test_cli import SPACE, plan_json, record

C_TAU = Path(__file__).parents[2] / "search_spaces" / "c_tau.yaml"
AXES = ("C", "tau", "eta1", "eta2")


def test_plan_before_anything_ran(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = tmp_path / "results"
    shown = plan_json(capsys, file, results)
    assert (shown["name"], shown["question"]) == ("small", "Does tau matter?")
    assert (shown["num_trials"], shown["num_configurations"]) == (6, 2)
    assert shown["seeds"] == [0, 1, 2]
    assert shown["outcomes"] == {}
    assert sum(shown["pack_sizes"]) == 6
    assert list(shown["trunks"].values()) == [False]
    assert shown["epochs_left"] == 18
    assert shown["cost"] == dict.fromkeys(["hours", "gpu_hours", "size", "pretrain_hours"])
    assert [c["tau"] for c in shown["configurations"]] == [0.2, 0.4]
    for configuration in shown["configurations"]:
        assert (configuration["method"], configuration["epochs"]) == ("lps", 3)
        assert (configuration["network"], configuration["C"]) == ("small_cnn", 10.0)
    assert not results.exists()


def test_plan_in_words(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", str(file), "--results", str(tmp_path / "results")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:3] == [
        "small: Does tau matter?",
        "6 trials: 2 configurations at seeds 0, 1, 2",
        "already recorded: none; to run: 6, all new",
    ]
    assert lines[4] == "trunks: 1 needed, 1 to be pre-trained"
    assert "time unknown" in lines[5]
    assert "disk unknown" in lines[5]
    assert lines[6].startswith("configuration 1: method=lps C=10.0 tau=0.2 ")
    assert len(lines) == 8


def test_plan_after_a_part_ran(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = tmp_path / "results"
    record(results, file, done=[0, 1, 2], failed=[3])
    shown = plan_json(capsys, file, results)
    assert shown["outcomes"] == {"done": 3, "failed": 1}
    assert sum(shown["pack_sizes"]) == 2
    assert shown["epochs_left"] == 6
    assert 0 < shown["cost"]["hours"] <= 6 * 2.0 / 3600
    assert (shown["cost"]["size"], shown["estimated_from"]) == (2_000_000, "records")
    assert main(["plan", str(file), "--results", str(results)]) == 0
    printed = capsys.readouterr().out
    lines = printed.splitlines()
    assert "already recorded: 3 done, 1 failed; to run: 2" in lines
    assert "tried again with: --retry failed" in lines
    assert "2 MB of disk" in printed


def test_plan_with_preset_and_settings_of_the_command_line(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = plan_json(capsys, file, tmp_path / "none", "--set", "C=5", "--set", "epochs=1")
    assert [c["C"] for c in shown["configurations"]] == [5.0, 5.0]
    assert shown["epochs_left"] == 6


def test_plan_of_c_tau(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shown = plan_json(capsys, C_TAU, tmp_path / "none")
    assert (shown["num_trials"], shown["num_configurations"]) == (75, 25)
    assert [(c["C"], c["tau"]) for c in shown["configurations"]] == [(1, 0.2), (1, 0.3), (1, 0.4)]


def large(folder: Path, num_levels: int, axes: tuple[str, ...]) -> Path:
    """A space of `num_levels` values of each of `axes`."""
    levels = [(i + 1) / num_levels for i in range(num_levels)]
    grid = "\n".join(f"  {axis}: {levels}" for axis in axes)
    file = folder / "large.yaml"
    file.write_text(f"name: large\npreset: digits\ngrid:\n{grid}\nseeds: [0]\n")
    return file


def test_a_space_of_a_billion_points_is_refused_at_once_with_its_count(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = large(tmp_path, 1000, AXES[:3])
    started = time.process_time()
    assert main(["plan", str(file)]) == ExitCode.BAD_INPUT
    assert time.process_time() - started < 1
    assert "1000000000 trials are planned (1000 C x 1000 tau" in capsys.readouterr().err


def test_a_plan_of_ten_thousand_trials_is_quick(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = large(tmp_path, 10, AXES)
    started = time.process_time()
    shown = plan_json(capsys, file, tmp_path / "none")
    assert time.process_time() - started < 3
    assert shown["num_trials"] == sum(shown["pack_sizes"]) == 10_000
    assert len(shown["configurations"]) == 3


def test_trunks_are_looked_for_once_each(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[str] = []
    monkeypatch.setattr(
        "lps_sweep.sweep.preview.trunk_file", lambda _results, trunk: looked.append(trunk)
    )
    assert main(["plan", str(file), "--results", str(tmp_path / "none")]) == 0
    assert len(looked) == 1


def test_a_method_that_trains_nothing_has_one_epoch(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text(SPACE.replace("grid:\n  tau: [0.2, 0.4]", "method: simclr_kmeans"))
    assert plan_json(capsys, file, tmp_path / "none")["epochs_left"] == 3


def test_trials_of_another_kind_say_nothing_of_these(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = tmp_path / "results"
    record(results, file, done=[0, 1, 2])
    other = plan_json(capsys, file, results, "--set", "C=3", "--set", "epochs=5")
    assert other["cost"]["hours"] > 0
    for setting in ("batch_size=64", "frozen_through=none"):
        other = plan_json(capsys, file, results, "--set", setting)
        assert (other["cost"]["hours"], other["cost"]["gpu_hours"]) == (None, None)


def test_a_probe_measures_and_leaves_nothing(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text(f"{SPACE}arms: {{lps: {{}}, clusters: {{C: 0}}}}\n")
    results = tmp_path / "results"
    shown = plan_json(capsys, file, results, "--probe")
    assert shown["estimated_from"] == "probe"
    assert 0 < shown["cost"]["pretrain_hours"] < shown["cost"]["hours"] < 1
    assert 12 * 100_000 < shown["cost"]["size"] < 12 * 2_000_000
    assert main(["plan", str(file), "--results", str(results), "--probe"]) == ExitCode.DONE
    line = next(line for line in capsys.readouterr().out.splitlines() if "estimate" in line)
    assert "on this machine (no GPU here), from a probe, " in line
    assert "of it pre-training; " in line
    assert not results.exists()


@pytest.mark.parametrize("limit", ["trials=5", "hours=0.001"])
def test_much_is_started_only_when_it_is_allowed(
    file: Path, tmp_path: Path, limit: str, capsys: pytest.CaptureFixture[str]
) -> None:
    results = tmp_path / "results"
    if limit.startswith("hours"):
        record(results, file, done=[0])
        assert plan_json(capsys, file, results, "--set", "epochs=9")["cost"]["hours"] > 0.001
    asked = ["run", str(file), "--inline", "--results", str(results), "--set", "epochs=9"]
    assert main([*asked, "--ask-above", limit]) == ExitCode.BAD_INPUT
    error = capsys.readouterr().err
    assert "6 trials are to be started" in error
    assert "give --yes" in error
    assert results.exists() == limit.startswith("hours")


@pytest.mark.parametrize(("answer", "status"), [("", 6), ("n", 6), ("y", 0), ("Yes", 0)])
def test_at_a_terminal_it_is_asked_for(
    file: Path,
    tmp_path: Path,
    answer: str,
    status: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    questions: list[str] = []

    def answered(question: str) -> str:
        questions.append(question)
        return answer

    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", answered)
    text = SPACE.replace("epochs: 3", "epochs: 1\n  pretrain_epochs: 0")
    file.write_text(text.replace("[0, 1, 2]", "[0]"))
    results = tmp_path / "results"
    asked = ["run", str(file), "--inline", "--results", str(results), "--ask-above=trials=1"]
    assert main(asked) == status
    assert questions == ["2 trials are to be started, more than 1. Start them? [y/N] "]
    assert results.exists() == (status == 0)
    assert ("nothing was started" in capsys.readouterr().err) == (status == 6)
    if status == 0:
        assert main(asked) == 0, "nothing is left that could be much"
        assert len(questions) == 1


@pytest.mark.slow
def test_what_is_chosen_counts_and_yes_is_an_answer(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = SPACE.replace("epochs: 3", "epochs: 1\n  pretrain_epochs: 0")
    file.write_text(text)
    monkeypatch.setattr("builtins.input", lambda _: 1 / 0)
    asked = ["run", str(file), "--inline", "--results", str(tmp_path / "results")]
    few = [*asked, "--ask-above", "trials=1"]
    assert main([*few, "--limit", "1"]) == ExitCode.INCOMPLETE
    assert main([*few, "--yes"]) == ExitCode.DONE


def test_a_search_counts_with_all_that_it_will_ask_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "search.yaml"
    file.write_text(
        "name: search\npreset: digits\nseeds: [0]\noptuna: {objective: oracle.acc_all, "
        "configurations: 7, domains: {C: {low: 1, high: 9}}}\n"
    )
    asked = ["run", str(file), "--inline", "--results", str(tmp_path / "results")]
    assert main([*asked, "--ask-above", "trials=6"]) == ExitCode.BAD_INPUT
    assert "7 trials are to be started" in capsys.readouterr().err


@pytest.mark.parametrize("limit", ["days=1", "trials=-1", "hours=", "trials=1.5"])
def test_a_wrong_threshold_is_refused(file: Path, tmp_path: Path, limit: str) -> None:
    asked = ["run", str(file), "--inline", "--results", str(tmp_path / "results")]
    assert main([*asked, "--ask-above", limit]) == ExitCode.BAD_INPUT


@pytest.mark.slow
def test_a_budget_of_gpu_hours_without_a_gpu_is_told(
    file: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("torch")
    text = SPACE.replace("epochs: 3", "epochs: 1\n  pretrain_epochs: 0")
    file.write_text(f"{text}resources: {{gpus_per_pack: 0}}\n")
    asked = ["run", str(file), "--inline", "--results", str(tmp_path / "results")]
    assert main([*asked, "--budget", "gpu_hours=1"]) == ExitCode.DONE
    assert "no GPU is used here, so that the budget gpu_hours is never" in capfd.readouterr().out


def test_a_ledger_that_a_driver_died_making_counts_as_none(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = tmp_path / "r"
    results.mkdir()
    (results / "ledger.sqlite").touch()
    asked = [str(file), "--results", str(results)]
    assert main(["plan", *asked]) == 0
    assert "new" in capsys.readouterr().out
