"""Resources are the machine's: given for it, shown, never part of a trial, refused if not there."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from lps_sweep.cli import main
from lps_sweep.errors import BadInputError, ExitCode
from lps_sweep.plan import Resources
from lps_sweep.sweep.estimate import check_room
from lps_sweep.train.device import Gpus
from tests.test_cli import SPACE, plan_json, record

FILE = f"{SPACE}resources: {{max_pack_size: 3, max_attempts: 2}}\n"


def refusal(capsys: pytest.CaptureFixture[str], arguments: Sequence[str]) -> str:
    assert main(arguments) == ExitCode.BAD_INPUT
    return capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "used"),
    [
        ([], {"max_pack_size": (3, "small.yaml:9"), "max_attempts": (2, "small.yaml:9")}),
        (
            ["--resources", "max_attempts=1", "--resources", "checkpoint_interval_s=0"],
            {"max_attempts": (1, "--resources"), "checkpoint_interval_s": (0.0, "--resources")},
        ),
        (
            ["--resources", "resources.max_pack_size=null", "measure_packs=true"],
            {"max_pack_size": (None, "--resources"), "measure_packs": (True, "--resources")},
        ),
    ],
)
def test_a_plan_shows_what_is_used_and_where_it_is_from(
    options: list[str],
    used: dict[str, tuple[object, str]],
    file: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file.write_text(FILE)
    results = tmp_path / "r"
    plain = plan_json(capsys, file, results)
    shown = plan_json(capsys, file, results, *options)
    found = shown["resources"]
    assert found["cpus_per_pack"]["from"] == used.get("cpus_per_pack", (1, "default"))[1]
    for name, (value, place) in used.items():
        assert found[name]["value"] == value
        assert found[name]["from"].endswith(place)
    assert [t["trial_id"] for t in shown["trials"]] == [t["trial_id"] for t in plain["trials"]]
    assert main(["plan", str(file), "--results", str(results), *options]) == 0
    text = " ".join(capsys.readouterr().out.split())
    for name in used:
        assert f"{name}={json.dumps(found[name]['value'])} ({found[name]['from']})" in text


@pytest.mark.parametrize(
    "text",
    [
        "max_pack_size: 0",
        "gpus_per_pack: 1.5",
        "max_pack: 5",
        "cpus_per_pack: null",
    ],
)
def test_the_messages_are_those_of_the_file(
    text: str, file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = ["--results", str(tmp_path / "r")]
    file.write_text(f"{SPACE}resources:\n  {text}\n")
    of_file = refusal(capsys, ["plan", str(file), *results])
    file.write_text(SPACE)
    option = ["--resources", text.replace(": ", "=")]
    for verb in (["plan"], ["run", "--inline"]):
        said = refusal(capsys, [*verb, str(file), *results, *option])
        assert said.partition("command line: ")[2] == of_file.partition(":10: ")[2] != ""
    assert not (tmp_path / "r").exists()


@pytest.mark.parametrize("inline", [["--inline"], []])
@pytest.mark.parametrize("text", ["cpus_per_pack: 4096", "gpus_per_pack: 0.5"])
def test_what_this_machine_does_not_have_is_refused(
    text: str,
    inline: list[str],
    file: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("lps_sweep.train.device.usable_gpus", lambda: Gpus(0, "", "planted"))
    results = tmp_path / "r"
    run = ["run", *inline, "--results", str(results), str(file)]
    assert "--resources: " in refusal(capsys, [*run, "--resources", text.replace(": ", "=")])
    file.write_text(f"{SPACE}resources:\n  {text}\n")
    said = refusal(capsys, run)
    assert f"{file}:10: " in said
    assert text.partition(": ")[2] in said
    assert not results.exists()
    record(results, file, done=[0])
    assert f"{file}:10: " in refusal(capsys, run)


def test_a_finished_sweep_is_looked_at_anywhere(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lps_sweep.report.build_report", _no_report)
    record(tmp_path / "r", file, done=range(6))
    asked = ["run", str(file), "--inline", "--results", str(tmp_path / "r")]
    assert main([*asked, "--resources", "cpus_per_pack=4096"]) == 0


def _no_report(*_: Any) -> Path:
    raise BadInputError("none")


@pytest.mark.parametrize(
    ("there", "alone", "asked", "fits"),
    [
        (4, False, 4, True),
        (4, False, 5, False),
        (4, True, 1, True),
        (4, True, 2, False),
        (1, True, 0.5, True),
        (0, False, 0.5, False),
        (0, True, 0, True),
        (0, True, None, True),
    ],
)
def test_gpus_of_a_pack(
    there: int, alone: bool, asked: float | None, fits: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = Gpus(there, "", "" if there else "planted")
    monkeypatch.setattr("lps_sweep.train.device.usable_gpus", lambda: found)
    resources = Resources(gpus_per_pack=asked)
    if fits:
        check_room(resources, {}, alone=alone)
    else:
        places = {"gpus_per_pack": "x.yaml:9"}
        with pytest.raises(BadInputError, match=rf"x.yaml:9: gpus_per_pack .* not {asked:g}"):
            check_room(resources, places, alone=alone)


def test_a_message_says_its_key_once() -> None:
    for rest in (": bfloat16 is not here", " must be true or false"):
        assert str(BadInputError(f"key{rest}", "key")) == f"key{rest}"
        assert str(BadInputError(f"of key{rest}", "key")) == f"key: of key{rest}"
        assert str(BadInputError(f"key{rest}", "a.yaml:7")) == f"a.yaml:7: key{rest}"
