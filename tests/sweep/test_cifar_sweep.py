"""The paper's data set and released weights through the whole flow, on small files."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch

from lps_sweep.cli import main
from lps_sweep.errors import BadInputError
from lps_sweep.plan import PlannedTrial, expand, read_space
from lps_sweep.results import Ledger
from lps_sweep.sweep.content import content_of
from lps_sweep.sweep.jobs import Place, TrunkJob, perform
from lps_sweep.sweep.rows import TrunkMade
from lps_sweep.sweep.store import Folder
from lps_sweep.sweep.trunks import trunk_file
from tests.data.cifar_cases import write_cifar100
from tests.train.released_cases import released_net, write_released

SPACE = """
name: cifar
set: {epochs: 1, batch_size: 64, labeled_ratio: 0.9, data_root: DATA, pretrained: WEIGHTS}
seeds: [0]
"""


@pytest.fixture
def space(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A search space over CIFAR-100 with 200 images and a file of released weights."""
    write_cifar100(tmp_path / "data", monkeypatch, count=200)
    weights = write_released(tmp_path / "simclr_cifar_100.pth.tar")
    text = SPACE.replace("DATA", str(tmp_path / "data")).replace("WEIGHTS", str(weights))
    (tmp_path / "space.yaml").write_text(text)
    return tmp_path / "space.yaml"


def trial_of(space: Path, *settings: str) -> PlannedTrial:
    """The first planned trial under the preset of CIFAR-100."""
    return expand(read_space(space, preset="cifar100", settings=settings), content_of)[0]


def take(trial: PlannedTrial, results: Path) -> None:
    """Makes the trunk of `trial`."""
    job = TrunkJob(Place(Folder(results), "cpu", 1), trial.trunk, trial.config)
    [[made]] = perform(job)
    assert isinstance(made, TrunkMade)


@pytest.mark.slow
def test_cifar100_trains_from_released_weights(
    space: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    results = space.parent / "r"
    asked = ["run", str(space), "--preset", "cifar100", "--results", str(results), "--inline"]
    assert main(asked) == 0
    capfd.readouterr()
    with Ledger.open(results) as ledger:
        rows = ledger.trial_rows("cifar", False)
        settings = ledger.record("cifar").settings
    assert [row.status for row in rows] == ["done"]
    accuracy = rows[0].metrics["acc_all"]
    assert accuracy is not None
    assert 0 <= accuracy <= 100
    reference = {"network": "resnet18", "frozen_through": "stage3", "lr": 0.1, "weight_decay": 5e-4}
    assert reference.items() <= settings.items()
    (trunk,) = (results / "checkpoints" / "trunks").glob("*.pt")
    kept = torch.load(trunk, weights_only=True)
    theirs = released_net().state_dict()
    assert torch.equal(kept["parts.stage4.1.conv2.weight"], theirs["layer4.1.conv2.weight"])

    moved = shutil.copy(space.parent / "simclr_cifar_100.pth.tar", space.parent / "moved.pth")
    space.write_text(space.read_text().replace("simclr_cifar_100.pth.tar", Path(moved).name))
    assert (
        main(["plan", str(space), "--preset", "cifar100", "--results", str(results), "--json"]) == 0
    )
    plan = json.loads(capfd.readouterr().out)
    assert plan["outcomes"] == {"done": 1}
    assert list(plan["trunks"].values()) == [True]


def test_the_content_of_the_weights_makes_the_trial(space: Path) -> None:
    first = trial_of(space)
    assert trial_of(space, "pretrain_epochs=7").trial_id == first.trial_id
    write_released(space.parent / "simclr_cifar_100.pth.tar", seed=1)
    second = trial_of(space)
    assert second.trial_id != first.trial_id
    assert second.pack_key != first.pack_key
    own = trial_of(space, 'pretrained=""')
    assert len({first.trunk, second.trunk, own.trunk}) == 3


@pytest.mark.slow
def test_a_trunk_is_made_of_the_planned_weights_alone(space: Path, tmp_path: Path) -> None:
    trial = trial_of(space)
    take(trial, tmp_path / "r")
    made = trunk_file(Folder(tmp_path / "r"), trial.trunk)
    assert made is not None
    facts = json.loads((tmp_path / "r" / made.path).with_suffix(".json").read_text())
    assert facts["released_sha256"] == content_of(trial.config).weights
    write_released(space.parent / "simclr_cifar_100.pth.tar", seed=1)
    with pytest.raises(BadInputError, match="has changed since the sweep was planned"):
        take(trial, tmp_path / "other")
    assert not (tmp_path / "other").exists()


def test_weights_that_are_not_there_stop_the_plan(
    space: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (space.parent / "simclr_cifar_100.pth.tar").unlink()
    results = space.parent / "r"
    asked = ["run", str(space), "--preset", "cifar100", "--results", str(results), "--inline"]
    assert main(asked) == 4
    told = capfd.readouterr().err
    assert f"{space}:3: pretrained: {space.parent / 'simclr_cifar_100.pth.tar'}: No such f" in told
    assert not results.exists()


def test_weights_that_do_not_fit_stop_the_run(
    space: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    torch.save({"conv1.weight": torch.ones(1)}, space.parent / "simclr_cifar_100.pth.tar")
    asked = ["run", str(space), "--preset", "cifar100", "--results", str(space.parent / "r")]
    assert main([*asked, "--inline"]) == 4
    assert "does not hold the weights of a resnet18; missing: bn1.weight" in capfd.readouterr().err
