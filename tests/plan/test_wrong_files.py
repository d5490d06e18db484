"""A corpus of wrong search spaces: each is refused with file, line and what would be right."""

from __future__ import annotations

from pathlib import Path

import pytest

from lps_sweep.cli import main
from lps_sweep.plan.yaml_file import MAX_BYTES
from tests.plan.wrong_cases import Wrong, assert_refused

RIGHT = """\
name: right
preset: digits
method: lps
set:
  epochs: 2
grid:
  tau: [0.2, 0.4]
  C: [1, 10]
seeds: [0, 1]
"""

KEYS = [
    Wrong(1, "nam: right", "unknown key 'nam'; did you mean 'name'?"),
    Wrong(6, "Grid:", "unknown key 'Grid'; did you mean 'grid'?"),
    Wrong(9, "seed: [0]", "unknown key 'seed'; did you mean 'seeds'?"),
    Wrong(9, "seeds: [0]\ntau: 5", "unknown key 'tau'; valid names: arms, grid,", at=10),
    Wrong(5, "  epoch: 2", "unknown key 'epoch'; did you mean 'epochs'?"),
    Wrong(5, "  head.C: 2", "unknown key 'head.C'; did you mean 'C'?"),
    Wrong(5, "  loop.epoch: 2", "unknown key 'loop.epoch'; did you mean"),
    Wrong(7, "  Tau: [0.2]", "unknown key 'Tau'; did you mean 'tau'?"),
    Wrong(7, "  lambda: [0.2]", "unknown key 'lambda'; did you mean 'lambda_"),
    Wrong(5, "  <<: {epochs: 2}", "unknown key '<<'"),
    Wrong(5, "  1: 2", "unknown key '1'"),
    Wrong(1, "question: a name?", "the key 'name' is missing"),
    Wrong(9, "question: no seeds?", "the key 'seeds' is missing; a list such as", at=1),
    Wrong(2, "preset: digit", "unknown preset 'digit'; did you mean 'digits'?"),
    Wrong(2, "preset: no", "unknown preset 'no'; valid names: cifar10, cifar100,"),
    Wrong(2, "preset:", "preset must be text, not null"),
    Wrong(3, "method: lsp", "unknown method 'lsp'; did you mean 'lps'?"),
    Wrong(3, "method: [lps]", "method must be text, not ['lps']"),
    Wrong(3, 'method: ""', "method must be text, not ''"),
    Wrong(
        3,
        "resources: {cpu_per_pack: 2}",
        "unknown key 'cpu_per_pack'; did you mean 'cpus_per_pack'?",
    ),
]
TWICE = [
    Wrong(9, "seeds: [0]\nname: again", "'name' is given twice, first at FILE:1", at=10),
    Wrong(5, "  epochs: 2\n  epochs: 3", "'epochs' is given twice, first at FILE:5", at=6),
    Wrong(5, '  epochs: 2\n  "epochs": 2', "'epochs' is given twice, first at FILE:5", at=6),
    Wrong(5, "  epochs: 2\n  loop.epochs: 3", "epochs is given twice, first at FILE:5", at=6),
    Wrong(8, "  method.tau: [1]", "tau is given twice, first at FILE:7"),
    Wrong(5, "  tau: 0.3", "tau is swept too, at FILE:7"),
    Wrong(5, "  method.C: 0.3", "C is swept too, at FILE:8"),
    Wrong(3, "resources: {max_pack_size: 2, resources.max_pack_size: 3}", "given twice"),
    Wrong(7, "  tau: [0.2, 0.4, 0.2]", "tau has 0.2 twice, first at FILE:7"),
    Wrong(7, "  tau:\n    - 1\n    - 1.0", "tau has 1.0 twice, first at FILE:8", at=9),
    Wrong(7, "  tau: [2e-1, 0.2]", "tau has 0.2 twice"),
    Wrong(8, "  C: [0, -0.0]", "C has 0.0 twice"),
    Wrong(7, "  seen_classes: [[1, 2], [1, 2]]", "seen_classes has [1, 2] twice"),
    Wrong(9, "seeds: [0, 1, 0]", "seeds has 0 twice"),
]
SHAPES = [
    Wrong(4, "set: |", "set must be a mapping of names to values"),
    Wrong(4, "set: [1]\nquestion: |", "set must be a mapping of names to values"),
    Wrong(5, "#", "set must be a mapping of names to values", at=4),
    Wrong(6, "grid: 5\nquestion: |", "grid must be a mapping of names to values"),
    Wrong(7, "  tau: 0.2", "tau must be a list of values to sweep, not 0.2"),
    Wrong(7, "  tau: []", "tau must be a list of values to sweep, not []"),
    Wrong(7, "  tau: {a: 1}", "tau must be a list of values to sweep, not a mapping"),
    Wrong(7, "  tau:", "tau must be a list of values to sweep, not null"),
    Wrong(7, "  tau: [[0.2]]", "tau must be a number, not [0.2]"),
    Wrong(7, "  data_root: [a, b]", "data_root changes nothing here: 'a' and 'b' give"),
    Wrong(9, "seeds: 0", "seeds must be a list such as [0, 1, 2], not 0"),
    Wrong(9, "seeds: []", "seeds must be a list such as [0, 1, 2], not []"),
    Wrong(9, "seeds: {0: 1}", "seeds must be a list such as [0, 1, 2], not a mapping"),
    Wrong(3, "resources: 4", "resources must be a mapping of names to values"),
    Wrong(1, "name: [a]", "name must be text, not ['a']"),
    Wrong(1, "name: {a: b}", "name must be text, not a mapping"),
    Wrong(1, "name: 5", "name must be text, not 5"),
    Wrong(3, "question: 5", "question must be text, not 5"),
    Wrong(5, "  ? [epochs]\n  : 2", "a key must be a word"),
    Wrong(5, "  seen_classes: []", "seen_classes must be a whole number or a list"),
    Wrong(5, "  seen_classes: {a: 1}", "or a list of whole numbers, not a mapping"),
]
VALUES = [
    Wrong(7, "  tau: [0.2, -1]", "tau must be > 0, not -1.0"),
    Wrong(7, "  tau: [0]", "tau must be > 0, not 0.0"),
    Wrong(7, "  tau: [1e-400]", "tau must be > 0, not 0.0"),
    Wrong(7, "  tau: [.nan]", "tau must be > 0, not nan"),
    Wrong(7, "  tau: [.inf]", "tau must be > 0, not inf"),
    Wrong(7, "  tau: [1e999]", "tau must be > 0, not inf"),
    Wrong(8, f"  C: [{'9' * 400}]", "C must be >= 0, not inf"),
    Wrong(8, f"  C: [{'9' * 5000}]", "C must be >= 0, not inf"),
    Wrong(8, "  C: [-.inf]", "C must be >= 0, not -inf"),
    Wrong(7, "  tau: ['0.2']", "tau must be a number, not '0.2'"),
    Wrong(7, "  tau: [0.2.1]", "tau must be a number, not '0.2.1'"),
    Wrong(7, "  tau: [1_000]", "tau must be a number, not '1_000'"),
    Wrong(7, "  tau: [0x10]", "tau must be a number, not '0x10'"),
    Wrong(7, "  tau: [1:30]", "tau must be a number, not '1:30'"),
    Wrong(7, "  tau: [true]", "tau must be a number, not true"),
    Wrong(7, "  tau: [no]", "tau must be a number, not 'no'"),
    Wrong(7, "  tau: [~]", "tau must be a number, not null"),
    Wrong(7, "  tau:\n    - 0.2\n    - x", "tau must be a number, not 'x'", at=9),
    Wrong(5, "  epochs: 0", "epochs must be >= 1 and <= 1000000, not 0"),
    Wrong(5, "  epochs: 1e3", "epochs must be a whole number, not 1000.0"),
    Wrong(5, "  epochs: 2.0", "epochs must be a whole number, not 2.0"),
    Wrong(5, "  epochs: false", "epochs must be a whole number, not false"),
    Wrong(5, f"  epochs: {10**30}", f"epochs must be >= 1 and <= 1000000, not {10**30}"),
    Wrong(5, f"  epochs: {'9' * 400}", "not a number of more than 100 digits"),
    Wrong(5, "  batch_size: 1", "batch_size must be >= 2 and <= 1000000, not 1"),
    Wrong(5, "  concat_views: yes", "concat_views must be true or false, not 'yes'"),
    Wrong(5, "  concat_views: 1", "concat_views must be true or false, not 1"),
    Wrong(5, "  labeled_ratio: 0", "labeled_ratio must be > 0 and <= 1, not 0.0"),
    Wrong(5, "  labeled_holdout: 1", "labeled_holdout must be >= 0 and < 1, not 1.0"),
    Wrong(5, "  lambda_seen: 1.5", "lambda_seen must be >= 0 and <= 1, not 1.5"),
    Wrong(5, "  split_seed: 4294967296", "split_seed must be >= 0 and <= 4294967295"),
    Wrong(5, "  network: small_cn", "not 'small_cn' (did you mean 'small_cnn'?)"),
    Wrong(5, "  frozen_bn: no", "frozen_bn must be one of train, eval, not 'no'"),
    Wrong(5, "  precision: 32", "precision must be a word, not 32"),
    Wrong(5, "  frozen_through: stem", "none, stage1, stage2, stage3, stage4 for small_cnn"),
    Wrong(5, "  seen_classes: [1, 2, 1]", "seen_classes names a value twice: [1, 2, 1]"),
    Wrong(5, "  seen_classes: [1, 2.5]", "not [1, 2.5]"),
    Wrong(5, "  seen_classes: -1", "seen_classes must be >= 0"),
    Wrong(9, "seeds: [-1]", "a seed is a whole number from 0 to 2147483647, not -1"),
    Wrong(9, "seeds: [2147483648]", "a seed is a whole number from 0 to 2147483647"),
    Wrong(9, "seeds: [0.0]", "a seed is a whole number from 0 to 2147483647, not 0.0"),
    Wrong(9, "seeds: [true]", "not true"),
    Wrong(9, "seeds: [[0]]", "not [0]"),
    Wrong(9, "seeds: [null]", "not null"),
    Wrong(9, "seeds:\n  - 0\n  - one", "not 'one'", at=11),
    Wrong(3, "resources: {cpus_per_pack: 0}", "cpus_per_pack must be >= 1 and <= 4096, not 0"),
    Wrong(3, "resources: {max_pack_size: 33}", "max_pack_size must be >= 1 and <= 32, not 33"),
    Wrong(3, "resources: {max_pack_size: x}", "a whole number or null, not 'x'"),
    Wrong(3, "resources: {gpus_per_pack: 1.5}", "a whole number where it is above 1, not 1.5"),
    Wrong(3, "resources: {gpus_per_pack: -1}", "gpus_per_pack must be >= 0 and <= 1024"),
    Wrong(3, "resources: {epoch_time_limit_s: 0}", "epoch_time_limit_s must be > 0"),
]
NAMES = [
    Wrong(1, f"name: {name}", message)
    for message, names in (
        ("1 to 64 letters, digits, '.', '_' or '-'", ["a/b", "..", "-x", "'a b'", "ü", "x" * 65]),
        ("1 to 64 letters, digits, '.', '_' or '-'", ['"a\\nb"', "../../tmp/x", "'a\\b'"]),
        ("what the results folder calls a part of itself", ["checkpoints", "Artefacts"]),
        ("what the results folder calls a part of itself", ["ledger.sqlite-wal", "driver.lock"]),
    )
    for name in names
]
SYNTAX = [
    Wrong(5, "\tepochs: 2", "not valid YAML: while scanning for the next token"),
    Wrong(7, "  tau: [0.2", "not valid YAML: while parsing a flow sequence", at=8),
    Wrong(5, "  epochs: 2: 3", "not valid YAML: mapping values are not allowed here"),
    Wrong(9, "seeds: [0]\n---\nname: second", "a second document begins here", at=10),
    Wrong(7, "  tau: &tau [0.2]", "anchors and aliases are not supported"),
    Wrong(7, "  tau: *tau", "anchors and aliases are not supported"),
    Wrong(5, "  epochs: !!int 2", "tags such as tag:yaml.org,2002:int are not supported"),
    Wrong(5, '  epochs: !!int "2"', "tags such as tag:yaml.org,2002:int are not supported"),
    Wrong(5, "  epochs: !!python/object/apply:os.getpid []", "are not supported"),
    Wrong(5, "  epochs: ! 2", "tags such as ! are not supported"),
    Wrong(5, f"  epochs: {'[' * 50}{']' * 50}", "nested deeper than 12 levels"),
    Wrong(5, f"  epochs: {'{a: ' * 50}1{'}' * 50}", "nested deeper than 12 levels"),
    Wrong(5, "  epochs: 2\x07", "not valid YAML: character U+0007 is not allowed"),
]
CORPUS = [*KEYS, *TWICE, *SHAPES, *VALUES, *NAMES, *SYNTAX]
WHOLE_FILES = [
    (b"", 1, "there is nothing in it"),
    (b"# a comment\n", 1, "there is nothing in it"),
    (b"- name: x\n", 1, "a search space is a mapping of keys to values"),
    (b"\n\njust text\n", 3, "a search space is a mapping of keys to values"),
    (b"---\n", 2, "a search space is a mapping of keys to values"),
    (b"name: x\nquestion: \xff?\nseeds: [0]\n", 2, "not UTF-8 text: byte 0xff"),
    (RIGHT.encode("utf-16"), 1, "not UTF-8 text: byte 0xff"),
    (b"name: x\nquestion: \x00\n", 2, "not valid YAML: character U+0000 is not allowed"),
]


