"""The guide's own commands on hosts in network namespaces: from nothing to the report and away."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.guided import DESK, NODES, at_desk, commands, joined, nothing_left, settle
from tests.cluster.hosts import REPOSITORY, Hosts, hosts_below, wait_for

pytest.importorskip("ray.dashboard.modules.job.sdk")
pytest.importorskip("opencensus", reason="needs lps-sweep[cluster]")
pytestmark = [
    *(pytest.mark.cluster, pytest.mark.slow, pytest.mark.long, pytest.mark.integration),
    pytest.mark.timeout(1800),
]

SPACE = """\
name: c_tau
preset: digits
set: {epochs: 2, pretrain_epochs: 1}
grid: {C: [1, 10], tau: [0.2, 0.4]}
seeds: [0]
resources: {max_pack_size: 1}
"""

ASK = """\
import sys, urllib.error, urllib.request
request = urllib.request.Request("http://127.0.0.1:8265/api/jobs/")
if sys.argv[1] != "-":
    request.add_header("Authorization", "Bearer " + sys.argv[1])
try:
    print(urllib.request.urlopen(request, timeout=60).status)
except urllib.error.HTTPError as error:
    print(error.code)
except OSError:
    print("nobody")
"""

FOREIGN = """\
import sys, urllib.error, urllib.request
host, token, *ports = sys.argv[1:]
for port in ports:
    for path in ("", "api/jobs/", "api/version", "get_or_create_runtime_env", "metrics"):
        request = urllib.request.Request(f"http://{host}:{port}/{path}")
        request.add_header("Authorization", f"Bearer {token}")
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                figures = answer.read(6) == b"# HELP"
                status = "figures" if figures else answer.status
        except urllib.error.HTTPError as error:
            status = error.code
        except Exception:
            continue  # gRPC, which the next client speaks
        print(f"{port}/{path}", status)
"""
CLIENT = """\
import sys
from ray._raylet import GcsClient
print("nodes", len(GcsClient(address=sys.argv[1]).get_all_node_info(timeout=60)))
"""


def first_lines() -> list[str]:
    """The commands in the first lines of cluster.yaml."""
    lines = (REPOSITORY / "cluster.yaml").read_text(encoding="utf-8").splitlines()
    shown = [line[4:] for line in lines if line.startswith("#   ")]
    return [re.sub(r"\s{2,}#.*", "", line) for line in shown]


@pytest.fixture
def hosts(tmp_path: Path) -> Iterator[Hosts]:
    with hosts_below(tmp_path, *NODES, DESK) as hosts:
        settle(hosts, SPACE)
        yield hosts


def test_the_first_lines_of_cluster_yaml_and_the_guide_agree() -> None:
    shown = first_lines()
    assert len(shown) >= 8
    guide = [part for line in commands("guide") for part in line.split(" && ")]
    guide = [re.sub(r" > /dev/null", "", line) for line in guide]
    told = [part for line in shown for part in line.split("; ")]
    assert [line for line in guide if line not in told] == []
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    assert [line for line in commands("guide") if f"\n{line}\n" not in readme] == []


def test_from_nothing_to_the_report_and_away(hosts: Hosts) -> None:
    """Also `attach` and `submit` of cluster.yaml's first lines, and a job from outside."""
    for command in commands("guide"):
        if command.startswith("ray exec"):
            joined(hosts, *NODES)
            foreign_clients(hosts)
            job_from_outside(hosts)
        at_desk(hosts, command)
        if command.startswith("ray exec"):
            for more in first_lines():
                if more.startswith("ray attach"):
                    at_desk(hosts, f"printf 'ray status\\nexit\\n' | {more}")
                elif more.startswith("ray submit"):
                    assert "sensitivity" in at_desk(hosts, more)
    modes = [hosts.run(name, "stat -c %a ~/.ray/auth_token").stdout for name in NODES]
    assert modes == ["600\n"] * 3
    nothing_left(hosts, *NODES)
    assert "c_tau: 4 planned, 4 done" in at_desk(hosts, "lps-sweep status results")
    assert "<html" in at_desk(hosts, "head -c 2000 results/c_tau/report.html")


def job_from_outside(hosts: Hosts) -> None:
    """Through the tunnel, with no token, a wrong one and the right one; with results of its own."""
    tunnel, export, submit = commands("jobs")
    submit = submit.replace("--no-wait ", "").replace("/shared/results", "/shared/of_job")
    with hosts.start(DESK, f"cd repository && {tunnel.removesuffix(' &')}"):
        wait_for(lambda: answer(hosts, "") == "401", 120)
        assert answer(hosts, "f" * 64) == "403"
        assert answer(hosts, hosts.run(DESK, "cat ~/.ray/auth_token").stdout) == "200"
        relative = submit.replace("/shared/of_job", "of_job").replace("c_tau --", "relative --")
        assert "--results: of_job is relative" in at_desk(hosts, f"{export}; {relative}", code=1)
        assert "4 planned, 4 done" in at_desk(hosts, f"{export}; {submit}")
        hosts.run(DESK, "pkill -f 'ray dashboard'")


def foreign_clients(hosts: Hosts) -> None:
    """Whoever reaches the head without the token gets figures of load at the most."""
    ports = hosts.open_ports("head")
    assert 6379 in ports
    assert 8265 not in ports
    words = " ".join([hosts.address("head"), "f" * 64, *map(str, ports)])
    said = at_desk(hosts, f"python -c '{FOREIGN}' {words}")
    told = [line.split() for line in said.splitlines()]
    assert {status for _, status in told} <= {"401", "403", "figures"}, said
    assert {"403", "figures"} <= {status for _, status in told}
    for settings in ("disabled", f"token RAY_AUTH_TOKEN={'f' * 64}"):
        ask = f"python -c '{CLIENT}' {hosts.address('head')}:6379"
        done = hosts.run(DESK, f"RAY_AUTH_MODE={settings} {ask}")
        assert done.returncode != 0
        assert "token authentication" in done.stdout
        assert not re.search(r"^nodes \d", done.stdout, re.MULTILINE)


def answer(hosts: Hosts, token: str) -> str:
    """The status of an answer of the dashboard, at the desk's end of the tunnel."""
    return hosts.run(DESK, f"python -c '{ASK}' {token or '-'}").stdout.strip()
