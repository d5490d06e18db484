"""The whole flow in one process, with real training."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from lps_sweep.cli import main
from lps_sweep.data import load_split
from lps_sweep.results import Ledger
from lps_sweep.results.artefacts import load_artefact
from tests.own_process import python, under_limit

SMALL = """
name: small
question: Does it run?
preset: digits
set: {epochs: 2, pretrain_epochs: 1}
grid:
  C: [1, 10]
seeds: [0]
"""


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("inline")
    (folder / "small.yaml").write_text(SMALL)
    asked = ["run", str(folder / "small.yaml"), "--results", str(folder / "r"), "--inline"]
    assert main(asked) == 0
    return folder / "r"


def test_run_leaves_rows_artefacts_tables_and_a_report(results: Path) -> None:
    assert (results / "small" / "report.html").stat().st_size > 100_000
    assert (results / "small" / "tables" / "trials.csv").read_text().count("done") == 2
    with Ledger.open(results) as ledger:
        rows = ledger.trial_rows("small", False)
        epochs = ledger.epoch_rows("small")
        facts = ledger.provenance("small")
        artefact = ledger.artefact(rows[0].trial_id)
    assert [row.status for row in rows] == ["done", "done"]
    wanted = {"acc_seen", "acc_novel", "acc_all", "acc_novel_strict", "acc_all_v2", "nmi_novel"}
    assert wanted <= set(rows[0].metrics)
    wanted |= {"kl_prior_to_estimate", "kl_estimate_to_prior", "confidence_mean", "acc_gap"}
    wanted |= {"confident_share_seen", "confident_share_novel", "novel_to_seen_share"}
    assert wanted <= set(epochs[0].metrics)
    assert len(epochs) == 4
    assert all("CPU" in str(fact["device"]) for fact in facts)
    assert [fact["images"] for fact in facts] == ["in memory"] * len(facts)
    assert artefact is not None
    arrays = load_artefact(results, artefact)
    assert arrays["predictions"].shape == arrays["targets"].shape == (1332,)
    assert arrays["pi_hat"].shape == (2, 10)
    assert np.allclose(arrays["pi_hat"].sum(axis=1), 1, atol=1e-5)
    assert arrays["features"].shape == (1000, 64)
    (split_file,) = (results / "artefacts").glob("split-*.npz")
    split = load_split(split_file)
    assert np.array_equal(split.targets[split.unlabeled], arrays["targets"])
    assert np.array_equal(split.unlabeled, arrays["unlabeled_indices"])


def test_status_and_plan_know_what_is_done(
    results: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["status", str(results), "--json"]) == 0
    counts = json.loads(capfd.readouterr().out)["small"]
    assert counts["planned"] == counts["done"] == 2
    states = ("done", "stopped", "failed", "diverged", "running", "not_run")
    assert counts["planned"] == sum(counts[state] for state in states)
    space = results.parent / "small.yaml"
    space.write_text(SMALL.replace("[1, 10]", "[1, 10, 20]"))
    assert main(["plan", str(space), "--results", str(results), "--json"]) == 0
    plan = json.loads(capfd.readouterr().out)
    assert (plan["num_trials"], plan["outcomes"], plan["epochs_left"]) == (3, {"done": 2}, 2)
    assert [trial["status"] for trial in plan["trials"]] == ["done", "done", "not_run"]
    assert [trial["swept"] for trial in plan["trials"]] == [{"C": c} for c in (1.0, 10.0, 20.0)]
    assert plan["cost"]["hours"] > 0
    assert plan["cost"]["size"] > 100_000
    assert list(plan["trunks"].values()) == [True]


def test_train_is_a_sweep_of_one(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    settings = ["C=5", "epochs=1", "pretrain_epochs=0"]
    asked = ["train", *settings, "--preset", "digits", "--results", str(tmp_path / "r")]
    assert main(asked) == 0
    assert "1 planned, 1 done" in capfd.readouterr().out
    assert main(asked) == 0
    assert "running" not in capfd.readouterr().out, "it is not trained again"


def test_pretrain_makes_the_trunk_once(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    asked = ["pretrain", "pretrain_epochs=1", "--preset", "digits", "--results", str(tmp_path)]
    assert main(asked) == 0
    path = Path(capfd.readouterr().out.strip().splitlines()[-1].removeprefix("trunk: "))
    before = path.stat().st_mtime_ns
    assert main(asked) == 0
    assert path.stat().st_mtime_ns == before


BARE = """
import sys

class Missing:
    def find_spec(self, name, *_):
        if name.partition(".")[0] in {"ray", "optuna", "plotly"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Missing())
from lps_sweep.cli import main

space, results = sys.argv[1:]
codes = [main(["run", space, "--results", results, "--inline"])]
one = ["C=5", "epochs=1", "pretrain_epochs=1", "--preset", "digits"]
codes += [main(["train", *one, "--results", results])]
codes += [main(["status", results]), main(["run", space, "--results", results])]
print(codes)
"""


@pytest.mark.slow
def test_training_needs_neither_ray_nor_optuna_nor_plotly(tmp_path: Path) -> None:
    (tmp_path / "small.yaml").write_text(SMALL.replace("epochs: 2", "epochs: 1"))
    done = python("-c", BARE, tmp_path / "small.yaml", tmp_path / "r")
    assert done.stdout.splitlines()[-1:] == ["[0, 0, 0, 0]"], done.stdout + done.stderr
    assert done.stdout.count("no report: plotly is not installed here") == 3
    assert f"`lps_sweep report {tmp_path / 'r'}` makes it where it is" in done.stdout
    with Ledger.open(tmp_path / "r") as ledger:
        assert [row.status for row in ledger.trial_rows("small", False)] == ["done", "done"]
    assert main(["report", str(tmp_path / "r")]) == 0
    assert (tmp_path / "r" / "small" / "report.html").exists()


@pytest.mark.slow
@pytest.mark.parametrize("kilobytes", [1_000_000, 3_000_000])
def test_under_a_limit_of_memory_one_line_says_what_cannot_be_loaded(
    kilobytes: int, tmp_path: Path
) -> None:
    (tmp_path / "small.yaml").write_text(SMALL)
    words = ("-m", "lps_sweep", "run", "small.yaml", "--inline")
    ended = under_limit(kilobytes, *words, cwd=tmp_path)
    assert ended.returncode == 4, ended.stderr
    (line,) = ended.stderr.splitlines()
    assert "ulimit -v" in line
