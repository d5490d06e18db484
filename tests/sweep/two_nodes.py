"""A Ray cluster of two nodes on this machine; prints its address and waits to be told to end."""

from __future__ import annotations

import sys

from ray.cluster_utils import Cluster


def main() -> None:
    """Runs the cluster until standard input closes."""
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    cluster.add_node(num_cpus=1)
    cluster.wait_for_nodes()
    print(cluster.address, flush=True)
    sys.stdin.read()
    cluster.shutdown()  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    main()
