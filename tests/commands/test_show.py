from __future__ import annotations

import json
from typing import Any

import pytest

from lps_sweep.config import flat
from lps_sweep.errors import ExitCode
from lps_sweep.plan import default_config, read_space
from lps_sweep.results import Ledger, TrialRecord, save_artefact
from tests.commands.conftest import Cli
from tests.results.sweep_cases import checkpoint, start, sweep_record

ERROR = "Traceback (most recent call last):\n  \x1b[31mred\nValueError: planted"


def metrics(epoch: int) -> dict[str, float]:
    return {"acc_seen": 90.0 + epoch, "acc_novel": 50.0, "acc_all": 60.0, "loss_total": 1 / epoch}


@pytest.fixture
def shown(cli: Cli) -> Cli:
    """A trial that failed, was tried again and is done, and one that failed."""
    cli.file.write_text("name: x\npreset: digits\nset: {seen_classes: [0, 1, 2]}\nseeds: [0]\n")
    values: dict[str, Any] = {**flat(default_config(read_space(cli.file))), "C": 5.0}
    values["seen_classes"] = list(values["seen_classes"])
    with Ledger.open(cli.results, write=True) as ledger:
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
        artefact = save_artefact(cli.results, "aa11", 2, {})
        ledger.finish("aa11", 2, "done", epoch=40, metrics=metrics(40), artefact=artefact)
        start(ledger, "ab22")
        ledger.finish("ab22", 1, "failed", epoch=0, error=ERROR)
    log = cli.results / "c_tau" / "logs" / "ray.log"
    log.parent.mkdir(parents=True)
    log.touch()
    return cli


@pytest.mark.parametrize("width", [80, 150])
def test_a_trial_for_people(shown: Cli, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    sections = [part.splitlines() for part in shown("show", shown.results, "aa").split("\n\n")]
    first, attempts, last, curve, files = sections
    assert first[:2] == ["trial aa11: done, seed 3, method lps", "sweep c_tau: C=5"]
    changed = " ".join(line.strip() for line in first[2:])
    assert "seen_classes=[0, 1, 2] " in changed
    assert "tau=" not in changed
    assert " C=" not in changed, "it is swept, and named above"
    assert [line.split() for line in attempts[1:]] == [
        ["1", "1-1", "0.5", "cpu", "failed,", "tried", "again:", "ValueError:", "planted"],
        ["2", "2-40", "19.5", "cpu", "done"],
    ]
    assert last[1].split()[:4] == ["acc_seen", "130.00", "acc_novel", "50.00"]
    assert curve[0].split() == ["epoch", "seen", "novel", "all", "loss", "seconds"]
    assert " ".join(line.split()[0] for line in curve[1:]) == "1 5 9 13 17 21 24 28 32 36 40"
    assert curve[1].split() == ["1", "91.0", "50.0", "60.0", "1.000", "0.50"]
    assert [line.split() for line in files[1:]] == [
        ["artefact", f"{shown.results}/artefacts/aa11-2.npz"],
        ["checkpoint", f"{shown.results}/checkpoints/m40", "(missing)"],
        ["log", f"{shown.results}/c_tau/logs/ray.log"],
    ]
    assert max(len(line) for section in sections[:4] for line in section) <= width


def test_an_error_is_shown_whole_and_harmless(shown: Cli) -> None:
    text = shown("show", shown.results, "ab22")
    assert text.startswith("trial ab22: failed, seed 3")
    assert "  Traceback (most recent call last):\n     [31mred\n  ValueError: planted\n" in text
    assert "\x1b" not in text


def test_a_trial_for_programs(shown: Cli) -> None:
    content = json.loads(shown("show", shown.results, "aa11", "--json"))
    assert (content["state"], len(content["epochs"])) == ("done", 40)
    assert content["attempts"][0]["ended"] == f"failed, tried again: {ERROR}"
    assert content["not_default"]["C"] == 5.0
    assert content["not_default"]["seen_classes"] == [0, 1, 2]
    assert "tau" not in content["not_default"]
    assert content["metrics"] == metrics(40)


def test_an_id_that_is_none(shown: Cli) -> None:
    for prefix, named in (("a", "aa11, ab22"), ("zz", "'zz'")):
        assert named in shown("show", shown.results, prefix, status=ExitCode.BAD_INPUT)
    shown("show", shown.results / "nowhere", "a", status=ExitCode.BAD_INPUT)
