"""A corpus of wrong arms, grids, zips and one_at_a_times: each is refused with file and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from lps_sweep.cli import main
from tests.plan.wrong_cases import Wrong, assert_refused

RIGHT = """\
name: right
preset: digits
arms:
  full: {}
  without_pc: {eta1: 0}
grid:
  C: [1, 10]
zip:
  tau: [0.2, 0.4]
  lambda_seen: [0.9, 0.9]
one_at_a_time:
  eta2: [0.5, 1]
  w_entropy: [0.5, 1, 2]
seeds: [0]
"""

KEYS = [
    Wrong(3, "arm:", "unknown key 'arm'; did you mean 'arms'?"),
    Wrong(8, "zips:", "unknown key 'zips'; did you mean 'zip'?"),
    Wrong(11, "one_at_time:", "unknown key 'one_at_time'; did you mean 'one_at_a_time'?"),
    Wrong(5, "  without_pc: {eta: 0}", "unknown key 'eta'; did you mean 'eta2'?"),
    Wrong(5, "  without_pc:\n    eta1: 0\n    seeds: [1]", "unknown key 'seeds'", at=7),
    Wrong(5, "  without_pc: {method: lsp}", "unknown method 'lsp'; did you mean 'lps'?"),
    Wrong(5, "  without_pc: {methods: lps}", "unknown key 'methods'; did you mean 'method'?"),
    Wrong(9, "  taus: [0.2, 0.4]", "unknown key 'taus'; did you mean 'tau'?"),
    Wrong(12, "  Eta2: [0.5, 1]", "unknown key 'Eta2'; did you mean 'eta2'?"),
    Wrong(12, "  head.eta2: [0.5]", "unknown key 'head.eta2'; did you mean 'eta2'?"),
    Wrong(7, "  arm: [full]", "unknown key 'arm'; "),
    Wrong(7, "  seeds: [1, 2]", "unknown key 'seeds'; "),
]
NAMES = [
    Wrong(5, f"  {name}: {{eta1: 0}}", "the name of an arm must be 1 to 64 letters, digits, '.'")
    for name in ("a b", "-x", "a/b", "..", "'<b>'", "ü", "x" * 65, '""', '"a\\nb"', "without,pc")
]
TWICE = [
    Wrong(4, "  without_pc: {}", "'without_pc' is given twice, first at FILE:4", at=5),
    Wrong(5, "  without_pc: {}", "the arms 'full' and 'without_pc' are one and the same"),
    Wrong(5, "  b: {eta1: 1}", "the arms 'full' and 'b' are one and the same"),
    Wrong(5, "  b: {method: lps}", "the arms 'full' and 'b' are one and the same"),
    Wrong(5, "  b: {eta1: 0}\n  c: {method.eta1: 0.0}", "the arms 'b' and 'c' are one", at=6),
    Wrong(5, "  b: {eta1: 0, method.eta1: 0}", "eta1 is given twice, first at FILE:5"),
    Wrong(5, "  b: {C: 0}", "C is given twice, in the arm 'b' and, at FILE:7, in grid"),
    Wrong(5, "  b: {tau: 1}", "tau is given twice, in the arm 'b' and, at FILE:9, in zip"),
    Wrong(5, "  b:\n    eta2: 0", "in the arm 'b' and, at FILE:13, in one_at_a_time", at=6),
    Wrong(9, "  C: [1, 2]", "C is given twice, in zip and, at FILE:7, in grid"),
    Wrong(9, "  method.C: [1, 2]", "C is given twice, in zip and, at FILE:7, in grid"),
    Wrong(12, "  tau: [1]", "tau is given twice, in one_at_a_time and, at FILE:9, in zip"),
    Wrong(12, "  C: [1]", "C is given twice, in one_at_a_time and, at FILE:7, in grid"),
    Wrong(2, "set: {eta2: 1}", "eta2 is swept too, at FILE:12"),
    Wrong(2, "set: {tau: 1}", "tau is swept too, at FILE:9"),
    Wrong(12, "  eta2: [0.5, 1, 0.5]", "eta2 has 0.5 twice, first at FILE:12"),
    Wrong(12, "  eta2: [1]\n  method.eta2: [2]", "eta2 is given twice, first at FILE:12", at=13),
    Wrong(10, "  lambda_seen: [0.9, 0.9]\n  tau: [0.2, 0.4]", "'tau' is given twice", at=11),
    Wrong(9, "  tau: [0.2, 0.3]\n  eta1: [1, 1]", "eta1 is given twice, in the arm", at=5),
    Wrong(
        9,
        "  tau: [0.2, 2e-1]",
        "zip has tau = 0.2, lambda_seen = 0.9 twice, at places 1 and 2",
        at=10,
    ),
]
SHAPES = [
    Wrong(3, "arms: [full]\nquestion: |", "arms must be a mapping of names to values"),
    Wrong(3, "arms: full\nquestion: |", "arms must be a mapping of names to values"),
    Wrong(4, "  full:", "the arm 'full' must be a mapping of names to values, {} for none, not nu"),
    Wrong(5, "  b: 0", "the arm 'b' must be a mapping of names to values, {} for none, not 0"),
    Wrong(5, "  b: [eta1]", "the arm 'b' must be a mapping of names to values, {} for none, not ["),
    Wrong(5, "  b: {eta1: [0, 1]}", "eta1 must be a number, not [0, 1]"),
    Wrong(5, "  b: {method: [lps]}", "method must be text, not ['lps']"),
    Wrong(5, "  b: {method: null}", "method must be text, not null"),
    Wrong(8, "zip: [1]\nquestion: |", "zip must be a mapping of names to values"),
    Wrong(9, "  tau: 0.2", "tau must be a list of values to sweep, not 0.2"),
    Wrong(9, "  tau: []", "tau must be a list of values to sweep, not []"),
    Wrong(9, "  tau: [0.2]", "lists of zip have one length, but lambda_seen has 2 and tau", at=10),
    Wrong(9, "  tau: [1, 2, 3]", "have one length, but lambda_seen has 2 and tau has 3", at=10),
    Wrong(9, "#", "zip moves lists together, and lambda_seen is alone; write it in grid", at=10),
    Wrong(11, "one_at_a_time: 1\nquestion: |", "one_at_a_time must be a mapping of names to val"),
    Wrong(12, "  eta2: 0.5", "eta2 must be a list of values to sweep, not 0.5"),
    Wrong(12, "  eta2: {a: 1}", "eta2 must be a list of values to sweep, not a mapping"),
    Wrong(12, "  eta2: [[1]]", "eta2 must be a number, not [1]"),
]
VALUES = [
    Wrong(5, "  b: {eta1: -1}", "eta1 must be >= 0, not -1.0"),
    Wrong(5, "  b:\n    eta1: x", "eta1 must be a number, not 'x'", at=6),
    Wrong(5, "  b: {frozen_through: stem}", "none, stage1, stage2, stage3, stage4 for small_cnn"),
    Wrong(5, "  b: {network: small_cn}", "(did you mean 'small_cnn'?)"),
    Wrong(9, "  tau:\n    - 0.2\n    - 0", "tau must be > 0, not 0.0", at=11),
    Wrong(10, "  lambda_seen: [0.9, 1.1]", "lambda_seen must be >= 0 and <= 1, not 1.1"),
    Wrong(12, "  eta2: [0.5, true]", "eta2 must be a number, not true"),
    Wrong(12, "  epochs: [1.0]", "epochs must be a whole number, not 1.0"),
    Wrong(12, "  frozen_through: [stage2, stem]", "frozen_through must be one of none, stage1"),
    Wrong(12, "  dataset: [digit]", "unknown data set 'digit'; did you mean 'digits'?"),
    Wrong(5, "  b: {seen_classes: 10}", "seen_classes: 10 of 10 classes are seen"),
    Wrong(12, "  data_root: [a]", "data_root changes nothing here: '' and 'a' give the same trial"),
]
CORPUS = [*KEYS, *NAMES, *TWICE, *SHAPES, *VALUES]


def test_the_corpus_is_large_and_its_parts_are_different() -> None:
    assert len(CORPUS) >= 70
    assert len({(case.line, case.text) for case in CORPUS}) == len(CORPUS)


def test_the_file_that_the_corpus_spoils_is_right(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "right.yaml"
    file.write_text(RIGHT)
    assert main(["plan", str(file), "--results", str(tmp_path / "none")]) == 0
    assert "32 trials: 32 configurations at seeds 0" in capsys.readouterr().out


@pytest.mark.parametrize("case", CORPUS, ids=lambda case: case.name)
def test_wrong_line(case: Wrong, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert_refused(RIGHT, case, tmp_path, capsys)
