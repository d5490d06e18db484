"""The first visit to a GPU: what dies or hangs stops nothing, and what is done is done once."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest

from benchmarks import first_visit, visit_items
from benchmarks.first_visit import (
    ITEMS,
    LOG,
    STATE,
    Item,
    filled,
    gpu_tests,
    in_order,
    known,
    visit,
)
from lps_sweep.data.image_store import HostImages
from tests.own_process import python

ROOT = Path(__file__).parents[2]
DIES = "import os, signal; print('so far', flush=True); os.kill(os.getpid(), signal.SIGKILL)"


@pytest.fixture(autouse=True)
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(first_visit, "on_gpu", lambda: False)


def item(name: str, code: str, limit_s: float = 20.0) -> Item:
    return Item(name, ("-S", "-c", code), limit_s)


def ends(out: Path) -> list[tuple[str, str]]:
    lines = [json.loads(line) for line in (out / STATE).read_text().splitlines()]
    return [(line["item"], line["status"]) for line in lines if line["status"] != "begun"]


def test_who_dies_hangs_or_skips_does_not_stop_the_next(tmp_path: Path) -> None:
    items = [
        item("dies", DIES),
        item("hangs", "import time; print('waits', flush=True); time.sleep(60)", 0.3),
        item("skips", "print('none here'); raise SystemExit(77)"),
        item("fine", "print('first'); print('all is well')"),
    ]
    assert visit(items, tmp_path, 9) == 1
    wanted = [("dies", "failed (-9)"), ("hangs", "killed after 0 s")]
    wanted += [("skips", "skipped"), ("fine", "ok")]
    assert ends(tmp_path) == wanted
    assert "first\nall is well" in (tmp_path / LOG).read_text()


def test_started_again_it_goes_on_and_takes_what_failed_last(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    once = f"import pathlib; p = pathlib.Path({str(mark)!r}); e = p.exists(); p.touch(); 1 / e"
    items = [item("done", "pass"), item("once", once), item("late", "pass")]
    assert visit(items[:2], tmp_path, 9) == 1
    assert visit(items, tmp_path, 9) == 0
    names = [name for name, _ in ends(tmp_path)]
    assert names == ["done", "once", "late", "once"]
    assert visit(items, tmp_path, 9) == 0
    assert len(ends(tmp_path)) == 4


def test_an_item_in_which_the_machine_was_lost_comes_last(tmp_path: Path) -> None:
    lines = [
        '{"item": "a", "status": "ok", "gpu": false}',
        '{"item": "b", "status": "begun", "gpu": false}',
        '{"item": "c", "st',
    ]
    (tmp_path / STATE).write_text("\n".join(lines))
    items = [item(name, "pass") for name in "abcd"]
    assert [one.name for one in in_order(items, known(tmp_path / STATE, False))] == ["c", "d", "b"]


def test_what_was_tried_without_a_gpu_is_looked_at_again_on_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for gpu in (False, True, True):
        monkeypatch.setattr(first_visit, "on_gpu", lambda gpu=gpu: gpu)
        assert visit([item("one", "pass")], tmp_path, 9) == 0
    assert ends(tmp_path) == [("one", "ok")] * 2


def test_nothing_is_begun_when_the_time_is_over(tmp_path: Path) -> None:
    assert visit([item("late", "pass")], tmp_path, 0.1) == 1
    assert not (tmp_path / STATE).exists()


def test_a_visit_goes_on_with_the_folder_of_an_earlier_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(first_visit, "ITEMS", [item("one", "pass"), item("two", "pass")])
    old, new = tmp_path / "old", tmp_path / "new"
    monkeypatch.setattr("signal.signal", lambda *_: None)
    assert first_visit.main(["--out", str(old), "--only", "one"]) == 0
    for file in old.iterdir():
        file.chmod(0o444)  # as files of another machine may come back
    assert first_visit.main(["--out", str(new), "--earlier", str(old)]) == 0
    assert [name for name, _ in ends(new)] == ["one", "two"]
    assert all(file.stat().st_mode & 0o200 for file in new.iterdir())


def test_the_gpu_tests_need_no_plugins_of_pytest(tmp_path: Path) -> None:
    """The settings of those that are not there are no errors."""
    (tmp_path / "test_none.py").touch()
    words = [word for word in gpu_tests() if not word.endswith(".py")]
    words += ["-p", "no:timeout", "-c", str(ROOT / "pyproject.toml"), str(tmp_path)]
    ended = python(*words)
    assert ended.returncode == pytest.ExitCode.NO_TESTS_COLLECTED, ended.stdout


def test_each_command_is_filled_in_and_each_item_stands_in_the_page(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "gpu.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([\w/]+)` \|", page, re.MULTILINE)
    assert rows == [one.name for one in ITEMS]
    assert sum(one.name in visit_items.ITEMS for one in ITEMS) == len(visit_items.ITEMS)
    for one in ITEMS:
        for gpu in (True, False):
            command = filled(one, tmp_path, tmp_path, gpu)
            assert command[0] == sys.executable
            assert not {"CASE", "FIGURES", "FOLDER"} & set(command)
            assert ("--cpu" in command) == (not gpu and "benchmarks" in command)
    tests = next(one for one in ITEMS if one.name == "tests").command
    assert {"tests/train/test_on_cuda.py", "tests/data/test_views.py"} <= set(tests)


def test_large_uploads_see_an_image_that_is_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "all right" in visit_items.uploads(tmp_path)
    right = HostImages.__getitem__
    monkeypatch.setattr(HostImages, "__getitem__", lambda *given: right(*given) + 1)
    with pytest.raises(RuntimeError, match="not the images"):
        visit_items.uploads(tmp_path)
