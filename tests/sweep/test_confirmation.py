"""What a sweep selected, on fresh seeds."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from lps_sweep.cli import main
from lps_sweep.config import Value, build_config, flat, preset_values
from lps_sweep.config.values import Located
from lps_sweep.errors import BadInputError, ExitCode
from lps_sweep.methods import config_class
from lps_sweep.plan import SearchSpace, read_space
from lps_sweep.results import Json, Ledger, SweepRecord, load_view
from lps_sweep.results.confirmed import confirmation_name
from lps_sweep.sweep.confirmation import confirmation_text, differences, selected
from lps_sweep.sweep.written import space_text
from tests.report.report_cases import ablation_record, make_ledger, record

SOURCE = "name: c_tau\nresources: {max_pack_size: 7}\n"
ACCURACY = {5: 90.0, 10: 95.0, 20: 97.0}


def settings(method: str = "lps") -> dict[str, Json]:
    values = {**preset_values("digits"), "epochs": 2}
    config = build_config({n: Located(v) for n, v in values.items()}, method=method)
    return {n: list(v) if isinstance(v, tuple) else v for n, v in flat(config).items()}


def finals(point: Sequence[Any], seed: int) -> dict[str, float]:
    return {"acc_seen": 100.0 - point[0], "acc_all": ACCURACY[point[0]] + seed}


def sweep(**changes: Any) -> SweepRecord:
    made = record({"C": [5, 10, 20]}, [0, 3], settings=settings(), name="c", **changes)
    return dataclasses.replace(made, source=SOURCE)


def configs_of(text: str, folder: Path) -> list[dict[str, Value]]:
    """The configurations of the arms of a search space."""
    (folder / "again.yaml").write_text(text)
    space = read_space(folder / "again.yaml")
    return [flat(space.config_of(arm)) for arm in space.arms]


def planned_by_hand(results: Path, name: str, **changes: Any) -> None:
    """Records a plan without trials under this name."""
    with Ledger.open(results, write=True) as ledger, ledger.transaction():
        ledger.record_plan(dataclasses.replace(sweep(), name=name, **changes), [])


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
    assert configs_of(text, tmp_path) == [settings(), settings() | {"C": 20.0}]


def test_asked_again_it_keeps_its_seeds(tmp_path: Path) -> None:
    make_ledger(tmp_path, sweep(), finals=finals)
    first = confirmation_text(tmp_path, "c", "oracle.acc_all", 3)
    planned_by_hand(tmp_path, "c_confirm", seeds=yaml.safe_load(first)["seeds"])
    assert confirmation_text(tmp_path, "c", "oracle.acc_all", 3) == first


def test_an_arm_of_another_method(tmp_path: Path) -> None:
    lps, orca = settings(), settings("orca")
    arms = {"lps": {}, "orca": {n: v for n, v in orca.items() if lps.get(n) != v}}
    made = ablation_record([0], arms=list(arms), settings=lps)
    make_ledger(tmp_path, made, arms=arms, finals=lambda p, _: {"acc_seen": float(len(p[0]))})
    text = confirmation_text(tmp_path, "ablation", "oracle.acc_seen", 1)
    assert configs_of(text, tmp_path) == [lps, orca]


@pytest.mark.parametrize("both", [False, True])
@pytest.mark.parametrize("given", [{}, {"lr_shape": "cosine"}, {"lr_first_drop": 0.4}])
def test_a_recipe_is_written_out_and_what_was_given_beside_it(
    given: dict[str, Any], both: bool, tmp_path: Path
) -> None:
    own = settings("orca") | {"recipe": "own"} | dict(config_class("orca").own_recipe) | given
    other = (own if both else settings("lps")) | {"lr": 0.7}
    apart, others, shared = differences(own, {"selected": other}, "digits")
    content = {"name": "again", "preset": "digits", "method": "orca", "set": shared}
    text = space_text({**content, "arms": {"default": apart, **others}, "seeds": [0]})
    assert configs_of(text, tmp_path) == [own, other]


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
        ("", "name the rule that c is to select by"),
    ):
        code = main(["confirm", str(tmp_path), "c", "--rule", metric, "--inline"])
        assert code == ExitCode.BAD_INPUT
        assert message in capsys.readouterr().err
    assert sorted(p.name for p in tmp_path.iterdir() if p.is_dir()) == []


def confirmed(
    results: Path, name: str, monkeypatch: pytest.MonkeyPatch, *more: str
) -> SearchSpace | None:
    """The space that `confirm` gives to be run; None where it is refused, with 4."""
    found: list[SearchSpace] = []

    def note(space: SearchSpace, *_: object, **__: object) -> int:
        found.append(space)
        return 0

    monkeypatch.setattr("lps_sweep.commands.training.run_space", note)
    asked = ["confirm", f"{results}/{name}", "--rule", "oracle.acc_all", "--inline"]
    code = main([*asked, *more])
    assert code == (ExitCode.DONE if found else ExitCode.BAD_INPUT)
    return found[0] if found else None


def names(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.suffix == ".yaml")


@pytest.mark.parametrize("name", ["x" * 56, "x" * 57, "x" * 64])
def test_a_long_name_is_shortened_for_its_confirmation(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_ledger(tmp_path, dataclasses.replace(sweep(), name=name), finals=finals)
    space = confirmed(tmp_path, name, monkeypatch, "--resources", "max_pack_size=3")
    assert space is not None
    assert names(tmp_path) == [f"{space.name}/{space.name}.yaml"]
    assert len(space.name) <= 64
    assert space.name == confirmation_name(name) != confirmation_name(f"{name[:-1]}y")
    assert space.resources.max_pack_size == 3
    shutil.rmtree(tmp_path / space.name)
    assert confirmed(tmp_path, name, monkeypatch, "--resources", "cpus_per_pack=4096") is None
    assert names(tmp_path) == []
    assert confirmed(tmp_path, name, monkeypatch) is not None
    assert read_space(tmp_path / names(tmp_path)[0]).resources.max_pack_size == 7


def test_a_sweep_of_the_user_s_own_is_not_taken_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    make_ledger(tmp_path, sweep(), finals=finals)
    planned_by_hand(tmp_path, "c_confirm")
    assert confirmed(tmp_path, "c", monkeypatch) is None
    assert "'c_confirm'" in capsys.readouterr().err
    assert names(tmp_path) == []


@pytest.mark.parametrize("content", ["name: c_confirm\nseeds: [7]\n", "", "edited"])
def test_a_file_of_the_user_s_own_is_not_replaced(
    content: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_ledger(tmp_path, sweep(), finals=finals)
    file = tmp_path / "c_confirm" / "c_confirm.yaml"
    if content == "edited":
        assert confirmed(tmp_path, "c", monkeypatch) is not None
        content = file.read_text().replace("seeds:", "# mine\nseeds:")
    file.parent.mkdir(exist_ok=True)
    file.write_text(content)
    assert confirmed(tmp_path, "c", monkeypatch) is None
    assert file.read_text() == content


@pytest.mark.parametrize("recorded", [False, True])
def test_a_confirmation_is_replaced_by_the_next(
    recorded: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also one of an older version, which wrote no first line."""
    make_ledger(tmp_path, sweep(), finals=finals)
    first = confirmed(tmp_path, "c", monkeypatch, "--seeds", "2")
    assert first is not None
    if recorded:
        source = first.source.partition("\n")[2]
        told = {"question": first.question, "source": source}
        planned_by_hand(tmp_path, "c_confirm", seeds=[4, 5], **told)
        (tmp_path / "c_confirm" / "c_confirm.yaml").write_text(source)
    again = confirmed(tmp_path, "c", monkeypatch, "--seeds", "3")
    assert again is not None
    assert again.seeds == (4, 5, 6)


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
    asked = ["confirm", str(results), "c", "--rule", "oracle.acc_seen", "--seeds", "2"]
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
