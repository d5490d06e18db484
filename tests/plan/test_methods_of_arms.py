from __future__ import annotations

import pytest

from lps_sweep.config import flat
from lps_sweep.errors import BadInputError
from lps_sweep.plan import axes, default_config, defaults, expand
from tests.plan.space_cases import no_content, space_of

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


def test_the_method_of_the_file_is_that_of_arms_that_name_none() -> None:
    text = HEAD + "method: other\narms: {a: {beta: 4}, b: {method: lps, C: 5}}\nseeds: [0]\n"
    first, second = expand(space_of(text), no_content)
    assert (first.config.method.name, second.config.method.name) == ("other", "lps")


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
    ("text", "message"),
    [
        (
            "  other: {method: othre}",
            "f.yaml:5: unknown method 'othre'; did you mean 'other'?",
        ),
        ("  other:\n    method: other\n    C: 5", "f.yaml:7: unknown key 'C'; valid names: "),
        ("  other: {method: other, beat: 5}", "unknown key 'beat'; did you mean 'beta'?"),
        ("  other: {beta: 5}", "f.yaml:5: unknown key 'beta'; did you mean"),
        ("  other: {method: other, beta: 0}", "f.yaml:5: beta must be >= 1, not 0"),
        ("  other: {method: other}\nset:\n  C: 5", "the arm 'other' has no 'C'; valid names: "),
        (
            "  other: {method: other}\n  x: {method: other}\ngrid:\n  C: [5]",
            "f.yaml:8: the method 'other' of the arm 'other' has no 'C'",
        ),
        ("  other: {method: other}\nzip: {C: [5], tau: [1]}", "f.yaml:6: the method 'other' of"),
        ("  other: {method: other}\ngrid:\n  tau:\n    - 1\n    - 2", "f.yaml:9: tau must be > 0"),
        ("  o: {method: other}\nset: {tau: 5}", "f.yaml:6: tau must be > 0 and <= 1, not 5.0"),
        ("  o: {method: other}\n  x: {method: other, eta1: 2}", "the arms 'o' and 'x' are one an"),
        (
            "  o: {method: other, eta1: 3}\none_at_a_time:\n  eta1: [1]",
            "f.yaml:5: eta1 is given twice, in the arm 'o' and, at f.yaml:7, in one_at_a_time",
        ),
        (
            "  o: {method: other}\none_at_a_time:\n  eta1: [1]",
            "f.yaml:7: eta1 varies around its default, which is 1.0 in the arm 'lps' and 2.0 in "
            "'o'; write it in grid",
        ),
        (
            "  o: {method: other, schedule.lr: 1}\ngrid:\n  lr: [1, 2]",
            "f.yaml:5: lr is given twice, in the arm 'o' and, at f.yaml:7, in grid",
        ),
    ],
)
def test_what_a_method_does_not_take_is_refused_at_its_place(text: str, message: str) -> None:
    with pytest.raises(BadInputError) as caught:
        space_of(f"{HEAD}arms:\n  lps: {{}}\n{text}\nseeds: [0]\n")
    assert message in str(caught.value)


def test_an_error_of_the_data_is_placed_with_the_names_of_the_arms_method() -> None:
    space = space_of(HEAD + "arms:\n  o: {method: other, beta: 2}\nseeds: [0]\n")

    def refuse(_config: object) -> None:
        raise BadInputError("not so", "beta")

    with pytest.raises(BadInputError, match=r"^f\.yaml:4: beta: not so$"):
        expand(space, refuse)  # type: ignore[arg-type]
