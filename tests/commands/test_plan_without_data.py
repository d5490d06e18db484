"""`plan` on a machine that does not have what the trials are made of; `run` insists on it."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from lps_sweep.data import ImageSet, imagenet100, load
from lps_sweep.data.config import DataConfig
from lps_sweep.data.imagenet100 import MANIFEST_NAME
from lps_sweep.errors import ExitCode
from lps_sweep.sweep import content
from tests.commands.conftest import Cli
from tests.test_cli import HEAVY, SPACE, loaded_by, record

TABLE7 = Path(__file__).parents[2] / "search_spaces" / "paper" / "table7.yaml"


def nothing(_folder: Path) -> list[str]:
    return []


def junk_of_cifar(folder: Path) -> list[str]:
    (folder / "train").write_bytes(b"no pickle")
    return ["train"]


def folder_that_is_a_file(folder: Path) -> list[str]:
    folder.rmdir()
    folder.touch()
    return []


def half_of_fashion_mnist(folder: Path) -> list[str]:
    for name in ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"):
        with gzip.open(folder / f"{name}.gz", "wb") as file:
            file.write(bytes((0, 0, 8, 3)))
    return ["train-images-idx3-ubyte.gz"]


def broken_manifest(folder: Path) -> list[str]:
    manifest = imagenet100.prepared_folder(folder, 256) / MANIFEST_NAME
    manifest.parent.mkdir()
    manifest.write_text("{}")
    return ["manifest.json"]


def forget() -> None:
    """As in a new process: nothing was read before."""
    for cached in (content._split, content._labels):
        cached.cache_clear()


@pytest.fixture
def looked(monkeypatch: pytest.MonkeyPatch) -> list[DataConfig]:
    """The data sets that are read from now on, each time."""
    found: list[DataConfig] = []

    def noted(data: DataConfig) -> ImageSet:
        found.append(data)
        return load(data)

    forget()
    monkeypatch.setattr(content, "load", noted)
    return found


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """No package but those that `plan` needs, so that the digits are not there."""
    forget()
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)


Broken = Callable[[Path], list[str]]
CASES: list[tuple[str, Broken]] = [
    ("cifar10", nothing),
    ("cifar100", nothing),
    ("cifar100", junk_of_cifar),
    ("cifar100", folder_that_is_a_file),
    ("fashion_mnist", nothing),
    ("fashion_mnist", half_of_fashion_mnist),
    ("imagenet100", nothing),
    ("imagenet100", broken_manifest),
]


@pytest.mark.parametrize(("preset", "broken"), CASES)
def test_a_plan_without_images_says_the_rest_and_where_they_were_looked_for(
    preset: str, broken: Broken, cli: Cli
) -> None:
    folder, table = cli.folder / "images", replace(cli, file=TABLE7)
    folder.mkdir()
    said = broken(folder)
    asked = ("--preset", preset, "--set", f"data_root={folder}")
    out = table.of_file("plan", *asked)
    line = next(line for line in out.splitlines() if line.startswith(f"images of {preset}: "))
    assert str(folder) in line
    assert all(words in line for words in said)
    shown = table.plan(*asked)
    assert (shown["num_unknown"], shown["outcomes"], shown["change"]) == (15, {}, None)
    assert sum(shown["pack_sizes"]) == 15
    assert (shown["num_trunks"], shown["trunks"]) == (1, {})
    assert {(trial["trial_id"], trial["status"]) for trial in shown["trials"]} == {
        (None, "unknown")
    }
    refused = table.of_file("run", "--inline", *asked, status=ExitCode.BAD_INPUT)
    assert str(folder) in refused
    assert not cli.results.exists()


@pytest.mark.usefixtures("bare")
def test_digits_without_scikit_learn(cli: Cli) -> None:
    out = cli.of_file("plan")
    assert "pip install scikit-learn" in out
    assert "already recorded: not known" in out


@pytest.mark.parametrize("weights", ["nowhere.pth", "folder", "~nobody-of-this-name/a.pth"])
def test_a_plan_without_released_weights(weights: str, cli: Cli) -> None:
    (cli.folder / "folder").mkdir()
    path = weights if weights.startswith("~") else str(cli.folder / weights)
    setting = ("--set", f"pretrained={path}")
    shown = cli.plan(*setting)
    assert (shown["num_trials"], shown["num_unknown"], shown["trunks"]) == (6, 6, {})
    assert [path in line for line in shown["missing"]] == [True]
    assert path in cli.of_file("run", "--inline", *setting, status=ExitCode.BAD_INPUT)
    assert not cli.results.exists()


@pytest.mark.parametrize(
    "setting", ["dataset=cifar1000", "image_size=64", "dataset=imagenet100,image_size=50"]
)
def test_a_wrong_setting_is_no_missing_file(setting: str, cli: Cli) -> None:
    settings = [part for one in setting.split(",") for part in ("--set", one)]
    replace(cli, file=TABLE7).of_file("plan", *settings, status=ExitCode.BAD_INPUT)


def test_what_is_there_is_planned_as_ever_beside_what_is_not(cli: Cli) -> None:
    record(cli.results, cli.file, done=[0, 1], failed=[3])
    before = (cli.results / "ledger.sqlite").read_bytes()
    text = SPACE.replace("grid:", "arms: {here: {}, there: {dataset: cifar100}}\ngrid:")
    cli.file.write_text(text)
    nowhere = ("--set", f"data_root={cli.folder / 'nowhere'}")
    shown = cli.plan(*nowhere)
    assert (shown["num_trials"], shown["num_unknown"]) == (12, 6)
    assert shown["outcomes"] == {"done": 2, "failed": 1}
    assert (shown["change"], shown["left_out"]) == (None, []), "it may still be planned"
    assert [trial["status"] for trial in shown["trials"]] == [
        *("done", "done", "not_run", "failed", "not_run", "not_run"),
        *["unknown"] * 6,
    ]
    assert all((trial["trial_id"] is None) == (i >= 6) for i, trial in enumerate(shown["trials"]))
    assert (shown["num_trunks"], list(shown["trunks"].values())) == (2, [False])
    assert sum(shown["pack_sizes"]) == 9
    assert "not known of 6; to run: 9 at the most" in cli.of_file("plan", *nowhere)
    assert (cli.results / "ledger.sqlite").read_bytes() == before


def test_recorded_epochs_estimate_what_is_not_there(
    cli: Cli, request: pytest.FixtureRequest
) -> None:
    record(cli.results, cli.file, done=[0, 1, 2])
    request.getfixturevalue("bare")
    shown = cli.plan()
    assert (shown["num_unknown"], shown["left_out"]) == (6, [])
    assert 0 < shown["cost"]["hours"] <= 18 * 2.0 / 3600


def test_a_search_is_planned_without_images(cli: Cli) -> None:
    cli.file.write_text(
        f"name: s\npreset: cifar100\nseeds: [0, 1]\nset: {{data_root: {cli.folder}}}\n"
        "optuna: {objective: oracle.acc_all, configurations: 7, domains: {C: {low: 1, high: 9}}}\n"
    )
    shown = cli.plan()
    assert (shown["num_trials"], shown["num_unknown"], shown["epochs_left"]) == (14, 14, 14 * 200)
    assert len(shown["missing"]) == 1


def test_a_probe_needs_the_images(tmp_path: Path) -> None:
    asked = ("plan", str(TABLE7), "--probe", "--set", f"data_root={tmp_path}")
    status, modules = loaded_by(*asked, "--results", str(tmp_path / "none"))
    assert status == ExitCode.BAD_INPUT
    assert modules.isdisjoint(HEAVY - {"numpy"})


def test_images_and_missing_files_are_looked_for_once(cli: Cli, looked: list[DataConfig]) -> None:
    cli.file.write_text(SPACE.replace("grid:", "grid:\n  split_seed: [0, 1, 2, 3]"))
    assert (cli.plan()["num_trials"], len(looked)) == (24, 1)
    shown = cli.plan("--preset", "cifar100", "--set", f"data_root={cli.folder}")
    assert (shown["num_unknown"], len(looked)) == (24, 2)
    assert len(shown["pack_sizes"]) >= 4 * 3, "other images share no pack"
