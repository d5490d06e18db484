"""`plan`: what it shows, and what it costs to show it."""

from __future__ import annotations

from pathlib import Path

import pytest

from lps_sweep.cli import main
from lps_sweep.config import field_table
from lps_sweep.errors import ExitCode
from tests.counted import counted_calls
from tests.test_cli import SPACE, plan_json, record

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
    title, varied, departures, facts = capsys.readouterr().out.split("\n\n")
    assert title.splitlines() == [
        "small: Does tau matter?",
        "6 trials: 2 configurations at seeds 0, 1, 2",
        "preset digits, method lps",
    ]
    assert [line.split(maxsplit=4) for line in varied.splitlines()] == [
        ["varied", "symbol", "block", "default", "values"],
        ["tau", "tau", "grid", "0.4", "0.2, 0.4"],
    ]
    assert [line.split() for line in departures.splitlines()] == [
        ["set", "value", "preset", "digits"],
        ["epochs", "3", "20"],
    ]
    recorded, packs, resources, trunks, estimate = facts.replace("\n  ", " ").splitlines()
    assert recorded == "already recorded: none; to run: 6, all new"
    assert packs.startswith("packs: ")
    assert resources.startswith("resources: cpus_per_pack=1, ")
    assert trunks == "trunks: 1 needed, 1 to be pre-trained"
    assert "time unknown" in estimate
    assert "disk unknown" in estimate


def test_whole_configurations_are_shown_on_request(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["plan", str(file), "--results", str(tmp_path / "none"), "--configurations"]
    for more, number in ([], 1), (["2"], 2), (["3"], 2):
        assert main([*asked, *more]) == 0
        blocks = capsys.readouterr().out.split("\n\n")[4:]
        assert len(blocks) == number
        values = dict(line.split(maxsplit=1) for line in blocks[0].splitlines())
        shown = {key for key, info in field_table("lps").items() if not info.param.noise}
        assert set(values) == {"configuration", "method", *shown}
        assert (values["tau"], values["epochs"], values["network"]) == ("0.2", "3", "small_cnn")
    assert (
        len(plan_json(capsys, file, tmp_path / "none", "--configurations")["configurations"]) == 1
    )
    with pytest.raises(SystemExit) as ended:
        main([*asked, "none"])
    assert ended.value.code == ExitCode.BAD_INPUT


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


def large(folder: Path, num_levels: int, axes: tuple[str, ...]) -> Path:
    """A space of `num_levels` values of each of `axes`."""
    levels = [(i + 1) / num_levels for i in range(num_levels)]
    grid = "\n".join(f"  {axis}: {levels}" for axis in axes)
    file = folder / "large.yaml"
    file.write_text(f"name: large\npreset: digits\ngrid:\n{grid}\nseeds: [0]\n")
    return file


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_the_calls_of_a_plan_grow_with_its_trials_and_are_few(
    form: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before a point only changed its arm's configuration they were 842 a trial, and 1417."""
    numbers = []
    for levels in (2, 2, 10, 20):  # the first also loads what is loaded once
        file = large(tmp_path, levels, AXES[:2])
        with counted_calls() as calls:
            assert main(["plan", str(file), "--results", str(tmp_path / "none"), *form]) == 0
        numbers.append(calls.number)
    capsys.readouterr()
    _, *numbers = numbers
    first, second = (numbers[1] - numbers[0]) / (100 - 4), (numbers[2] - numbers[1]) / (400 - 100)
    assert 0 < second < 1.1 * first
    assert second < 842 / 2


@pytest.mark.slow
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
    line = capsys.readouterr().out.partition("estimate: ")[2].replace("\n  ", " ")
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


@pytest.mark.slow
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
def test_a_budget_of_gpu_hours_without_a_gpu_is_told(
    file: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("torch")
    text = SPACE.replace("epochs: 3", "epochs: 1\n  pretrain_epochs: 0")
    file.write_text(f"{text}resources: {{gpus_per_pack: 0}}\n")
    asked = ["run", str(file), "--inline", "--results", str(tmp_path / "results")]
    assert main([*asked, "--budget", "gpu_hours=1"]) == ExitCode.DONE
    assert "no GPU is used here, so that the budget gpu_hours is never" in capfd.readouterr().out


def test_twins_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    space = tmp_path / "space.yaml"
    space.write_text("name: s\npreset: digits\ngrid: {novel_classes: [0, 5, 2]}\nseeds: [0]\n")
    assert main(["plan", str(space), "--results", str(tmp_path / "r")]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "2 trials" in shown
    assert "novel_classes=5 is novel_classes=0" in shown
    assert "novel_classes=2 is" not in shown
