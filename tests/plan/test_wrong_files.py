"""A corpus of wrong search spaces: each is refused with file, line and what would be right."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from lps_sweep.cli import main
from lps_sweep.plan import json_schema
from lps_sweep.plan.yaml_file import MAX_BYTES, parse_yaml

LISTS = """\
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
BLOCKS = """\
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


class Wrong(NamedTuple):
    """Line `line` of a right file replaced by `text`.

    Attributes:
        line: Of the right file, from 1.
        text: What stands there instead.
        words: What the message is to name: the key, a range, the right name.
        at: The line that the message is to name, where it is not `line`.
        seen: Whether the JSON Schema sees it, which knows one value at a time and no `.inf`.
    """

    line: int
    text: str
    words: str
    at: int = 0
    seen: bool = True

    def spoil(self, right: str) -> str:
        lines = right.splitlines()
        lines[self.line - 1] = self.text
        return "\n".join(lines) + "\n"


WRONG_LISTS = [
    Wrong(1, "nam: right", "'name'"),
    Wrong(6, "Grid:", "'grid'"),
    Wrong(9, "seeds: [0]\ntau: 5", "valid names: arms, grid,", at=10),
    Wrong(5, "  epoch: 2", "'epochs'"),
    Wrong(5, "  head.C: 2", "'C'"),
    Wrong(5, "  <<: {epochs: 2}", "'<<'"),
    Wrong(5, "  1: 2", "'1'"),
    Wrong(1, "question: a name?", "'name'"),
    Wrong(9, "question: no seeds?", "'seeds'", at=1),
    Wrong(2, "preset: digit", "'digits'"),
    Wrong(2, "preset: no", "cifar10, cifar100,"),
    Wrong(2, "preset:", "preset"),
    Wrong(3, "method: lsp", "'lps'"),
    Wrong(3, "method: [lps]", "method"),
    Wrong(3, "resources: {cpu_per_pack: 2}", "'cpus_per_pack'"),
    # twice
    Wrong(9, "seeds: [0]\nname: again", "FILE:1", at=10, seen=False),
    Wrong(5, '  epochs: 2\n  "epochs": 2', "FILE:5", at=6, seen=False),
    Wrong(5, "  epochs: 2\n  loop.epochs: 3", "FILE:5", at=6, seen=False),
    Wrong(8, "  method.tau: [1]", "FILE:7", seen=False),
    Wrong(5, "  method.C: 0.3", "FILE:8", seen=False),
    Wrong(3, "resources: {max_pack_size: 2, resources.max_pack_size: 3}", "max_pack_size"),
    Wrong(7, "  tau:\n    - 1\n    - 1.0", "FILE:8", at=9),
    Wrong(8, "  C: [0, -0.0]", "0.0"),
    Wrong(7, "  seen_classes: [[1, 2], [1, 2]]", "[1, 2]"),
    Wrong(9, "seeds: [0, 1, 0]", "[0, 1, 0]"),
    # shapes
    Wrong(4, "set: |", "set"),
    Wrong(5, "#", "set", at=4),
    Wrong(6, "grid: 5\nquestion: |", "grid"),
    Wrong(7, "  tau: 0.2", "list"),
    Wrong(7, "  tau: []", "list"),
    Wrong(7, "  tau: {a: 1}", "list"),
    Wrong(7, "  tau: [[0.2]]", "number"),
    Wrong(7, "  data_root: [a, b]", "data_root", seen=False),
    Wrong(9, "seeds: 0", "list"),
    Wrong(9, "seeds: []", "list"),
    Wrong(3, "resources: 4", "resources"),
    Wrong(1, "name: {a: b}", "name"),
    Wrong(1, "name: 5", "name"),
    Wrong(3, "question: 5", "question"),
    Wrong(5, "  seen_classes: []", "list"),
    # values
    Wrong(7, "  tau: [0.2, -1]", "> 0"),
    Wrong(7, "  tau: [1e-400]", "> 0"),
    Wrong(7, "  tau: [.nan]", "> 0", seen=False),
    Wrong(7, "  tau: [1e999]", "> 0", seen=False),
    Wrong(8, f"  C: [{'9' * 400}]", ">= 0", seen=False),
    Wrong(8, f"  C: [{'9' * 5000}]", ">= 0", seen=False),
    Wrong(7, "  tau: ['0.2']", "number"),
    Wrong(7, "  tau: [1_000]", "number"),
    Wrong(7, "  tau: [true]", "number"),
    Wrong(7, "  tau: [no]", "number"),
    Wrong(7, "  tau: [~]", "number"),
    Wrong(7, "  tau:\n    - 0.2\n    - x", "number", at=9),
    Wrong(5, "  epochs: 0", ">= 1 and <= 1000000"),
    Wrong(5, "  epochs: 2.0", "whole number", seen=False),
    Wrong(5, "  epochs: false", "whole number"),
    Wrong(5, f"  epochs: {'9' * 400}", "more than 100 digits"),
    Wrong(5, "  concat_views: yes", "true or false"),
    Wrong(5, "  labeled_ratio: 0", "> 0 and <= 1"),
    Wrong(5, "  labeled_holdout: 1", ">= 0 and < 1"),
    Wrong(5, "  network: small_cn", "'small_cnn'"),
    Wrong(5, "  precision: 32", "word"),
    Wrong(5, "  frozen_through: stem", "none, stage1, stage2, stage3, stage4", seen=False),
    Wrong(5, "  seen_classes: [1, 2, 1]", "[1, 2, 1]"),
    Wrong(5, "  seen_classes: [1, 2.5]", "2.5"),
    Wrong(9, "seeds: [2147483648]", "2147483647"),
    Wrong(9, "seeds: [0.0]", "whole number", seen=False),
    Wrong(9, "seeds:\n  - 0\n  - one", "whole number", at=11),
    Wrong(3, "margin_points: 0", "> 0 and <= 100"),
    Wrong(3, "resources: {max_pack_size: 33}", ">= 1 and <= 32"),
    Wrong(3, "resources: {gpus_per_pack: 1.5}", "gpus_per_pack", seen=False),
    Wrong(3, "resources: {gpus_per_pack: 0.00001}", "0.0001", seen=False),
    # names
    *(
        Wrong(1, f"name: {name}", "1 to 64 letters, digits, '.', '_' or '-'")
        for name in ("a/b", "-x", "ü", "x" * 65, '"a\\nb"', "../../tmp/x")
    ),
    Wrong(1, "name: Artefacts", "name", seen=False),
    Wrong(1, "name: ledger.sqlite-wal", "name", seen=False),
]
SYNTAX = [
    Wrong(5, "\tepochs: 2", "tab"),
    Wrong(7, "  tau: [0.2", "flow sequence", at=8),
    Wrong(5, "  ? [epochs]\n  : 2", "key"),
    Wrong(9, "seeds: [0]\n---\nname: second", "document", at=10),
    Wrong(7, "  tau: &tau [0.2]", "anchors"),
    Wrong(7, "  tau: *tau", "anchors"),
    Wrong(5, '  epochs: !!int "2"', "tag:yaml.org,2002:int"),
    Wrong(5, "  epochs: !!python/object/apply:os.getpid []", "tags"),
    Wrong(5, f"  epochs: {'[' * 50}{']' * 50}", "12 levels"),
    Wrong(5, "  epochs: 2\x07", "U+0007"),
]
WRONG_BLOCKS = [
    Wrong(11, "one_at_time:", "'one_at_a_time'"),
    Wrong(5, "  without_pc: {eta: 0}", "'eta2'"),
    Wrong(5, "  without_pc:\n    eta1: 0\n    seeds: [1]", "'seeds'", at=7),
    Wrong(5, "  without_pc: {method: lsp}", "'lps'"),
    Wrong(5, "  without_pc: {methods: lps}", "'method'"),
    Wrong(12, "  head.eta2: [0.5]", "'eta2'"),
    Wrong(7, "  arm: [full]", "'arm'"),
    *(Wrong(5, f"  {n}: {{eta1: 0}}", "1 to 64 letters") for n in ("a b", "-x", "ü", '""')),
    Wrong(4, "  without_pc: {}", "FILE:4", at=5, seen=False),
    Wrong(5, "  b: {method: lps}", "'full' and 'b'", seen=False),
    Wrong(5, "  b: {eta1: 0}\n  c: {method.eta1: 0.0}", "'b' and 'c'", at=6, seen=False),
    Wrong(5, "  b: {C: 0}", "FILE:7, in grid", seen=False),
    Wrong(5, "  b:\n    eta2: 0", "FILE:13, in one_at_a_time", at=6, seen=False),
    Wrong(9, "  method.C: [1, 2]", "FILE:7, in grid", seen=False),
    Wrong(12, "  tau: [1]", "FILE:9, in zip", seen=False),
    Wrong(2, "set: {tau: 1}", "FILE:9", seen=False),
    Wrong(12, "  eta2: [0.5, 1, 0.5]", "FILE:12"),
    Wrong(9, "  tau: [0.2, 2e-1]", "[0.2, 0.9]", at=10, seen=False),
    Wrong(3, "arms: [full]\nquestion: |", "arms"),
    Wrong(5, "  b: 0", "'b'"),
    Wrong(5, "  b: {eta1: [0, 1]}", "eta1"),
    Wrong(5, "  b: {method: null}", "method"),
    Wrong(8, "zip: [1]\nquestion: |", "zip"),
    Wrong(9, "  tau: 0.2", "list"),
    Wrong(9, "  tau: [1, 2, 3]", "lambda_seen has 2 and tau has 3", at=10, seen=False),
    Wrong(9, "#", "grid", at=10, seen=False),
    Wrong(12, "  eta2: {a: 1}", "list"),
    Wrong(5, "  b:\n    eta1: x", "number", at=6),
    Wrong(5, "  b: {frozen_through: stem}", "none, stage1", seen=False),
    Wrong(9, "  tau:\n    - 0.2\n    - 0", "> 0", at=11),
    Wrong(10, "  lambda_seen: [0.9, 1.1]", ">= 0 and <= 1"),
    Wrong(12, "  frozen_through: [stage2, stem]", "none, stage1", seen=False),
    Wrong(12, "  dataset: [digit]", "'digits'", seen=False),
    Wrong(5, "  b: {seen_classes: 10}", "10 of 10", seen=False),
    Wrong(12, "  data_root: [a]", "'a'", seen=False),
]
CORPUS = [
    *((LISTS, case) for case in (*WRONG_LISTS, *SYNTAX)),
    *((BLOCKS, case) for case in WRONG_BLOCKS),
]
WHOLE_FILES = [
    (b"", 1),
    (b"# a comment\n", 1),
    (b"- name: x\n", 1),
    (b"\n\njust text\n", 3),
    (b"name: x\nquestion: \xff?\nseeds: [0]\n", 2),
    (LISTS.encode("utf-16"), 1),
    (b"name: x\nquestion: \x00\n", 2),
]


@pytest.mark.parametrize("right", [LISTS, BLOCKS])
def test_the_file_that_the_corpus_spoils_is_right(right: str, tmp_path: Path) -> None:
    file = tmp_path / "right.yaml"
    file.write_text(right)
    assert main(["plan", str(file), "--results", str(tmp_path / "none")]) == 0


@pytest.mark.parametrize(
    ("right", "case"),
    CORPUS,
    ids=lambda it: f"{it[0]}:{it[1][:40]}" if it not in (LISTS, BLOCKS) else "",
)
def test_wrong_line(
    right: str, case: Wrong, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "wrong.yaml"
    file.write_text(case.spoil(right), encoding="utf-8")
    assert main(["plan", str(file), "--results", str(tmp_path / "none")]) == 4
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith(f"lps_sweep: {file}:{case.at or case.line}: ")
    assert case.words in printed.err.replace(str(file), "FILE")
    assert "Located(" not in printed.err


@pytest.mark.parametrize(("content", "line"), WHOLE_FILES)
def test_wrong_file(
    content: bytes, line: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "wrong.yaml"
    file.write_bytes(content)
    assert main(["plan", str(file), "--results", str(tmp_path / "none")]) == 4
    assert capsys.readouterr().err.startswith(f"lps_sweep: {file}:{line}: ")


def test_no_file_a_folder_and_too_large_a_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    large = tmp_path / "large.yaml"
    large.write_text(LISTS + "#" * MAX_BYTES)
    for path in (tmp_path / "absent.yaml", tmp_path, large / "in", large, Path("/dev/zero")):
        assert main(["plan", str(path)]) == 4
        assert capsys.readouterr().err.startswith(f"lps_sweep: {path}: ")


@pytest.mark.usefixtures("only_lps")
def test_what_the_reader_refuses_in_one_place_the_schema_refuses_as_well() -> None:
    library: Any = importlib.import_module("jsonschema")
    check = library.Draft202012Validator(json_schema())
    for right in (LISTS, BLOCKS):
        assert check.is_valid(parse_yaml(right, "f").plain())
    texts = [c.spoil(right) for right, c in CORPUS if c.seen and c not in SYNTAX]
    assert [t for t in texts if check.is_valid(parse_yaml(t, "f").plain())] == []
