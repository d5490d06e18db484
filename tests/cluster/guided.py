"""The guide's commands, and the desk that they are given at."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

from tests.cluster.hosts import REPOSITORY, Hosts, wait_for

NODES = ("head", "one", "two")
DESK = "desk"
"""The host at which a person gives the commands."""
BIN = "/shared/lps_sweep/.venv/bin"
FOLDERS = ("analysis", "search_spaces")


def commands(mark: str) -> list[str]:
    """The commands of the blocks of docs/cluster.md that `mark` stands above."""
    text = (REPOSITORY / "docs" / "cluster.md").read_text(encoding="utf-8")
    blocks = re.findall(rf"<!-- {mark} -->\n```sh\n(.*?)```", text, re.DOTALL)
    return [line for block in blocks for line in block.splitlines()]


def settle(hosts: Hosts, space: str) -> None:
    """A copy of the repository at the desk: marked lines changed, and `space` as its sweep."""
    home = hosts.shared / "repository"
    home.mkdir()
    for name in FOLDERS:
        shutil.copytree(REPOSITORY / name, home / name)
    text = (REPOSITORY / "cluster.yaml").read_text(encoding="utf-8")
    text = text.replace(BIN, str(Path(sys.executable).parent))
    (home / "cluster.yaml").write_text(re.sub(r"\s+# CHANGE.*", "", text))
    (home / "search_spaces" / "c_tau.yaml").write_text(space)
    path = f"export PATH={Path(sys.executable).parent}:$PATH"
    done = hosts.run(DESK, f"cp -r /shared/repository . && echo '{path}' >> .profile")
    assert done.returncode == 0, done.stdout


def at_desk(hosts: Hosts, command: str, *, code: int = 0) -> str:
    """Gives a command in the repository, as a person does; what it printed."""
    done = hosts.run(DESK, f"cd repository && {command}", timeout=1200)
    assert done.returncode == code, f"{command}\n{done.stdout}"
    return done.stdout


def joined(hosts: Hosts, *names: str) -> None:
    """Waits until Ray counts the nodes `names`."""
    wait_for(lambda: all("raylet" in str(hosts.ray_processes(name)) for name in names), 600)
    listed = "ray exec cluster.yaml 'ray list nodes'"
    wait_for(lambda: at_desk(hosts, listed).count("ALIVE") >= len(names), 300)


def nothing_left(hosts: Hosts, *names: str) -> None:
    """Waits until no process of Ray is left on the hosts `names`."""
    wait_for(lambda: not any(map(hosts.ray_processes, names)), 300)
