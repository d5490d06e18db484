"""Resources are the machine's: given for it, shown, never part of a trial, refused if not there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lps_sweep.errors import BadInputError, ExitCode
from lps_sweep.plan import Resources
from lps_sweep.sweep.estimate import check_room
from lps_sweep.train.device import Gpus
from tests.commands.conftest import Cli
from tests.test_cli import SPACE, record


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
    options: list[str], used: dict[str, tuple[object, str]], cli: Cli
) -> None:
    cli.file.write_text(f"{SPACE}resources: {{max_pack_size: 3, max_attempts: 2}}\n")
    plain, shown = cli.plan(), cli.plan(*options)
    text = " ".join(cli.of_file("plan", *options).split())
    found = shown["resources"]
    assert found["cpus_per_pack"] == {"value": 1, "from": "default"}
    for name, (value, place) in used.items():
        assert found[name]["value"] == value
        assert found[name]["from"].endswith(place)
        assert f"{name}={json.dumps(value)} ({found[name]['from']})" in text
    assert [t["trial_id"] for t in shown["trials"]] == [t["trial_id"] for t in plain["trials"]]


@pytest.mark.parametrize(
    "text", ["max_pack_size: 0", "gpus_per_pack: 1.5", "max_pack: 5", "cpus_per_pack: null"]
)
def test_the_messages_are_those_of_the_file(text: str, cli: Cli) -> None:
    cli.file.write_text(f"{SPACE}resources:\n  {text}\n")
    of_file = cli.of_file("plan", status=ExitCode.BAD_INPUT)
    cli.file.write_text(SPACE)
    option = ("--resources", text.replace(": ", "="))
    for verb in (("plan",), ("run", "--inline")):
        said = cli.of_file(*verb, *option, status=ExitCode.BAD_INPUT)
        assert said.partition("command line: ")[2] == of_file.partition(":10: ")[2] != ""
    assert not cli.results.exists()


@pytest.mark.parametrize("inline", [["--inline"], []])
@pytest.mark.parametrize("text", ["cpus_per_pack: 4096", "gpus_per_pack: 0.5"])
def test_what_this_machine_does_not_have_is_refused(
    text: str, inline: list[str], cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lps_sweep.train.device.usable_gpus", lambda: Gpus(0, "", "planted"))

    def refusal(*options: str) -> str:
        return cli.of_file("run", *inline, *options, status=ExitCode.BAD_INPUT)

    assert "--resources: " in refusal("--resources", text.replace(": ", "="))
    cli.file.write_text(f"{SPACE}resources:\n  {text}\n")
    said = refusal()
    assert f"{cli.file}:10: " in said
    assert text.partition(": ")[2] in said
    assert not cli.results.exists()
    record(cli.results, cli.file, done=[0])
    assert f"{cli.file}:10: " in refusal()


def test_a_finished_sweep_is_looked_at_anywhere(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_report(*_: Any) -> Path:
        raise BadInputError("none")

    monkeypatch.setattr("lps_sweep.report.build_report", no_report)
    record(cli.results, cli.file, done=range(6))
    cli.of_file("run", "--inline", "--resources", "cpus_per_pack=4096")


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
