"""Who may import whom: the table, read against every import of the package."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import pytest

from tests.layers import LEAVES, PAGE, Import, circles, drawn, imports, modules, picture, room_of
from tests.own_process import python

MAY_IMPORT = {
    "__init__": set(),
    "__main__": {"cli"},
    "errors": set(),
    "failpoints": set(),
    "files": set(),
    "finite": set(),
    "indices": set(),
    "network_parts": set(),
    "params": set(),
    "process": set(),
    "signals": set(),
    "text": set(),
    "config": {"methods", "data"},
    "losses": set(),
    "metrics": set(),
    "data": set(),
    "models": set(),
    "methods": {"losses", "metrics", "models"},
    "train": {"config", "data", "models", "methods", "metrics"},
    "plan": {"config"},
    "results": {"config", "metrics"},
    "report": {"results"},
    "tracking": {"results"},
    "sweep": {"config", "plan", "data", "train", "results"},
    "cluster": {"config", "plan", "sweep"},
    "tune": {"sweep"},
    "argument_types": set(),
    "arguments": set(),
    "cli": {"commands"},
    "commands": {
        *("cluster", "config", "plan", "data", "train", "results", "report", "sweep", "tracking")
    },
}
"""Room -> the other rooms that it may import, besides the leaves."""

MAY_LOAD_TORCH = {"data", "models", "losses", "metrics", "methods", "train", "sweep"}
ONLY_RAY_FOLDER = "lps_sweep.sweep.ray"
CONFIG_KNOWS = ("lps_sweep.methods", "lps_sweep.data", "lps_sweep.data.config")
PAGES = "lps_sweep.report.pages."


def violations(sources: Mapping[str, str], known: Collection[str]) -> list[str]:
    """What breaks the table, a line each."""
    found = []
    for one in imports(sources, known):
        reason = _reason(one)
        if reason:
            found.append(f"{one.importer} imports {one.imported}: {reason}")
    return found


def _reason(one: Import) -> str:
    room, package = room_of(one.importer), one.imported.split(".")[0]
    if one.imported.startswith("."):
        return "imports are written in full"
    if package == "ray" and not one.importer.startswith(f"{ONLY_RAY_FOLDER}."):
        return f"only {ONLY_RAY_FOLDER} imports ray"
    if package in ("torch", "torchvision") and (
        room not in MAY_LOAD_TORCH or one.importer.endswith(".config")
    ):
        return f"{room} does without torch"
    if package != "lps_sweep":
        return ""
    target = room_of(one.imported)
    if target != room and target not in MAY_IMPORT[room] | LEAVES:
        return f"{room} may not import {target}"
    return _finer_reason(one, room, target)


def _finer_reason(one: Import, room: str, target: str) -> str:
    config_of_method = room == "methods" and one.importer.endswith(".config")
    of_another = target == "methods" and one.imported.endswith(".config")
    if config_of_method and target not in ("errors", "params") and not of_another:
        return "a method's config.py imports params only, or another config.py"
    if room == "config" and one.imported not in CONFIG_KNOWS and target not in (room, *LEAVES):
        return "config knows the tables of methods and data sets only"
    front = room in ("cli", "commands") and target not in LEAVES
    if front and not one.lazy and (room, target) != ("commands", "commands"):
        return "the verbs import what they need inside the verb"
    if one.importer.startswith(PAGES) and one.imported.startswith(PAGES):
        return "a page of the report imports no other one"
    if one.imported.startswith(ONLY_RAY_FOLDER) and not (
        one.lazy or room == "tune" or one.importer.startswith(ONLY_RAY_FOLDER)
    ):
        return "whoever may do without Ray imports it late"
    return ""


def test_the_package_keeps_to_the_table() -> None:
    found = modules()
    assert violations(found, found) == []


def test_no_module_imports_itself_through_others() -> None:
    assert circles(modules()) == []


def test_the_picture_of_the_rooms_is_that_of_the_imports() -> None:
    """``python -m tests.layers`` draws it anew."""
    assert drawn(PAGE.read_text(encoding="utf-8")) == picture(modules())


def test_a_planted_circle_is_found() -> None:
    sources = {
        "lps_sweep.a": "def f():\n    import lps_sweep.b",
        "lps_sweep.b": "if TYPE_CHECKING:\n    from lps_sweep.c import thing",
        "lps_sweep.c.__init__": "from lps_sweep import a",
        "lps_sweep.d": "import lps_sweep.a",
    }
    assert circles(sources) == [["lps_sweep.a", "lps_sweep.b", "lps_sweep.c.__init__"]]


def test_all_modules_and_rooms_were_found() -> None:
    found = modules()
    assert len(found) >= 100
    assert {room_of(name) for name in found} == set(MAY_IMPORT)
    ours = [one for one in imports(found, found) if one.imported.startswith("lps_sweep")]
    assert len(ours) >= 250
    assert len({one.importer for one in ours}) >= 80


def test_every_permission_is_of_a_room() -> None:
    assert set().union(*MAY_IMPORT.values(), LEAVES, MAY_LOAD_TORCH) <= set(MAY_IMPORT)


@pytest.mark.parametrize(
    ("module", "line", "reason"),
    [
        ("losses.new", "from lps_sweep.config import Config", "losses may not import config"),
        ("losses.new", "import lps_sweep.data.split", "losses may not import data"),
        ("data.new", "from lps_sweep.models import Network", "data may not import models"),
        ("data.new", "from lps_sweep import models", "data may not import models"),
        ("data.new", "def f():\n    from lps_sweep import models", "data may not import models"),
        ("config.new", "if True:\n    import lps_sweep.plan", "config may not import plan"),
        ("config.new", "import torch", "config does without torch"),
        ("plan.new", "def f():\n    import torch.nn", "plan does without torch"),
        ("results.new", "from torch import Tensor", "results does without torch"),
        ("report.new", "import ray", "only lps_sweep.sweep.ray imports ray"),
        ("report.new", "import lps_sweep.sweep.driver", "report may not import sweep"),
        ("train.new", "from ray import tune", "only lps_sweep.sweep.ray imports ray"),
        ("sweep.new", "def f():\n    import ray.tune", "only lps_sweep.sweep.ray imports ray"),
        ("sweep.rays", "import ray", "only lps_sweep.sweep.ray imports ray"),
        ("sweep.new", "import lps_sweep.sweep.ray.executor", "whoever may do without Ray"),
        ("sweep.new", "import lps_sweep.report", "sweep may not import report"),
        ("methods.x.config", "import lps_sweep.config", "methods may not import config"),
        ("methods.x.config", "import lps_sweep.losses.x", "config.py imports params only"),
        ("methods.x.config", "import lps_sweep.methods.x.core", "config.py imports params only"),
        ("methods.x.config", "import torch", "methods does without torch"),
        ("config.new", "import lps_sweep.methods.lps", "config knows the tables of methods and"),
        ("config.new", "import lps_sweep.data.views", "config knows the tables of methods and"),
        ("data.new", "from lps_sweep.config import Config", "data may not import config"),
        ("cli", "import lps_sweep.commands", "inside the verb"),
        ("commands.new", "from lps_sweep.plan import expand", "inside the verb"),
        ("report.pages.x", "import lps_sweep.report.pages.arms", "a page of the report imports no"),
        ("files", "import lps_sweep.results", "files may not import results"),
        ("plan.new", "from . import space", "imports are written in full"),
    ],
)
def test_a_planted_violation_is_found(module: str, line: str, reason: str) -> None:
    name = f"lps_sweep.{module}"
    (planted,) = violations({name: line}, modules())
    assert planted.startswith(f"{name} imports ")
    assert reason in planted


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("losses.new", "import torch\nfrom lps_sweep.losses.switches import weighted_sum"),
        ("data.new", "from lps_sweep.errors import BadInputError"),
        ("methods.x.config", "from lps_sweep.params import param"),
        ("methods.x.config", "from lps_sweep.methods.rejection.config import RejectionConfig"),
        ("sweep.ray.new", "import ray\nimport lps_sweep.sweep.ray.session"),
        ("sweep.new", "def f():\n    import lps_sweep.sweep.ray.executor"),
        ("commands.new", "from lps_sweep.commands.output import print_json"),
        ("commands.new", "def f():\n    import lps_sweep.report"),
        ("commands.new", "if TYPE_CHECKING:\n    import lps_sweep.report"),
    ],
)
def test_what_is_allowed_is_not_a_violation(module: str, line: str) -> None:
    assert violations({f"lps_sweep.{module}": line}, modules()) == []


def test_front_doors_load_neither_torch_nor_ray() -> None:
    rooms = ("cli", "commands", "config", "plan", "data", "results", "report", "methods", "train")
    code = "\n".join(f"import lps_sweep.{room}" for room in rooms)
    code += "\nimport sys; print(*[m for m in ('torch', 'ray', 'sklearn') if m in sys.modules])"
    ended = python("-c", code)
    assert (ended.stdout.strip(), ended.returncode) == ("", 0), ended.stderr
