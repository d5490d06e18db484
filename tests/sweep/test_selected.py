"""What a sweep selected, on fresh seeds."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from lps_sweep.cli import main
from lps_sweep.config import PRESETS, build_config, flat
from lps_sweep.config.values import Located
from lps_sweep.errors import BadInputError, ExitCode
from lps_sweep.plan import read_space
from lps_sweep.results import Json, Ledger, SweepRecord, load_view
from lps_sweep.sweep.selected import confirmation_text, selected
from tests.report.report_cases import ablation_record, make_ledger, record

SOURCE = "name: c_tau\nresources: {max_pack_size: 7}\n"
ACCURACY = {5: 90.0, 10: 95.0, 20: 97.0}


def settings(method: str = "lps") -> dict[str, Json]:
    values = {**PRESETS["digits"], "epochs": 2}
    config = build_config({n: Located(v) for n, v in values.items()}, method=method)
    return {n: list(v) if isinstance(v, tuple) else v for n, v in flat(config).items()}


def finals(point: Sequence[Any], seed: int) -> dict[str, float]:
    return {"acc_seen": 100.0 - point[0], "acc_all": ACCURACY[point[0]] + seed}


def sweep(**changes: Any) -> SweepRecord:
    made = record({"C": [5, 10, 20]}, [0, 3], settings=settings(), name="c", **changes)
    return dataclasses.replace(made, source=SOURCE)


def test_the_highest_mean_of_the_complete_configurations(tmp_path: Path) -> None:
    make_ledger(tmp_path, sweep(), {(20, 3): "failed"}, finals=finals)
    view = load_view(tmp_path, "c")
    best = selected(view, "oracle.acc_all")["selected"]
    assert (best.config["C"], best.mean, best.num_seeds, best.num_compared) == (10, 96.5, 2, 2)
    assert selected(view, "oracle.acc_seen")["selected"].config["C"] == 5
    with pytest.raises(BadInputError, match="acc_holdout"):
        selected(view, "acc_holdout")


def test_two_arms_on_seeds_that_no_sweep_has_had(tmp_path: Path) -> None:
    make_ledger(tmp_path, sweep(margin=0.5), finals=finals)
    text = confirmation_text(tmp_path, "c", "oracle.acc_all", None)
    content = yaml.safe_load(text)
    assert content["arms"] == {"default": {"C": 10.0}, "selected": {"C": 20}}
    assert content["seeds"] == [4, 5]
    assert content["resources"] == {"max_pack_size": 7}
    assert content["margin_points"] == 0.5
    assert content["set"] == {"epochs": 2}
    assert "98.5 on its 2 seeds" in content["question"]
    (tmp_path / "again.yaml").write_text(text)
    space = read_space(tmp_path / "again.yaml")
    found = [flat(space.config_of(arm)) for arm in space.arms]
    assert found == [settings(), settings() | {"C": 20.0}]


def test_asked_again_it_keeps_its_seeds(tmp_path: Path) -> None:
    make_ledger(tmp_path, sweep(), finals=finals)
    first = confirmation_text(tmp_path, "c", "oracle.acc_all", 3)
    with Ledger.open(tmp_path, write=True) as ledger, ledger.transaction():
        seeds = yaml.safe_load(first)["seeds"]
        ledger.record_plan(dataclasses.replace(sweep(), name="c_confirm", seeds=seeds), [])
    assert confirmation_text(tmp_path, "c", "oracle.acc_all", 3) == first


def test_an_arm_of_another_method(tmp_path: Path) -> None:
    lps, orca = settings(), settings("orca")
    arms = {"lps": {}, "orca": {n: v for n, v in orca.items() if lps.get(n) != v}}
    made = ablation_record([0], arms=list(arms), settings=lps)
    made = dataclasses.replace(made, settings=lps)
    make_ledger(tmp_path, made, arms=arms, finals=lambda p, _: {"acc_seen": float(len(p[0]))})
    with Ledger.open(tmp_path) as ledger:
        assert ledger.sweeps() == ["ablation"]
    text = confirmation_text(tmp_path, "ablation", "oracle.acc_seen", 1)
    content = yaml.safe_load(text)
    assert content["arms"]["selected"]["method"] == "orca"
    (tmp_path / "again.yaml").write_text(text)
    space = read_space(tmp_path / "again.yaml")
    assert [flat(space.config_of(arm))["method"] for arm in space.arms] == ["lps", "orca"]
    assert [flat(space.config_of(arm)) for arm in space.arms] == [lps, orca]


def test_each_of_several_searches_confirms_what_it_selected(tmp_path: Path) -> None:
    search: dict[str, Json] = {"domains": [{"name": "C"}], "objectives": ["oracle.acc_all"]}
    axes: dict[str, list[Json]] = {"tau": [0.2, 0.4], "C": [5, 10, 20]}
    made = record(axes, [0, 3], settings=settings(), name="c")
    made = dataclasses.replace(made, source=SOURCE, search=search)

    def by_cell(point: Sequence[Any], seed: int) -> dict[str, float]:
        tau, c = point
        return {"acc_seen": 90.0, "acc_all": 50.0 + (c if tau == 0.2 else -c) + 0.1 * seed}

    make_ledger(tmp_path, made, finals=by_cell)
    content = yaml.safe_load(confirmation_text(tmp_path, "c", "", None))
    assert content["arms"] == {
        "default": {"tau": 0.4, "C": 10.0},
        "selected_0.2": {"tau": 0.2, "C": 20},
        "selected_0.4": {"tau": 0.4, "C": 5},
    }
    assert "2 searches of c" in content["question"]


def test_what_cannot_be_confirmed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_ledger(tmp_path, sweep(), {(20, 0): "failed"}, finals=finals)
    for metric, message in (
        ("oracle.acc_all", "selects its default"),
        ("oracle.acc_al", "did you mean 'oracle.acc_all'"),
        ("", "name what c is to select by"),
    ):
        code = main(["confirm", str(tmp_path), "c", "--metric", metric, "--inline"])
        assert code == ExitCode.BAD_INPUT
        assert message in capsys.readouterr().err
    assert sorted(p.name for p in tmp_path.iterdir() if p.is_dir()) == []


@pytest.mark.slow
def test_it_runs(tmp_path: Path) -> None:
    space = tmp_path / "c.yaml"
    space.write_text(
        "name: c\npreset: digits\nset: {epochs: 1, pretrain_epochs: 0}\n"
        "grid: {C: [1, 10], tau: [0.2, 0.4]}\nseeds: [0]\n"
    )
    results = tmp_path / "r"
    assert main(["run", str(space), "--results", str(results), "--inline"]) == 0
    best = selected(load_view(results, "c"), "oracle.acc_seen")["selected"]
    asked = ["confirm", str(results), "c", "--metric", "oracle.acc_seen", "--seeds", "2"]
    code = main([*asked, "--inline"])
    if (best.config["C"], best.config["tau"]) == (10, 0.4):
        assert code == ExitCode.BAD_INPUT
        return
    assert code == 0
    view = load_view(results, "c_confirm")
    assert sorted(set(view.trials["seed"])) == [1, 2]
    configs = {
        view.trials["arm"][i]: view.configs[t] for i, t in enumerate(view.trials["trial_id"])
    }
    assert configs["selected"] == best.config
