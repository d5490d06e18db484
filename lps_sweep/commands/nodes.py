"""What `plan` says of a sweep on a cluster, which is simulated."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lps_sweep.commands.output import aligned, counted, wrapped

if TYPE_CHECKING:
    from lps_sweep.sweep.forecast import Cluster, ClusterForecast, Spread


def cluster_lines(found: ClusterForecast, source: str) -> Iterator[str]:
    """What was found, for people; `source` says what the costs are from."""
    cluster = found.cluster
    together = counted(cluster.nodes * found.packs_per_node, "pack")
    yield wrapped(f"on {_nodes(cluster)}, simulated: {together} at a time")
    if not found.is_known:
        yield "time unknown (none recorded; try --probe)"
        return
    if not found.sizes:
        yield "no pack comes to its end, so often are nodes taken away"
        return
    yield aligned(
        ("packs of at most", "hours", "GPU-hours" if cluster.gpus_per_node else "node-hours"),
        [
            (
                counted(one.max_pack_size, "trial"),
                _text(one.hours),
                _text(one.gpu_hours if cluster.gpus_per_node else one.node_hours),
            )
            for one in found.sizes
        ],
        "lll",
    )
    yield wrapped(f"shortest: --resources max_pack_size={found.best}")
    of_seeds = f"mean, least and most of {found.simulations} simulations; "
    left_out = "" if found.pretrained else "without the pre-training; "
    yield wrapped(
        f"{of_seeds if cluster.spot else ''}{left_out}costs from {source}; assumed: "
        f"boot_s={cluster.boot_s:g} noticed_s={cluster.noticed_s:g} idle_s={cluster.idle_s:g}"
    )


def _nodes(cluster: Cluster) -> str:
    parts = [
        counted(number, part)
        for number, part in ((cluster.gpus_per_node, "GPU"), (cluster.cpus_per_node, "CPU"))
        if number
    ]
    spot = f", each taken away within an hour with a chance of {cluster.spot:g}"
    return (
        f"{counted(cluster.nodes, 'node')} of {' and '.join(parts)}{spot if cluster.spot else ''}"
    )


def _text(spread: Spread) -> str:
    if spread.low == spread.high:
        return f"{spread.mean:.3g}"
    return f"{spread.mean:.3g} ({spread.low:.3g} to {spread.high:.3g})"
