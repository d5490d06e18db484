from __future__ import annotations

from pathlib import Path

import pytest

from lps_sweep.config import Located
from lps_sweep.errors import BadInputError
from lps_sweep.plan import Resources, SearchSpace, read_space, single_space
from lps_sweep.plan.read import MAX_TRIALS
from tests.counted import counted_calls
from tests.plan.space_cases import space_of

SPACES = sorted((Path(__file__).parents[2] / "search_spaces").rglob("*.yaml"))
SMALL = "name: s\npreset: digits\nset:\n  epochs: 2\ngrid:\n  tau: [0.2, 0.4]\nseeds: [0, 1]\n"


def values(space: SearchSpace) -> dict[str, object]:
    return {name: located.value for name, located in space.fixed.items()}


def test_each_search_space_of_the_project_is_right() -> None:
    names = {"c_tau", "smoke", "eta", "lambda_novel", "ablation", "freezing"}
    assert names | {f"table{n}" for n in range(1, 10)} <= {path.stem for path in SPACES}
    for path in SPACES:
        space = read_space(path)
        assert space.name == path.stem
        assert space.question
        assert space.source == path.read_text()


def test_what_a_file_says() -> None:
    space = space_of(
        "name: my.sweep_1\nquestion: Why?\npreset: digits\nmethod: lps\n"
        "set:\n  epochs: 2\n  seen_classes: [3, 1]\n  method.C: 1e1\n"
        "grid:\n  tau: [1, 0.5]\n  uc_neg: [batch, low_confidence]\n"
        "seeds: [3, 1, 2]\nmargin_points: 1\n"
        "resources:\n  max_pack_size: 4\n  checkpoint_interval_s: 0\n  gpus_per_pack: 0.5\n"
    )
    assert (space.name, space.question, space.preset) == ("my.sweep_1", "Why?", "digits")
    assert space.fixed["epochs"] == Located(2, "f.yaml:6")
    assert space.fixed["seen_classes"].value == (3, 1)
    assert space.fixed["C"] == Located(10.0, "f.yaml:8")
    assert space.fixed["network"] == Located("small_cnn", "f.yaml:3: preset digits")
    assert list(space.grid) == ["tau", "uc_neg"]
    assert [v.value for v in space.grid["tau"]] == [1.0, 0.5]
    assert (space.seeds, space.num_trials, space.margin) == ((3, 1, 2), 12, 1.0)
    assert space.resources == Resources(
        max_pack_size=4, checkpoint_interval_s=0.0, gpus_per_pack=0.5
    )


def test_the_least_that_a_file_says() -> None:
    space = space_of("name: s\nseeds: [0]\n")
    assert (space.method, space.preset, space.question) == ("lps", "", "")
    assert (space.fixed, space.grid, space.num_trials) == ({}, {}, 1)
    assert space.resources == Resources()


def test_the_file_is_above_the_preset_and_the_command_line_above_both() -> None:
    assert values(space_of(SMALL))["epochs"] == 2
    assert values(space_of(SMALL))["pretrain_epochs"] == 100
    space = space_of(SMALL, "epochs=3", "loop.batch_size=64", "data_root=")
    assert (values(space)["epochs"], values(space)["batch_size"]) == (3, 64)
    assert values(space)["data_root"] == ""


def test_a_preset_may_be_swept_over_but_not_a_value_of_the_file_or_the_command_line() -> None:
    swept = "name: s\npreset: digits\ngrid: {epochs: [1, 2]}\nseeds: [0]\n"
    assert space_of(swept).num_trials == 2
    with pytest.raises(BadInputError, match=r"^epochs= on the command line: epochs is swept too"):
        space_of(swept, "epochs=3")


def test_the_preset_of_the_command_line_replaces_the_files(tmp_path: Path) -> None:
    file = tmp_path / "s.yaml"
    file.write_text(SMALL)
    space = read_space(file, preset="fashion_mnist", settings=["eta1=0.5"])
    assert space.preset == "fashion_mnist"
    assert values(space) == {"dataset": "fashion_mnist", "epochs": 2, "eta1": 0.5}
    with pytest.raises(BadInputError, match=r"^--preset: .*cifar10"):
        read_space(file, preset="x")


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("tau", "command line: "),
        ("=5", "command line: "),
        ("epoch=5", "epoch= on the command line: unknown key 'epoch'; did you mean 'epochs'?"),
        ("epochs=", "epochs= on the command line: "),
        ("eta1=-1", "eta1= on the command line: eta1 must be >= 0"),
    ],
)
def test_a_wrong_setting(setting: str, message: str) -> None:
    with pytest.raises(BadInputError) as caught:
        space_of(SMALL, setting)
    assert str(caught.value).startswith(message)


def test_a_billion_trials_are_refused_with_their_number_and_not_made() -> None:
    axes = ("C", "tau", "eta1", "eta2", "w_entropy", "lr", "weight_decay", "head_scale", "momentum")
    levels = [f"0.{n}" for n in range(1, 10)] + ["0.95"]
    grid = "\n".join(f"  {axis}: [{', '.join(levels)}]" for axis in axes)
    with pytest.raises(BadInputError) as caught, counted_calls() as calls:
        space_of(f"name: s\npreset: digits\ngrid:\n{grid}\nseeds: [0]\n")
    assert calls.number < 90 * 2000, "each value is read, and no combination is made"
    size = " x ".join(f"10 {axis}" for axis in axes)
    for words in ("f.yaml:3: ", "1000000000 trials", f"({size} x 1 seeds)", str(MAX_TRIALS)):
        assert words in str(caught.value)


def test_a_single_configuration_is_a_sweep_of_one() -> None:
    space = single_space(preset="digits", settings=["C=5", "epochs=1"], seed=7)
    assert space.num_trials == 1
    assert space.seeds == (7,)
    assert (values(space)["C"], values(space)["epochs"]) == (5.0, 1)
    assert space.name == single_space(preset="digits", settings=["epochs=1", "C=5"], seed=7).name
    others = [
        single_space(preset="digits", settings=["epochs=1", "C=5"], seed=8),
        single_space(preset="digits", settings=["epochs=1", "C=6"], seed=7),
        single_space(preset="fashion_mnist", settings=["epochs=1", "C=5"], seed=7),
    ]
    assert len({space.name, *(other.name for other in others)}) == 4


def test_the_method_is_a_setting_of_a_single_configuration() -> None:
    space = single_space(preset="digits", settings=["method=orca", "w_pairwise=0"], seed=0)
    config = space.config_of(space.variants[0])
    assert (config.method.name, vars(config.method)["w_pairwise"]) == ("orca", 0.0)
    with pytest.raises(BadInputError, match="orca"):
        single_space(preset="digits", settings=["method=orac"], seed=0)
    with pytest.raises(BadInputError, match="twice"):
        single_space(preset="digits", settings=["method=orca", "method=lps"], seed=0)


@pytest.mark.parametrize("seed", [-1, 2**31])
def test_a_single_configuration_with_a_wrong_seed(seed: int) -> None:
    with pytest.raises(BadInputError, match=r"^--seed: .*2147483647"):
        single_space(preset="digits", settings=[], seed=seed)
