"""What a machine must have as the driver has it, compared without Ray."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

import lps_sweep
from lps_sweep.errors import BadInputError, StorageError
from lps_sweep.sweep.facts import (
    SHOWN,
    Expected,
    compare,
    expect,
    look,
    raise_found,
    read_back,
    versions,
)
from lps_sweep.sweep.store import Folder, write_mark
from tests.own_process import python
from tests.train.train_cases import config_of

DRIVER = {"Python": "3.11.7", "torch": "2.15.0"}


@pytest.fixture
def expected(tmp_path: Path) -> Expected:
    return expect(Folder(tmp_path / "results"), [config_of()])


def texts_of(expected: Expected, node: str = "node") -> list[str]:
    return [str(error) for error in look(expected, node)]


def test_what_is_the_same_gives_no_finding() -> None:
    assert compare(DRIVER, {**DRIVER, "optuna": "4.0"}) == []


def test_each_fact_that_differs_or_is_missing_is_named_with_both_values() -> None:
    other, missing = compare(DRIVER, {"Python": "3.11.9"})
    for word in ("Python", "3.11.7", "3.11.9"):
        assert word in str(other)
    for word in ("torch", "2.15.0", "missing"):
        assert word in str(missing)


def test_where_all_is_right_nothing_is_found_and_the_driver_reads_the_note(
    expected: Expected,
) -> None:
    assert texts_of(expected) == []
    assert read_back(expected, "node") == []
    (unread,) = read_back(expected, "another")
    assert isinstance(unread, StorageError)


def test_a_changed_source_file_is_another_version(tmp_path: Path) -> None:
    package = Path(lps_sweep.__file__).parent
    skipped = shutil.ignore_patterns("__pycache__")
    changed = shutil.copytree(package, tmp_path / "lps_sweep", ignore=skipped)
    code = "from lps_sweep.sweep.facts import versions; print(versions()['lps_sweep'])"
    environment = {"PYTHONPATH": str(tmp_path), "PATH": ""}
    same = python("-c", code, env=environment, cwd=tmp_path).stdout.strip()
    with (changed / "losses" / "__init__.py").open("a") as file:
        file.write("# changed\n")
    other = python("-c", code, env=environment, cwd=tmp_path).stdout.strip()
    assert same == versions()["lps_sweep"]
    assert other.startswith(lps_sweep.__version__)
    assert other != same


@pytest.mark.parametrize("change", ["missing", "other"])
def test_another_results_folder_is_found_and_nothing_is_made_there(
    change: str, expected: Expected, tmp_path: Path
) -> None:
    results = Path(expected.store.place)
    shutil.rmtree(results)
    if change == "other":
        write_mark(Folder(results))
    there = [*tmp_path.rglob("*")]
    (found,) = look(expected, "node")
    assert isinstance(found, StorageError)
    assert str(results) in str(found)
    assert [*tmp_path.rglob("*")] == there


def test_a_results_folder_that_cannot_be_written_is_found(
    expected: Expected, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, content: bytes) -> None:
        del content
        raise StorageError(f"cannot write {path}: No space left on device")

    monkeypatch.setattr("lps_sweep.sweep.store.atomic_write", full)
    (found,) = look(expected, "node")
    assert isinstance(found, StorageError)
    assert "No space left on device" in str(found)


def test_other_images_and_weights_are_found(tmp_path: Path) -> None:
    weights = tmp_path / "weights.pt"
    weights.write_bytes(b"driver's")
    expected = expect(Folder(tmp_path / "r"), [config_of(pretrain={"pretrained": str(weights)})])
    ((config, hashes),) = expected.content
    weights.write_bytes(b"another's")
    images = next(name for name in hashes if "digits" in name)
    changed = replace(expected, content=((config, {**hashes, images: "0" * 16}),))
    of_images, of_weights = texts_of(changed)
    assert images in of_images
    assert str(weights) in of_weights
    weights.unlink()
    (missing,) = texts_of(expected)
    assert str(weights) in missing


def test_nodes_of_one_fault_are_named_together_and_its_kind_decides() -> None:
    raise_found({"a (10.0.0.1)": []})
    full, old = StorageError("the folder is full"), BadInputError("torch is old")
    with pytest.raises(StorageError) as stored:
        raise_found({"a (10.0.0.1)": [full], "b (10.0.0.2)": [full], "c (10.0.0.3)": []})
    assert "a (10.0.0.1), b (10.0.0.2): the folder is full" in str(stored.value)
    assert "c" not in str(stored.value).partition("a (")[2].partition(":")[0]
    with pytest.raises(BadInputError) as mixed:
        raise_found({"a (10.0.0.1)": [full], "b (10.0.0.2)": [old]})
    for text in ("a (10.0.0.1): the folder is full", "b (10.0.0.2): torch is old"):
        assert text in str(mixed.value)
    with pytest.raises(BadInputError) as many:
        raise_found({f"n{i}": [old] for i in range(SHOWN + 3)})
    assert str(many.value).count("torch is old") == 1
    assert "3 more" in str(many.value)
