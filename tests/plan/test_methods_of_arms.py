from __future__ import annotations

import pytest

from lps_sweep.config import flat
from lps_sweep.errors import BadInputError
from lps_sweep.plan import axes, default_config, defaults, expand
from tests.plan.space_cases import check_refused, no_content, space_of

pytestmark = pytest.mark.usefixtures("other_method")
HEAD = "name: s\npreset: digits\n"


def test_each_arm_has_its_method() -> None:
    space = space_of(HEAD + "arms: {lps: {}, other: {method: other, beta: 5}}\nseeds: [0]\n")
    lps, other = expand(space, no_content)
    assert (flat(lps.config)["method"], flat(lps.config)["C"]) == ("lps", 10.0)
    assert (flat(other.config)["method"], flat(other.config)["beta"]) == ("other", 5)
    assert "C" not in flat(other.config)
    assert flat(other.config)["network"] == "small_cnn"
    assert [dict(t.swept) for t in (lps, other)] == [{"arm": "lps"}, {"arm": "other"}]
    assert lps.pack_key != other.pack_key
    assert lps.trunk == other.trunk
    assert default_config(space) == lps.config


def test_a_preset_s_values_of_a_method_are_of_that_method_alone() -> None:
    def configs(rest: str) -> list[dict[str, object]]:
        space = space_of(f"name: s\npreset: numbers\nseeds: [0]\n{rest}\n")
        return [dict(flat(trial.config)) for trial in expand(space, no_content)]

    lps, mine, other = configs("arms: {lps: {}, mine: {pi_ema: 0.5}, other: {method: other}}")
    assert (lps["pi_ema"], mine["pi_ema"], "pi_ema" in other) == (0.9, 0.5, False)
    assert lps["head_scale"] == other["head_scale"] == 16
    assert [c["pi_ema"] for c in configs("grid: {pi_ema: [0, 0.9]}")] == [0, 0.9]
    assert [c["pi_ema"] for c in configs("set: {pi_ema: 0}")] == [0]


def test_what_is_swept_is_swept_in_each_method() -> None:
    text = HEAD + (
        "arms: {lps: {}, other: {method: other}}\n"
        "set: {lr: 0.2}\n"  # in `other`, whose own lr this is not, it is schedule.lr
        "grid: {weight_decay: [0, 0.1]}\n"
        "one_at_a_time: {tau: [0.4, 0.8]}\nseeds: [0]\n"
    )
    space = space_of(text)
    trials = expand(space, no_content)
    assert [tuple(t.swept.values()) for t in trials] == [
        (arm, decay, tau) for arm in ("lps", "other") for decay in (0, 0.1) for tau in (0.4, 0.8)
    ]
    for trial in trials:
        assert trial.config.schedule.lr == 0.2
        assert trial.config.schedule.weight_decay == trial.swept["weight_decay"]
        assert flat(trial.config)["tau"] == trial.swept["tau"]
    assert flat(trials[-1].config)["method.lr"] == 0.5
    assert axes(space) == {"arm": ["lps", "other"], "weight_decay": [0, 0.1], "tau": [0.4, 0.8]}
    assert defaults(space) == {"arm": "lps", "weight_decay": 5e-4, "tau": 0.4}


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("  other:\n    method: other\n    C: 5", 7, "'C'"),
        ("  other: {method: other, beat: 5}", 5, "'beta'"),
        ("  other: {method: other, beta: 0}", 5, ">= 1"),
        ("  other: {method: other}\nset:\n  C: 5", 7, "'other' has no 'C'"),
        ("  o: {method: other}\n  x: {method: other}\ngrid:\n  C: [5]", 8, "'o' has no 'C'"),
        ("  other: {method: other}\ngrid:\n  tau:\n    - 1\n    - 2", 9, "> 0"),
        ("  o: {method: other}\n  x: {method: other, eta1: 2}", 6, "'o' and 'x'"),
        ("  o: {method: other, eta1: 3}\none_at_a_time:\n  eta1: [1]", 5, "f.yaml:7"),
        ("  o: {method: other}\none_at_a_time:\n  eta1: [1]", 7, "2.0"),
        ("  o: {method: other, schedule.lr: 1}\ngrid:\n  lr: [1, 2]", 5, "f.yaml:7"),
    ],
)
def test_what_a_method_does_not_take_is_refused_at_its_place(
    text: str, line: int, words: str
) -> None:
    check_refused(f"{HEAD}arms:\n  lps: {{}}\n{text}\nseeds: [0]\n", line, words)


def test_an_error_of_the_data_is_placed_with_the_names_of_the_arms_method() -> None:
    space = space_of(HEAD + "arms:\n  o: {method: other, beta: 2}\nseeds: [0]\n")

    def refuse(_config: object) -> None:
        raise BadInputError("not so", "beta")

    with pytest.raises(BadInputError, match=r"^f\.yaml:4: beta: not so$"):
        expand(space, refuse)  # type: ignore[arg-type]
