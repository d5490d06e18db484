"""What the repository promises outside the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent


def test_the_cluster_file_is_one_that_ray_accepts_and_every_node_asks_for_the_token() -> None:
    util = pytest.importorskip("ray.autoscaler._private.util")
    content = yaml.safe_load((ROOT / "cluster.yaml").read_text(encoding="utf-8"))
    util.validate_config(util.prepare_config(content))
    for commands in ("head_start_ray_commands", "worker_start_ray_commands"):
        starts = [c for c in content[commands] if "ray start" in c]
        assert starts
        assert all("RAY_AUTH_MODE=token" in start for start in starts)
    assert "~/.ray/auth_token" in content["file_mounts"]


def test_ci_finds_the_readmes_test_command() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    found = re.search(r"<!-- tests -->\n```sh\n(.+?)\n```", readme, re.DOTALL)
    assert found is not None
    assert "python -m pytest" in found.group(1)


def test_every_file_that_the_readme_points_to_is_there() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    links = re.findall(r"\]\((?!http)([^)#]+)\)", readme)
    spaces = re.findall(r"`(search_spaces/[\w/]+\.yaml)`", readme)
    assert len(links) >= 8
    assert len(spaces) >= 4
    assert [name for name in (*links, *spaces) if not (ROOT / name).exists()] == []


def test_every_verb_stands_in_the_readme() -> None:
    from lps_sweep.arguments import build_parser

    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (verbs,) = [action for action in build_parser()._actions if action.dest == "verb"]
    assert verbs.choices is not None
    assert [verb for verb in verbs.choices if f"`lps-sweep {verb}" not in readme] == []