def test_the_corpus_is_large_and_its_parts_are_different() -> None:
    assert len(CORPUS) >= 100
    assert len({(case.line, case.text) for case in CORPUS}) == len(CORPUS)


def test_the_file_that_the_corpus_spoils_is_right(tmp_path: Path) -> None:
    file = tmp_path / "right.yaml"
    file.write_text(RIGHT)
    assert main(["plan", str(file), "--results", str(tmp_path / "none")]) == 0


@pytest.mark.parametrize("case", CORPUS, ids=lambda case: case.name)
def test_wrong_line(case: Wrong, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert_refused(RIGHT, case, tmp_path, capsys)


@pytest.mark.parametrize(("content", "line", "message"), WHOLE_FILES)
def test_wrong_file(
    content: bytes, line: int, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "wrong.yaml"
    file.write_bytes(content)
    assert main(["plan", str(file), "--results", str(tmp_path / "none")]) == 4
    assert capsys.readouterr().err.startswith(f"lps_sweep: {file}:{line}: {message}")


def test_no_file_a_folder_and_too_large_a_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    large = tmp_path / "large.yaml"
    large.write_text(RIGHT + "#" * MAX_BYTES)
    for path, message in (
        (tmp_path / "absent.yaml", "there is no such file"),
        (tmp_path, "cannot be read: Is a directory"),
        (large / "inside.yaml", "cannot be read: Not a directory"),
        (large, "a search space has at most 262144 bytes"),
        (Path("/dev/zero"), "a search space has at most 262144 bytes"),
    ):
        assert main(["plan", str(path)]) == 4
        assert capsys.readouterr().err == f"lps_sweep: {path}: {message}\n"
