"""What a cluster has room for: on the nodes that it has, and on those that it may start."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray
import yaml

from lps_sweep.plan import Resources
from lps_sweep.sweep.executor import room

HEAD = "node:__internal_head__"
"""The resource by which Ray marks its head."""

OPTION = "--autoscaling-config="
"""How the autoscaler of a cluster, a process on its head, is told its configuration."""


@dataclass(frozen=True)
class NodeType:
    """Nodes that an autoscaler may start.

    Attributes:
        resources: Of one of them, by Ray's names.
        number: How many there may be.
    """

    resources: Mapping[str, float]
    number: int


@dataclass(frozen=True)
class Capacity:
    """What a pack gets of a cluster, and how many packs it trains at a time.

    Attributes:
        cpus: CPU cores of a pack.
        gpus: GPUs of a pack.
        now: Packs that the nodes have room for that are there.
        most: Packs that there is room for once the cluster has grown; 0 if a pack fits no node.
        facts: The cluster in words.
    """

    cpus: float
    gpus: float
    now: int
    most: int
    facts: str


def capacity(
    resources: Resources, nodes: Sequence[Mapping[str, Any]], types: Sequence[NodeType]
) -> Capacity:
    """The room for packs.

    Args:
        resources: What a pack is to have.
        nodes: Those that are alive, as Ray describes them.
        types: Those that may be started.
    """
    there = [node["Resources"] for node in nodes]
    possible = [*there, *(kind.resources for kind in types if kind.number)]
    wanted = resources.gpus_per_pack
    if wanted is None:
        wanted = 1.0 if any(node.get("GPU") for node in possible) else 0.0
    pack = float(resources.cpus_per_pack), wanted

    def fitting(node: Mapping[str, float]) -> int:
        return room(node.get("CPU", 0.0), node.get("GPU", 0.0), *pack)

    now = sum(map(fitting, there))
    grown = sum(fitting(kind.resources) * kind.number for kind in types)
    if types:
        grown += sum(fitting(node) for node in there if HEAD in node)
    facts = _in_words(there, types)
    most = resources.packs_at_a_time or max(now, grown)
    fits = any(map(fitting, possible)) or (not types and resources.packs_at_a_time is not None)
    return Capacity(*pack, now, most if fits else 0, facts)


def _in_words(there: Sequence[Mapping[str, float]], types: Sequence[NodeType]) -> str:
    cpus, gpus = (sum(node.get(name, 0.0) for node in there) for name in ("CPU", "GPU"))
    words = f"{len(there)} node{'s' * (len(there) != 1)}, {cpus:g} CPUs, {gpus:g} GPUs"
    may = [
        f"{kind.number} of {kind.resources.get('CPU', 0):g} CPUs and "
        f"{kind.resources.get('GPU', 0):g} GPUs"
        for kind in types
        if kind.number
    ]
    return f"{words}, and may be {' and '.join(may)} besides" if may else words


def alive_nodes() -> list[dict[str, Any]]:
    """The nodes that Ray takes for alive, as it describes them."""
    known: list[dict[str, Any]] = ray.nodes()  # type: ignore[no-untyped-call]
    return [node for node in known if node["Alive"]]


def startable() -> list[NodeType]:
    """The nodes that the cluster's autoscaler may start, where it runs on this machine.

    Ray tells nobody how far a cluster may grow (2.60); the file that the autoscaler was started
    with does.
    """
    port = ray.get_runtime_context().gcs_address.rpartition(":")[2]
    for words in _commands():
        files = [word.removeprefix(OPTION) for word in words if word.startswith(OPTION)]
        if files and files[0] and any(word.endswith(f":{port}") for word in words):
            content = yaml.safe_load(Path(files[0]).expanduser().read_text(encoding="utf-8"))
            return node_types(content)
    return []


def _commands() -> Iterator[list[str]]:
    """The command lines of this machine's processes."""
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            yield (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue


def node_types(content: Mapping[str, Any]) -> list[NodeType]:
    """The workers of a cluster configuration, no more of them than it allows in all."""
    left = int(content.get("max_workers", 2))
    found = []
    for name, kind in content.get("available_node_types", {}).items():
        number = min(left, int(kind.get("max_workers", 0)))
        if name != content.get("head_node_type") and number and kind.get("resources"):
            found.append(NodeType(kind["resources"], number))
            left -= number
    return found
