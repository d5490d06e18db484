from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lps_sweep.cli import main
from lps_sweep.config import flat
from lps_sweep.errors import ExitCode
from lps_sweep.plan import default_config, read_space
from lps_sweep.results import Ledger, TrialRecord, save_artefact
from tests.results.sweep_cases import checkpoint, start, sweep_record

WIDTHS = (80, 150)
ERROR = "Traceback (most recent call last):\n  \x1b[31mred\nValueError: planted"


def metrics(epoch: int) -> dict[str, float]:
    return {"acc_seen": 90.0 + epoch, "acc_novel": 50.0, "acc_all": 60.0, "loss_total": 1 / epoch}


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """A trial that failed, was tried again and is done, and one that failed."""
    space = tmp_path / "space.yaml"
    space.write_text("name: x\npreset: digits\nset: {seen_classes: [0, 1, 2]}\nseeds: [0]\n")
    values: dict[str, Any] = {**flat(default_config(read_space(space))), "C": 5.0}
    values["seen_classes"] = list(values["seen_classes"])
    folder = tmp_path / "results"
    with Ledger.open(folder, write=True) as ledger:
        trials = [TrialRecord(t, values, 3, "key", {"C": 5.0}) for t in ("aa11", "ab22")]
        ledger.record_plan(sweep_record(), trials)
        start(ledger, "aa11")
        ledger.add_epoch("aa11", 1, 1, metrics(1), 0.5)
        ledger.finish("aa11", 1, "failed", epoch=1, error=ERROR)
        ledger.reopen(["aa11"])
        start(ledger, "aa11")
        for epoch in range(2, 41):
            ledger.add_epoch("aa11", 2, epoch, metrics(epoch), 0.5)
        ledger.add_checkpoint(checkpoint("aa11", 2, 40))
        artefact = save_artefact(folder, "aa11", 2, {})
        ledger.finish("aa11", 2, "done", epoch=40, metrics=metrics(40), artefact=artefact)
        start(ledger, "ab22")
        ledger.finish("ab22", 1, "failed", epoch=0, error=ERROR)
    log = folder / "c_tau" / "logs" / "ray.log"
    log.parent.mkdir(parents=True)
    log.touch()
    return folder


def shown(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["show", *arguments]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("width", WIDTHS)
def test_a_trial_for_people(
    results: Path,
    width: int,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    text = shown(capsys, str(results), "aa")
    sections = [section.splitlines() for section in text.split("\n\n")]
    first, attempts, last, curve, files = sections
    assert first[0] == "trial aa11: done, seed 3, method lps"
    assert first[1] == "sweep c_tau: C=5"
    changed = " ".join(line.strip() for line in first[2:])
    assert changed.startswith("also not at its default: dataset=digits seen_classes=[0, 1, 2] ")
    assert "pretrain_lr=0.2" in changed
    assert "tau=" not in changed
    assert " C=" not in changed, "it is swept, and named above"
    assert [line.split() for line in attempts] == [
        ["attempt", "epochs", "seconds", "device", "ended"],
        ["1", "1-1", "0.5", "cpu", "failed,", "tried", "again:", "ValueError:", "planted"],
        ["2", "2-40", "19.5", "cpu", "done"],
    ]
    assert last[0] == "after epoch 40, final; accuracies are oracle, in percent"
    assert last[1].split()[:4] == ["acc_seen", "130.00", "acc_novel", "50.00"]
    assert curve[0].split() == ["epoch", "seen", "novel", "all", "loss", "seconds"]
    assert " ".join(line.split()[0] for line in curve[1:]) == "1 5 9 13 17 21 24 28 32 36 40"
    assert curve[1].split() == ["1", "91.0", "50.0", "60.0", "1.000", "0.50"]
    assert files[1].split() == ["artefact", f"{results}/artefacts/aa11-2.npz"]
    assert files[2].split() == ["checkpoint", f"{results}/checkpoints/m40", "(missing)"]
    assert files[3].split() == ["log", f"{results}/c_tau/logs/ray.log"]
    assert max(len(line) for section in sections[:4] for line in section) <= width


def test_an_error_is_shown_whole_and_harmless(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = shown(capsys, str(results), "ab22")
    assert text.startswith("trial ab22: failed, seed 3")
    wanted = "error\n  Traceback (most recent call last):\n     [31mred\n  ValueError: planted\n"
    assert wanted in text
    assert "\x1b" not in text


def test_a_trial_for_programs(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content = json.loads(shown(capsys, str(results), "aa11", "--json"))
    assert (content["state"], len(content["epochs"]), len(content["config"])) == (
        "done",
        40,
        len(content["config"]),
    )
    assert content["attempts"][0]["ended"] == f"failed, tried again: {ERROR}"
    assert content["not_default"]["C"] == 5.0
    assert content["not_default"]["seen_classes"] == [0, 1, 2]
    assert "tau" not in content["not_default"]
    assert content["metrics"] == metrics(40)


@pytest.mark.parametrize(("prefix", "message"), [("a", "several trials' ids"), ("zz", "no trial")])
def test_an_id_that_is_none(
    results: Path, prefix: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["show", str(results), prefix]) == ExitCode.BAD_INPUT
    assert message in capsys.readouterr().err
    assert main(["show", str(results / "nowhere"), prefix]) == ExitCode.BAD_INPUT
