"""Who may import whom: the table, read against every import of the package."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "lps_sweep"

LEAVES = {"__init__", "arguments", "errors", "failpoints", "files", "finite", "text"}
"""Open to all rooms; the package's own `__init__` holds the version."""

MAY_IMPORT = {
    "__init__": set(),
    "__main__": {"cli"},
    "errors": set(),
    "failpoints": set(),
    "files": set(),
    "finite": set(),
    "text": set(),
    "config": {"methods"},
    "losses": set(),
    "metrics": set(),
    "data": {"config"},
    "models": {"config"},
    "methods": {"config", "losses", "metrics", "models"},
    "train": {"config", "data", "models", "methods", "metrics"},
    "plan": {"config"},
    "results": {"config"},
    "report": {"results"},
    "tracking": {"results"},
    "sweep": {"config", "plan", "data", "train", "results"},
    "arguments": set(),
    "cli": {"commands"},
    "commands": {"config", "plan", "data", "train", "results", "report", "sweep", "tracking"},
}
"""Room -> the other rooms that it may import, besides the leaves."""

MAY_LOAD_TORCH = {"data", "models", "losses", "metrics", "methods", "train", "sweep"}
ONLY_RAY_FOLDER = "lps_sweep.sweep.ray"


@dataclass(frozen=True)
class Import:
    """`importer` imports `imported`, both full names; `lazy`: in a function or for types only."""

    importer: str
    imported: str
    lazy: bool


def modules() -> dict[str, str]:
    """The source of each module of the package by its full name; `__init__` is written out."""
    return {
        ".".join(("lps_sweep", *path.relative_to(PACKAGE).with_suffix("").parts)): path.read_text()
        for path in sorted(PACKAGE.rglob("*.py"))
    }


def imports(sources: Mapping[str, str], known: Collection[str]) -> Iterator[Import]:
    """All imports of the modules, wherever in a module they stand; `known` are names of modules."""
    for importer, source in sources.items():
        tree = ast.parse(source)
        at_import = set(map(id, tree.body))
        for node in ast.walk(tree):
            lazy = id(node) not in at_import
            if isinstance(node, ast.Import):
                yield from (Import(importer, name.name, lazy) for name in node.names)
            elif isinstance(node, ast.ImportFrom):
                base = "." * node.level + (node.module or "")
                names = [f"{base}.{name.name}" for name in node.names]
                found = [n if n in known or f"{n}.__init__" in known else base for n in names]
                yield from (Import(importer, name, lazy) for name in dict.fromkeys(found))


def room_of(name: str) -> str:
    """The room that a module of ours belongs to."""
    parts = name.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


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
    if config_of_method and target != "errors" and one.imported != "lps_sweep.config.fields":
        return "a method's config.py imports config.fields only"
    if room == "config" and target == "methods" and one.imported != "lps_sweep.methods":
        return "config knows the table of methods only"
    front = room in ("cli", "commands") and target not in LEAVES
    if front and not one.lazy and (room, target) != ("commands", "commands"):
        return "the verbs import what they need inside the verb"
    if one.imported.startswith(ONLY_RAY_FOLDER) and not (
        one.lazy or one.importer.startswith(ONLY_RAY_FOLDER)
    ):
        return "whoever may do without Ray imports it late"
    return ""


def test_the_package_keeps_to_the_table() -> None:
    found = modules()
    assert violations(found, found) == []


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
        ("methods.x.config", "import lps_sweep.config", "config.py imports config.fields only"),
        ("methods.x.config", "import lps_sweep.losses.x", "config.py imports config.fields only"),
        ("methods.x.config", "import torch", "methods does without torch"),
        ("config.new", "import lps_sweep.methods.lps", "config knows the table of methods only"),
        ("cli", "import lps_sweep.commands", "inside the verb"),
        ("commands.new", "from lps_sweep.plan import expand", "inside the verb"),
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
        ("methods.x.config", "from lps_sweep.config.fields import param"),
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
    rooms = ("cli", "commands", "config", "plan", "data", "results", "report", "methods", "files")
    code = "\n".join(f"import lps_sweep.{room}" for room in rooms)
    code += "\nimport sys; print(*[m for m in ('torch', 'ray', 'sklearn') if m in sys.modules])"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (ended.stdout.strip(), ended.returncode) == ("", 0), ended.stderr
