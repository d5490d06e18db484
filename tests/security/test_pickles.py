"""S1, S2: nothing from a results folder, and no file of weights, is ever unpickled."""

from __future__ import annotations

import ast
import contextlib
import gzip
import hashlib
import json
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

import lps_sweep
from lps_sweep.cli import main
from tests.own_process import python
from tests.security.folders import FORMS, a_trial, all_verbs, database

PACKAGE = Path(lps_sweep.__file__).parent
NAMES_OF_TUNE = ("tuner.pkl", "trainable.pkl", "error.pkl", "params.pkl", "searcher-state.pkl")
NAMES_OF_PYTHON = ("yaml.py", "torch.py", "numpy.py", "sitecustomize.py", "rich.py", "json.py")


def make_believe(results: Path, path: Path, content: bytes) -> None:
    """Puts `content` in the place of a file, with its hash wherever a hash is recorded."""
    path.write_bytes(content)
    sha256, name = hashlib.sha256(content).hexdigest(), str(path.relative_to(results))
    with database(results) as ledger:
        for table, kind in (("outcomes", "artefact"), ("checkpoints", "member")):
            ledger.execute(
                f"UPDATE {table} SET {kind}_sha256 = ? WHERE {kind}_path = ?", (sha256, name)
            )
        ledger.execute("UPDATE checkpoints SET run_sha256 = ? WHERE run_path = ?", (sha256, name))
    facts = path.with_suffix(".json")
    if path.parent.name == "trunks" and facts.exists():
        facts.write_text(json.dumps({**json.loads(facts.read_text()), "sha256": sha256}))


def reopen(results: Path) -> None:
    """The trials are to go on from their checkpoints; no sidecar tells that they had ended."""
    with database(results) as ledger:
        ledger.execute("DELETE FROM outcomes")
        ledger.execute("UPDATE attempts SET ended = 'lost'")


@pytest.mark.parametrize("form", FORMS)
def test_the_canaries_sing(form: str, tmp_path: Path) -> None:
    """Each form does run its code where it is read without care."""
    mark, file = tmp_path / "mark", tmp_path / "file"
    file.write_bytes(FORMS[form](mark))
    careless: tuple[Callable[[], object], ...] = (
        lambda: np.load(file, allow_pickle=True)["labels"],
        lambda: pickle.loads(file.read_bytes()),
        lambda: pickle.loads(gzip.decompress(file.read_bytes())),
        lambda: torch.load(file, weights_only=False),
    )
    for read in careless:
        with contextlib.suppress(Exception):
            read()
    assert mark.exists()


