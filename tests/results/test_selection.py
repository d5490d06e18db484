"""Rules of selection on made sweeps where the right choice is known."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from lps_sweep.errors import BadInputError
from lps_sweep.indices import COLUMNS
from lps_sweep.results import Ledger, load_view, save_artefact
from lps_sweep.results.candidates import candidates
from lps_sweep.results.choosing import ceiling, halves, measured, rank_correlations, seed_choice
from lps_sweep.results.filling import KEPT, agreement
from lps_sweep.results.selection import (
    FIXED,
    Candidates,
    best_seed,
    choose,
    find_rule,
    losses_among,
    refusal,
    rules_of,
    separation,
)
from tests.report.artefact_cases import blobs
from tests.report.report_cases import BEGUN_AT, make_ledger, record
from tests.sweep.test_confirmation import settings

LEVELS = [1.0, 10.0, 30.0]
SEEN = {"acc_seen": 90.0}
Metrics = Callable[[float, int], Mapping[str, float]]


def sweep_of(folder: Path, finals: Metrics, seeds: Sequence[int] = range(6)) -> Candidates:
    """Three values of C, 10 the default, with these final metrics."""
    made = record({"C": LEVELS}, list(seeds), settings=settings(), name="c")
    make_ledger(folder, made, finals=lambda point, seed: {**SEEN, **finals(point[0], seed)})
    return candidates(load_view(folder, "c"))


def rising(level: float, seed: int) -> dict[str, float]:
    """Accuracy rises with C; the silhouette with it, balance against it, confidence is noise."""
    place = LEVELS.index(level)
    noise = float(np.sin(7 * place + 3 * seed))
    return {
        "acc_all": 70.0 + 10 * place + seed,
        "silhouette": 0.1 * place + 0.01 * seed,
        "balance": 0.5 - 0.1 * place + 0.01 * noise,
        "confidence": 0.5 + 0.1 * noise,
        "davies_bouldin": -3.0 + place,
    }


def test_a_rule_takes_the_configuration_and_the_seed_with_its_highest_number(
    tmp_path: Path,
) -> None:
    found = sweep_of(tmp_path, rising)
    every = range(6)
    taken = {
        name: choose(find_rule(name, found), found, every)
        for name in ("silhouette", "balance", "oracle.acc_all", "silhouette+davies_bouldin")
    }
    assert taken == {
        "silhouette": 2,
        "balance": 0,
        "oracle.acc_all": 2,
        "silhouette+davies_bouldin": 2,
    }
    assert found.default == 1
    assert found.configs[2]["C"] == 30
    assert best_seed(find_rule("silhouette", found), found, 0) == 5
    assert best_seed(find_rule("davies_bouldin", found), found, 0) is None, "all seeds are the same"


def test_a_combination_is_the_mean_of_ranks(tmp_path: Path) -> None:
    found = sweep_of(tmp_path, rising)
    rule = find_rule("silhouette+balance", found)
    scores = rule.score(lambda one: found.values(one, range(6)).mean(1))
    assert scores == pytest.approx([(1 + 3) / 6, (2 + 2) / 6, (3 + 1) / 6])
    assert choose(rule, found, range(6)) is None, "equal ranks tell nothing"
    assert not rule.hidden
    assert find_rule("silhouette+oracle.acc_all", found).hidden


def test_what_does_not_separate_is_refused(tmp_path: Path) -> None:
    found = sweep_of(tmp_path, rising)
    every = range(6)
    assert refusal(find_rule("silhouette", found), found, every) == ""
    assert "p = " in refusal(find_rule("confidence", found), found, every)
    assert refusal(find_rule("confidence", found), found, [0]) == "", "one seed cannot be tested"
    assert refusal(find_rule("silhouette+balance", found), found, every)


def test_separation_is_the_f_test_with_blocks() -> None:
    values = np.random.default_rng(0).normal(size=(4, 5)) + np.arange(4)[:, None]
    from scipy import stats

    n, s = values.shape
    rows = s * ((values.mean(1) - values.mean()) ** 2).sum()
    blocks = n * ((values.mean(0) - values.mean()) ** 2).sum()
    rest = ((values - values.mean()) ** 2).sum() - rows - blocks
    f = (rows / (n - 1)) / (rest / ((n - 1) * (s - 1)))
    assert separation(values) == pytest.approx(stats.f.sf(f, n - 1, (n - 1) * (s - 1)))
    assert separation(values[:1]) is None
    assert separation(np.ones((3, 3))) == 1.0


def test_no_seed_has_a_say_in_its_own_test(tmp_path: Path) -> None:
    """On even seeds the silhouette likes the worst configuration, on odd ones the best."""

    def by_half(level: float, seed: int) -> dict[str, float]:
        place = LEVELS.index(level)
        like = place if seed % 2 else -place
        return {"acc_all": 70.0 + 10 * place + seed / 10, "silhouette": like + seed / 100}

    found = sweep_of(tmp_path, by_half)
    assert halves(5) == [([0, 2, 4], [1, 3]), ([1, 3], [0, 2, 4])]
    even, odd = measured(find_rule("silhouette", found), found)
    assert (even.chosen_on, even.measured_on, even.place) == ((0, 2, 4), (1, 3, 5), 0)
    assert (odd.place, odd.measured_on) == (2, (0, 2, 4))
    assert even.accuracy.mean == pytest.approx(70.3)
    assert [even.regret.mean, odd.regret.mean] == pytest.approx([20, 0])
    assert even.gain is not None
    assert odd.gain is not None
    assert [even.gain.mean, odd.gain.mean] == pytest.approx([-10, 10])
    assert even.accuracy.interval == pytest.approx((70.3 - 0.4968, 70.3 + 0.4968), abs=1e-3)
    assert [row.place for row in ceiling(found)] == [2, 2]


def test_below_six_seeds_there_is_no_interval(tmp_path: Path) -> None:
    found = sweep_of(tmp_path, rising, seeds=range(5))
    rows = measured(find_rule("silhouette", found), found)
    assert [len(row.measured_on) for row in rows] == [2, 3]
    assert all(row.accuracy.interval is None and row.regret.interval is None for row in rows)
    assert measured(find_rule("silhouette", found), sweep_of(tmp_path / "1", rising, [0])) == []


def test_rank_correlation_is_within_a_seed(tmp_path: Path) -> None:
    found = sweep_of(tmp_path, rising)
    assert rank_correlations(find_rule("silhouette", found), found).tolist() == [1] * 6
    assert rank_correlations(find_rule("balance", found), found).tolist() == [-1] * 6


def test_the_best_of_several_seeds(tmp_path: Path) -> None:
    found = sweep_of(tmp_path, rising)
    choice = seed_choice(find_rule("silhouette", found), found)
    assert choice is not None
    assert (choice.gain, choice.best, choice.default) == (2.5, 2.5, 2.5)
    assert choice.num_configurations == 3
    assert seed_choice(find_rule("davies_bouldin", found), found) is None


def test_losses_are_better_when_lower_and_the_rest_of_a_row_is_no_rule(tmp_path: Path) -> None:
    recorded = ["loss_total", "uc", "lr", "confidence_mean", "acc_gap", "threshold_seen", "pc"]
    assert losses_among(recorded) == ("loss_total", "uc", "pc")
    found = sweep_of(tmp_path, rising)
    assert set(found.losses) == {"kl_estimate_to_prior", "kl_prior_to_estimate"}
    for name in found.losses:
        rule = find_rule(name, found)
        np.testing.assert_array_equal(found.values(rule, range(6)), -found.columns[name])
        assert not rule.hidden


def test_what_is_no_rule_is_said_with_what_would_be(tmp_path: Path) -> None:
    found = sweep_of(tmp_path, rising)
    with pytest.raises(BadInputError, match="did you mean 'silhouette'"):
        find_rule("silhouete", found)
    with pytest.raises(BadInputError, match=r"acc_holdout.*silhouette"):
        find_rule("acc_holdout", found)


def test_other_tasks_are_no_rivals(tmp_path: Path) -> None:
    axes: dict[str, list[Any]] = {"labeled_ratio": [0.1, 0.5], "C": LEVELS}
    made = record(axes, [0, 1], settings=settings(), name="c")
    make_ledger(tmp_path, made, finals=lambda point, seed: {**SEEN, **rising(point[1], seed)})
    found = candidates(load_view(tmp_path, "c"))
    assert [point["labeled_ratio"] for point in found.swept] == [0.5] * 3
    assert found.left_out == 3


def with_arrays(
    folder: Path, garble: Callable[[NDArray[Any]], NDArray[Any]] = lambda targets: targets
) -> Candidates:
    """A sweep of before there were columns: wrong predictions by level, arrays in files."""
    made = record({"C": LEVELS}, [0, 1, 2], settings=settings(), name="c")
    make_ledger(folder, made, {}, otherwise="running", epochs=3)
    with Ledger.open(folder, write=True) as ledger:
        for row in ledger.trial_rows("c", True):
            level = LEVELS.index(float(row.swept["C"]))  # type: ignore[arg-type]
            arrays = blobs(row.seed, wrong=0)
            draw = np.random.default_rng(row.seed)
            wrong = draw.permutation(120)[: 40 - 18 * level]
            arrays["predictions"][wrong] = draw.integers(0, 4, len(wrong))
            arrays["targets"] = garble(arrays["targets"])
            right = float(100 * (arrays["targets"] == arrays["predictions"]).mean())
            final = {"acc_all": right, "acc_seen": right, "acc_novel": right, "nmi_novel": right}
            file = save_artefact(folder, row.trial_id, 1, arrays)
            ledger.finish(
                row.trial_id, 1, "done", epoch=3, metrics=final, artefact=file, at=BEGUN_AT + 9
            )
    known = {**settings(), "hidden_fold": ""}
    folds = record({"C": LEVELS, "hidden_fold": ["1/2", "2/2"]}, [0, 1, 2], settings=known)
    folds = dataclasses.replace(folds, name="c_folds")
    hidden = float(garble(np.arange(100))[0])
    finals = {**SEEN, "acc_all": hidden, "acc_novel": hidden}
    make_ledger(
        folder, folds, finals=lambda point, _: {**finals, "acc_fold": point[0]}, ids_begin="f"
    )
    return candidates(load_view(folder, "c"), keep=True)


def test_trials_of_before_are_filled_in_from_their_arrays(tmp_path: Path) -> None:
    found = with_arrays(tmp_path)
    named = {"silhouette", "silhouette_novel", "davies_bouldin", "calinski_harabasz"}
    named |= {"kl_to_prior", "balance", "seed_agreement"}
    rules = rules_of(found)
    assert named <= rules.keys()
    for name in named - {"silhouette_novel"}:
        assert choose(rules[name], found, range(3)) == 2, name
    kept = tmp_path / "c" / KEPT
    content = kept.read_bytes()
    for file in (tmp_path / "artefacts").iterdir():
        file.unlink()
    again = candidates(load_view(tmp_path, "c"))
    assert kept.read_bytes() == content
    for name in named:
        np.testing.assert_array_equal(
            again.values(rules[name], range(3)), found.values(rules[name], range(3))
        )
    kept.write_text("{}")
    assert not named & rules_of(candidates(load_view(tmp_path, "c"))).keys()


def test_garbled_hidden_labels_change_oracle_rules_alone(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    true = with_arrays(tmp_path / "true")
    garbled = with_arrays(tmp_path / "garbled", draw.permutation)
    rules = rules_of(true)
    assert rules.keys() == rules_of(garbled).keys()
    changed = {
        name
        for name, rule in rules.items()
        if rule.score(lambda one: true.values(one, range(3)).mean(1)).tobytes()
        != rule.score(lambda one: garbled.values(one, range(3)).mean(1)).tobytes()
    }
    assert "oracle.acc_all" in changed
    assert "pseudo_novel" in rules
    assert changed <= {name for name, rule in rules.items() if rule.hidden}
    assert {*COLUMNS, "holdout", "pseudo_novel", "seed_agreement"} <= FIXED.keys()


def test_agreement_is_that_of_scikit_learn() -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    draw = np.random.default_rng(0)
    first = draw.integers(0, 5, 200)
    second = np.where(draw.random(200) < 0.7, first + 3, draw.integers(0, 5, 200))
    rand = metrics.adjusted_rand_score(first, second)
    mutual = metrics.normalized_mutual_info_score(first, second)
    assert agreement(first, second) == pytest.approx((rand + mutual) / 2)
    assert agreement(first, 4 - first) == pytest.approx(1)
    assert agreement(np.zeros(5, int), np.ones(5, int)) == 1


def test_agreement_is_with_the_seeds_that_are_asked_for(tmp_path: Path) -> None:
    found = with_arrays(tmp_path)
    rule = FIXED["seed_agreement"]
    whole, pair = found.values(rule, range(3)), found.values(rule, [0, 1])
    assert pair[:, 0] == pytest.approx(pair[:, 1])
    assert pair[0, 0] == pytest.approx(found.agreements[0, 0, 1])
    assert whole[0, 0] == pytest.approx((found.agreements[0, 0, 1:]).mean())
    assert np.isnan(found.values(rule, [0])).all()
