"""Output that is lost, and verbs that are interrupted."""

from __future__ import annotations

import argparse
import os
import pty
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TextIO

import pytest

from lps_sweep.arguments import build_parser
from lps_sweep.cli import main
from lps_sweep.errors import ExitCode
from lps_sweep.results import driver_lock
from tests.faults.harness import Case, in_child, warm_up
from tests.faults.recorded import outcomes_of
from tests.report.report_cases import make_ledger, record
from tests.test_cli import SPACE

READER_GONE, STORAGE = ExitCode.READER_GONE, ExitCode.STORAGE


def parsers() -> dict[str, argparse.ArgumentParser]:
    """The parser of each verb."""
    (verbs,) = (a for a in build_parser()._actions if isinstance(a.choices, dict))
    return dict(verbs.choices or {})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A search space, and a results folder with a finished sweep."""
    place = tmp_path_factory.mktemp("verbs")
    (place / "small.yaml").write_text(SPACE)
    make_ledger(place / "results", record({"C": [1, 5]}, [0, 1]), epochs=3)
    return place


def calls(folder: Path) -> dict[str, list[str]]:
    """A call of each verb."""
    space, results = str(folder / "small.yaml"), str(folder / "results")
    fresh = ["--results", str(folder / "fresh")]
    return {
        "plan": ["plan", space, *fresh],
        "run": ["run", space, "--inline", *fresh],
        "confirm": ["confirm", results, "c_tau", "--inline"],
        "noise": ["noise", results, "c_tau", "--inline"],
        "status": ["status", results],
        "show": ["show", results, "t00000"],
        "compare": ["compare", f"{results}/c_tau", f"{results}/c_tau"],
        "export": ["export", results, "c_tau", "--to", str(folder / "out")],
        "report": ["report", results],
        "classes": ["classes", results, "c_tau"],
        "import": ["import", str(folder), *fresh],
        "cluster": ["cluster", "check", str(folder / "cluster.yaml")],
        "select": ["select", results, "c_tau", "--rule", "oracle.acc_all"],
        "check": ["check", results],
        "train": ["train", "--preset", "digits", *fresh],
        "pretrain": ["pretrain", "--preset", "digits", *fresh],
        "prepare": ["prepare", "imagenet100", "--root", str(folder)],
        "schema": ["schema"],
    }


FIRST = {
    "plan": "lps_sweep.plan.read_space",
    "run": "lps_sweep.plan.read_space",
    "confirm": "lps_sweep.sweep.confirmation.confirmation_text",
    "noise": "lps_sweep.sweep.noise.noise_text",
    "status": "lps_sweep.results.driver_alive",
    "show": "lps_sweep.results.driver_alive",
    "compare": "lps_sweep.results.differences.sweep_differences",
    "export": "lps_sweep.commands.giving.watched",
    "report": "lps_sweep.commands.giving.watched",
    "select": "lps_sweep.sweep.selecting.selection_text",
    "check": "lps_sweep.sweep.check.examine",
    "classes": "lps_sweep.results.driver_alive",
    "import": "lps_sweep.sweep.tuned.imports.import_experiment",
    "cluster": "lps_sweep.cluster.check.check_file",
    "train": "lps_sweep.plan.single_space",
    "pretrain": "lps_sweep.sweep.run.make_trunk",
    "prepare": "lps_sweep.data.prepare.prepare",
    "schema": "lps_sweep.plan.json_schema",
}
"""A function that each verb calls in its work."""

PRINTING = ("plan", "status", "show", "compare", "check", "schema")


def test_every_verb_is_here(folder: Path) -> None:
    assert set(calls(folder)) == set(FIRST) == set(parsers())


NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@pytest.mark.parametrize(
    ("verb", "number"),
    [
        *((verb, NUMBERS[place % 3]) for place, verb in enumerate(FIRST)),
        *(("status", number) for number in NUMBERS),
    ],
)
def test_an_interrupted_verb_says_so_in_a_line(
    verb: str,
    number: signal.Signals,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    def interrupted(*_: Any, **__: Any) -> None:
        os.kill(os.getpid(), number)
        time.sleep(30)

    handlers = signal.getsignal(number)
    monkeypatch.setattr(FIRST[verb], interrupted)
    assert main(calls(folder)[verb]) == 128 + number
    error = capfd.readouterr().err
    assert error.startswith(f"lps_sweep: interrupted by {number.name}")
    assert len(error.splitlines()) == 1
    assert signal.getsignal(number) is handlers


@pytest.mark.parametrize("verb", ["report", "export"])
def test_a_watching_verb_is_interrupted_while_it_waits(
    verb: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    made = []
    monkeypatch.setattr("lps_sweep.commands.giving._build", lambda *_, **__: made.append(1))
    monkeypatch.setattr("lps_sweep.commands.giving._tables", lambda *_: made.append(1))
    monkeypatch.setattr(
        "lps_sweep.commands.giving.time.sleep", lambda _: os.kill(os.getpid(), signal.SIGINT)
    )
    with driver_lock(folder / "results"):
        assert main([*calls(folder)[verb], "--watch", "1"]) == ExitCode.INTERRUPTED
    assert made == [1]
    assert len(capfd.readouterr().err.splitlines()) == 1


def without_reader() -> TextIO:
    reader, writer = os.pipe()
    os.close(reader)
    return os.fdopen(writer, "w")


def full() -> TextIO:
    return Path("/dev/full").open("w")


def terminal_gone() -> TextIO:
    master, terminal = pty.openpty()
    os.close(master)
    return os.fdopen(terminal, "w")


def unwritable() -> TextIO:
    return os.fdopen(os.open(os.devnull, os.O_RDONLY), "w")


LOST: dict[str, tuple[Callable[[], TextIO], int]] = {
    "its reader is gone": (without_reader, READER_GONE),
    "the disk is full": (full, STORAGE),
    "the terminal is gone": (terminal_gone, STORAGE),
    "it cannot be written": (unwritable, STORAGE),
}


@pytest.fixture
def losing(
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Callable[[str, Callable[[], TextIO]], None]]:
    """Puts such a stream in the place of standard output or error."""
    made: list[TextIO] = []

    def lose(name: str, make: Callable[[], TextIO]) -> None:
        made.append(make())
        monkeypatch.setattr(sys, name, made[-1])

    yield lose
    for stream in made:
        stream.close()  # would raise what is left in a buffer, as the end of Python does


Losing = Callable[[str, Callable[[], TextIO]], None]


@pytest.mark.parametrize(
    ("verb", "way"),
    [
        *(("status", way) for way in LOST),
        *((verb, way) for verb in (*PRINTING, "--help") for way in list(LOST)[:2]),
    ],
)
def test_a_verb_that_only_prints_ends_when_it_cannot(
    verb: str, way: str, folder: Path, losing: Losing, capfd: pytest.CaptureFixture[str]
) -> None:
    make, code = LOST[way]
    losing("stdout", make)
    with pytest.raises(SystemExit) as ended:
        main(calls(folder).get(verb, [verb]))
    assert ended.value.code == code
    lines = capfd.readouterr().err.splitlines()
    assert len(lines) == (code == STORAGE)
    assert all("standard output" in line for line in lines)


def test_what_cannot_be_said_on_standard_error_changes_nothing(
    folder: Path, losing: Losing, capfd: pytest.CaptureFixture[str]
) -> None:
    losing("stderr", full)
    assert main(calls(folder)["status"]) == 0
    assert main(["status", str(folder / "nothing")]) == 4
    assert "lost" not in capfd.readouterr().out


def test_a_verb_that_writes_goes_on(
    folder: Path, losing: Losing, capfd: pytest.CaptureFixture[str]
) -> None:
    for make, lines in ((without_reader, 0), (full, 1)):
        losing("stdout", make)
        place = folder / make.__name__
        assert main([*calls(folder)["export"][:-1], str(place)]) == 0
        assert (place / "trials.csv").exists()
        assert len(capfd.readouterr().err.splitlines()) == lines


def streams(out: Callable[[], TextIO], error: Callable[[], TextIO] | None) -> None:
    """Replaces the descriptors of this process, too."""
    for number, name, make in ((1, "stdout", out), (2, "stderr", error)):
        if make is not None:
            stream = make()
            os.dup2(stream.fileno(), number)
            setattr(sys, name, os.fdopen(number, "w", closefd=False))


def shut() -> None:
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        os.close(number)
        setattr(sys, name, None)


WAYS: dict[str, tuple[Callable[[], None], int]] = {
    "no reader": (lambda: streams(without_reader, None), 1),
    "disk full": (lambda: streams(full, None), 1),
    "terminal gone": (lambda: streams(terminal_gone, terminal_gone), 0),
    "both full": (lambda: streams(full, full), 0),
    "all closed": (shut, 0),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_sweep_trains_on_without_its_output(way: str, tmp_path: Path) -> None:
    warm_up(tmp_path / "warm")
    case = Case.at(tmp_path / "case")
    prepare, lines = WAYS[way]

    def drive() -> int:
        prepare()
        return case.drive(0.0)

    _, code = in_child(drive, tmp_path / "out")
    assert code == 0, (tmp_path / "out").read_text()
    assert len(outcomes_of(case.results)) == 4
    told = (tmp_path / "out").read_text().splitlines()
    assert len(told) == lines, told
    assert all("standard output is lost" in line for line in told)


@pytest.mark.parametrize("columns", ["0", "-5", "x", "1", "99999999999"])
def test_any_width_will_do(columns: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setenv("LINES", columns)
    for verb in ("compare", "show"):
        assert main(calls(folder)[verb]) == 0
    with pytest.raises(SystemExit, match="0"):
        main(["run", "--help"])


@pytest.mark.parametrize("text", ["x", "", "nan", "1e999", "\u00b2", "9" * 5000, "-0x1", "None"])
def test_a_wrong_number_is_told_in_words(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    tried = 0
    for verb, parser in parsers().items():
        for action in parser._actions:
            if not callable(action.type) or not isinstance(action.type("7"), int | float):
                continue
            with pytest.raises(SystemExit) as ended:
                main([verb, f"{action.option_strings[0]}={text}"])
            assert ended.value.code == ExitCode.BAD_INPUT
            message = capsys.readouterr().err.splitlines()[-1]
            assert f"argument {action.option_strings[0]}: " in message
            assert getattr(action.type, "__name__", "?") not in message
            tried += 1
    assert tried >= 7
