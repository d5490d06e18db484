"""`plan --nodes`: what is left, simulated on a cluster."""

from __future__ import annotations

import pytest

from lps_sweep.errors import ExitCode
from tests.commands.conftest import Cli
from tests.test_cli import HEAVY, loaded_by, record

NODES = ("--nodes", "2", "--gpus-per-node", "2")


def test_a_cluster_is_simulated_by_what_is_recorded(cli: Cli) -> None:
    record(cli.results, cli.file, done=[0, 1])
    assert cli.plan()["cluster"] is None
    found = cli.plan(*NODES, "--spot", "0.5", "--assume", "boot_s=60,noticed_s=1")["cluster"]
    assert (
        found
        == cli.plan(*NODES, "--spot=0.5", "--assume=boot_s=60", "--assume=noticed_s=1")["cluster"]
    )
    assert found["cluster"] == {
        "nodes": 2,
        "gpus_per_node": 2,
        "cpus_per_node": None,
        "spot": 0.5,
        "boot_s": 60.0,
        "noticed_s": 1.0,
        "idle_s": 300.0,
    }
    assert (found["packs_per_node"], found["is_known"], found["pretrained"]) == (2, True, False)
    [one] = found["sizes"]
    assert found["best"] == one["max_pack_size"] == 1
    assert one["hours"]["mean"] == pytest.approx((60 + 3 * 2.0) / 3600)
    assert one["gpu_hours"]["mean"] == pytest.approx(2 * 2 * one["hours"]["mean"])
    printed = " ".join(cli.of_file("plan", *NODES, "--spot", "0.5").split())
    assert "on 2 nodes of 2 GPUs" in printed
    assert "max_pack_size=1" in printed
    cpus = " ".join(cli.of_file("plan", "--nodes=2", "--cpus-per-node=3").split())
    assert "node-hours" in cpus


def test_without_costs_there_is_no_time(cli: Cli) -> None:
    found = cli.plan(*NODES)["cluster"]
    assert (found["is_known"], found["sizes"], found["best"]) == (False, [], None)
    assert "--probe" in cli.of_file("plan", *NODES).rpartition("\n\n")[2]


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (("--spot", "0.1"), "--nodes"),
        (("--nodes", "2"), "--cpus-per-node"),
        (("--nodes", "0", "--cpus-per-node", "2"), "nodes"),
        ((*NODES, "--spot", "1"), "spot"),
        ((*NODES, "--assume", "boots=1"), "'boot_s'"),
        ((*NODES, "--resources", "gpus_per_pack=4"), "--resources"),
    ],
)
def test_what_cannot_be_is_refused(cli: Cli, options: tuple[str, ...], named: str) -> None:
    assert named in cli.of_file("plan", *options, status=ExitCode.BAD_INPUT)


def test_a_simulation_loads_nothing_heavy(cli: Cli) -> None:
    record(cli.results, cli.file, done=[0])
    status, modules = loaded_by("plan", str(cli.file), "--results", str(cli.results), *NODES)
    assert status == 0
    assert modules.isdisjoint(HEAVY)
