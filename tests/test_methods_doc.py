"""The walk through a method of one's own in docs/methods.md, as it is printed."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import lps_sweep.methods
from lps_sweep.cli import main
from lps_sweep.config import METHODS, config_class
from lps_sweep.errors import ExitCode
from lps_sweep.methods import objective_class
from lps_sweep.results import Ledger

DOC = Path(__file__).parents[1] / "docs" / "methods.md"
NAME = "agreement"
TABLE = "lps_sweep/methods/__init__.py"


def printed() -> dict[str, str]:
    """The files that the page prints, by the path in their first line."""
    blocks = re.findall(r"^```\w+\n# (\S+)\n(.*?)^```$", DOC.read_text("utf-8"), re.M | re.S)
    return dict(blocks)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with the printed files, whose method is in the table."""
    files = printed()
    line = re.fullmatch(r'\s*"(\w+)": "([\w.]+)",\n', files.pop(TABLE))
    assert line
    for name, text in {**files, f"lps_sweep/methods/{NAME}/__init__.py": ""}.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    places = [*lps_sweep.methods.__path__, str(tmp_path / "lps_sweep" / "methods")]
    monkeypatch.setattr(lps_sweep.methods, "__path__", places)
    monkeypatch.setitem(METHODS, *line.groups())
    yield tmp_path
    for module in [m for m in sys.modules if m.startswith(f"lps_sweep.methods.{NAME}")]:
        del sys.modules[module]


def test_the_printed_method_trains_beside_the_others(folder: Path) -> None:
    results = folder / "results"
    arguments = ["run", str(folder / f"{NAME}.yaml"), "--inline", "--results", str(results)]
    assert main(arguments) == ExitCode.DONE
    with Ledger.open(results) as ledger:
        rows = ledger.trial_rows(NAME, driver_alive=False)
        terms = {row.trial_id: row.metrics for row in ledger.epoch_rows(NAME)}
    found = {str(row.swept["arm"]): row for row in rows}
    assert {name: row.status for name, row in found.items()} == dict.fromkeys(
        ("lps", NAME, "labels_only"), "done"
    )
    assert found[NAME].config["method"] == found["labels_only"].config["method"] == NAME
    own, other = (terms[found[name].trial_id] for name in (NAME, "labels_only"))
    assert own["views"] is not None
    assert own["views"] > 0
    assert own["loss_total"] != other["loss_total"]
    assert "agreement" in (results / NAME / "report.html").read_text("utf-8")


def test_its_own_recipe_and_its_ranges_are_those_of_the_page(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = ["plan", str(folder / f"{NAME}.yaml"), "--results", str(folder / "none")]
    assert main([*plan, "--set", "recipe=own", "--configurations", "9"]) == ExitCode.DONE
    assert "0.05" in capsys.readouterr().out
    wrong = (folder / f"{NAME}.yaml").read_text("utf-8").replace("w_views: 0", "w_views: -1")
    (folder / f"{NAME}.yaml").write_text(wrong, "utf-8")
    assert main(plan) == ExitCode.BAD_INPUT
    assert "w_views" in capsys.readouterr().err


def test_the_printed_test_passes(folder: Path) -> None:
    namespace: dict[str, object] = {}
    exec((folder / "tests" / "methods" / f"test_{NAME}.py").read_text("utf-8"), namespace)
    tests = [value for name, value in namespace.items() if name.startswith("test_")]
    assert tests
    for test in tests:
        assert callable(test)
        test()


def test_the_methods_at_a_glance_are_those_of_the_code() -> None:
    rows = re.findall(
        r"^\| .* \| `(\w+)` \| (.*) \| (\w+) \| (.*) \|$", DOC.read_text("utf-8"), re.M
    )
    known = {name: rest for name, *rest in rows}
    assert known.keys() == METHODS.keys()
    for name, (views, ids, recipe) in known.items():
        method = objective_class(name)
        assert views == (", ".join(method.views) or "none"), name
        assert ids == ("classes" if method.aligned else "clusters"), name
        assert recipe == (", ".join(config_class(name).own_recipe) or "nothing"), name


def test_each_method_has_a_section_in_the_order_of_the_glance() -> None:
    text = DOC.read_text("utf-8")
    rows = re.findall(r"^\| (.*) \| `\w+` \| .* \| \w+ \| .* \|$", text, re.M)
    sections = re.findall(r"^## (.*)$", text, re.M)
    assert [name for name in sections if name in rows] == rows


def test_what_the_page_points_to_is_there() -> None:
    text = DOC.read_text("utf-8")
    names = set(re.findall(r"^\| .* \| .* \| `(\w+)` \|$", text, re.M))
    assert names
    assert names <= {*METHODS}
    root = DOC.parents[1]
    for path in re.findall(r"`((?:lps_sweep|search_spaces|tests)/[\w/.]+)`", text):
        assert (root / path).exists() or NAME in path, path
