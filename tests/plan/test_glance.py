"""What is varied and what departs from the preset, of each block."""

from __future__ import annotations

from pathlib import Path

import pytest

from lps_sweep.cli import main
from lps_sweep.plan import Departure, arm_settings, departures, varied
from tests.plan.space_cases import space_of

SPACES = Path(__file__).parents[2] / "search_spaces"
HEAD = "name: s\npreset: digits\nseeds: [0]\n"


def entries(blocks: str, *settings: str) -> dict[str, tuple[str, list[object], object]]:
    found = varied(space_of(HEAD + blocks, *settings))
    return {one.name: (one.block, list(one.values), one.default) for one in found}


def test_lists_have_their_block_values_and_default_in_the_order_of_the_file() -> None:
    found = entries(
        "one_at_a_time: {tau: [0.2, 0.6]}\nzip: {eta1: [1, 2, 2], eta2: [0, 0, 3]}\n"
        "grid: {C: [20, 5], seen_classes: [5, [0, 3]]}\n"
    )
    assert list(found) == ["C", "seen_classes", "eta1", "eta2", "tau"]
    assert found["C"] == ("grid", [20.0, 5.0], 10.0)
    assert found["seen_classes"] == ("grid", [5, (0, 3)], 0)
    assert found["eta1"] == ("zip", [1.0, 2.0, 2.0], 1.0)
    assert found["eta2"] == ("zip", [0.0, 0.0, 3.0], 1.0)
    assert found["tau"] == ("one_at_a_time", [0.2, 0.4, 0.6], 0.4)


def test_domains_of_a_search() -> None:
    found = varied(
        space_of(
            f"{HEAD}optuna: {{objective: oracle.acc_all, configurations: 4, domains: {{"
            "C: {low: 1, high: 9, log: true}, lambda_novel_shape: {choices: [linear, cosine]}, "
            "lambda_novel_start: {low: 0.1, high: 0.2, when: {lambda_novel_shape: [cosine]}}}}\n"
        )
    )
    assert [(one.name, one.block, one.between, one.log) for one in found] == [
        ("C", "optuna", True, True),
        ("lambda_novel_shape", "optuna", False, False),
        ("lambda_novel_start", "optuna", True, False),
    ]
    assert [list(one.values) for one in found] == [[1, 9], ["linear", "cosine"], [0.1, 0.2]]
    assert found[2].symbol == "lambda_novel"
    assert found[2].when == {"lambda_novel_shape": ("cosine",)}
    assert (found[0].default, found[1].default) == (10.0, "linear")


def test_arms_have_what_they_set() -> None:
    space = space_of(f"{HEAD}arms: {{full: {{}}, off: {{C: 0, epochs: 3}}, o: {{method: orca}}}}\n")
    assert arm_settings(space) == {
        "full": {},
        "off": {"C": 0.0, "epochs": 3},
        "o": {"method": "orca"},
    }
    assert arm_settings(space_of(HEAD)) == {}


def test_departures_are_what_the_preset_says_otherwise() -> None:
    text = f"{HEAD}set: {{epochs: 20, batch_size: 64, tau: 0.4, weight_decay: 0}}\n"
    assert departures(space_of(text, "lr=0.2", "method.C=3")) == [
        Departure("batch_size", 64, 128),
        Departure("weight_decay", 0.0, 5e-4),
        Departure("lr", 0.2, 0.1),
        Departure("C", 3.0, 10.0),
    ]
    assert departures(space_of("name: s\nset: {epochs: 20}\nseeds: [0]\n")) == [
        Departure("epochs", 20, 200)
    ]


@pytest.mark.parametrize(
    "name",
    ["c_tau", "methods", "asha", "optuna_tpe", "optuna_methods", "paper/table5"],
)
def test_a_plan_fits_one_screen(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert main(["plan", str(SPACES / f"{name}.yaml"), "--results", str(tmp_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) <= 24
    assert all(len(line) <= 80 or line.startswith("images of ") for line in lines)