@pytest.mark.parametrize(
    ("form", "ending"),
    [
        *((form, "whole") for form in ("pickle, newest", "torch", "torch, legacy", "npz")),
        *((form, "unfinished") for form in ("pickle, newest", "torch")),
    ],
)
def test_a_hostile_results_folder_runs_no_code(
    form: str, ending: str, copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every file but the ledger is a canary of the recorded hash, and there are more beside."""
    results, mark = copy / "results", copy / "mark"
    trial, content = a_trial(results), FORMS[form](mark)
    files = [path for path in results.rglob("*") if path.is_file() and path.suffix != ".sqlite"]
    assert {path.suffix for path in files} >= {".pt", ".npz", ".json", ".html", ".csv"}
    if ending == "unfinished":
        reopen(results)
    for path in files:
        if path.suffix != ".json":
            make_believe(results, path, content)
        elif path.parent.name != "trunks":
            path.write_bytes(content)
    for place in [results, *(path for path in results.rglob("*") if path.is_dir())]:
        for name in NAMES_OF_TUNE:
            (place / name).write_bytes(content)
    for verb in all_verbs(copy, trial):
        assert main(verb) in (0, 2, 4, 5), verb
        assert not mark.exists(), verb
        assert "Traceback" not in capsys.readouterr().err
    assert main(["check", str(results)]) in (0, 5)


@pytest.mark.parametrize("form", FORMS)
def test_hostile_weights_are_refused(
    form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mark, file = tmp_path / "mark", tmp_path / "weights.pt"
    file.write_bytes(FORMS[form](mark))
    settings = ["network=resnet18", f"pretrained={file}", "epochs=1", "frozen_through=stage3"]
    where = ["--preset", "digits", "--results", str(tmp_path / "results")]
    assert main(["pretrain", *settings, *where]) == 4
    assert f"{file} is no file of weights" in capsys.readouterr().err
    assert main(["train", *settings, *where]) == 4
    assert not mark.exists()


def test_python_files_in_a_results_folder_are_not_imported(copy: Path) -> None:
    results, mark = copy / "results", copy / "mark"
    for name in NAMES_OF_PYTHON:
        (results / name).write_text(f"open({str(mark)!r}, 'w').close()\nraise SystemExit(99)\n")
    (results / "lps_sweep.json").write_text("{}")
    for verb in (["status", "."], ["report", "."], ["check", "."]):
        ended = python("-m", "lps_sweep", *verb, cwd=results)
        assert (ended.returncode, mark.exists()) == (0, False), ended.stderr


FORBIDDEN = {
    *("pickle.load", "pickle.loads", "cloudpickle.load", "cloudpickle.loads", "dill.load"),
    *("joblib.load", "shelve.open", "marshal.loads", "pandas.read_pickle", "pd.read_pickle"),
    *("torch.export.load", "torch.jit.load", "torch.hub.load", "pd.read_parquet"),
    *("pyarrow.parquet.read_table", "yaml.load", "yaml.unsafe_load", "yaml.full_load"),
    *("os.system", "os.popen", "eval", "exec", "compile", "__import__"),
}
"""Calls that the package has none of: they unpickle, run code, or are a shell."""

REQUIRED = {"torch.load": ("weights_only", True), "np.load": ("allow_pickle", False)}
"""Calls that need an argument."""

UNPICKLER = "lps_sweep/data/cifar.py"
"""CIFAR's files are pickles: read by an unpickler that knows three names (test_cifar.py)."""


def unsafe(source: str, name: str) -> list[str]:
    """What is unsafe in the module `name`, a line each."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute | ast.Name) and name != UNPICKLER:
            word = ast.unparse(node)
            if word.endswith(("Unpickler", "UnsafeLoader", "FullLoader")):
                found.append(f"{name}:{node.lineno}: {word}")
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        given = {word.arg: word.value for word in node.keywords}
        if called in FORBIDDEN:
            found.append(f"{name}:{node.lineno}: {called}")
        if called in REQUIRED:
            key, wanted = REQUIRED[called]
            value = given.get(key)
            if not isinstance(value, ast.Constant) or value.value is not wanted:
                found.append(f"{name}:{node.lineno}: {called} without {key}={wanted}")
        shell = given.get("shell")
        if shell is not None and not (isinstance(shell, ast.Constant) and shell.value is False):
            found.append(f"{name}:{node.lineno}: a shell")
    return found


def test_the_package_calls_nothing_that_runs_what_it_reads() -> None:
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        found += unsafe(path.read_text(encoding="utf-8"), str(path.relative_to(PACKAGE.parent)))
    assert found == []
    loads = [p for p in PACKAGE.rglob("*.py") if "torch.load(" in p.read_text(encoding="utf-8")]
    assert len(loads) >= 2, "the test reads the modules that load"


@pytest.mark.parametrize(
    "line",
    [
        "torch.load(x)",
        "torch.load(x, weights_only=False)",
        "torch.load(x, weights_only=safe)",
        "np.load(x)",
        "np.load(x, allow_pickle=True)",
        "pickle.load(x)",
        "yaml.load(x, Loader=yaml.SafeLoader)",
        "loader = yaml.UnsafeLoader",
        "class Mine(pickle.Unpickler): pass",
        "subprocess.run(x, shell=True)",
        "eval(x)",
        "os.system(x)",
        "torch.export.load(x)",
        "pd.read_parquet(x)",
    ],
)
def test_a_planted_call_is_found(line: str) -> None:
    assert len(unsafe(line, "lps_sweep/new.py")) == 1
