"""S9: no port accepts a command without the token, and no cluster without tokens is joined."""

from __future__ import annotations

import http.client
import json
import os
import stat
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.own_process import python

pytest.importorskip("ray")
pytestmark = [pytest.mark.slow, pytest.mark.integration]

CLIENT = """\
import sys
from ray._raylet import GcsClient
print("nodes", len(GcsClient(address=sys.argv[1]).get_all_node_info(timeout=15)))
"""
SPACE = "name: a\npreset: digits\nset: {epochs: 1, pretrain_epochs: 1}\nseeds: [0]\n"
WRONG = "f" * 64


def clean_environment(home: Path) -> dict[str, str]:
    """Without settings and token of Ray."""
    home.mkdir(exist_ok=True)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    return {**kept, "HOME": str(home), "RAY_USAGE_STATS_ENABLED": "0"}


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """What a running local session says of itself."""
    with subprocess.Popen(
        [sys.executable, str(Path(__file__).parent / "ports_owner.py")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=clean_environment(tmp_path_factory.mktemp("home")),
    ) as owner:
        assert owner.stdout is not None
        yield json.loads(owner.stdout.readline())
        owner.communicate("")


def asked(session: Mapping[str, Any], home: Path, **settings: str) -> tuple[int, str]:
    """How a client with these settings fares."""
    environment = {**clean_environment(home), **settings}
    ended = python("-c", CLIENT, session["address"], env=environment)
    return ended.returncode, ended.stdout + ended.stderr


def test_a_client_needs_the_token(session: dict[str, Any], tmp_path: Path) -> None:
    without_token: tuple[dict[str, str], ...] = (
        {},
        {"RAY_AUTH_MODE": "disabled"},
        {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": WRONG},
    )
    for settings in without_token:
        code, said = asked(session, tmp_path / "home", **settings)
        assert code != 0, settings
        assert "token" in said
    owner = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": session["token"]}
    assert asked(session, tmp_path / "home", **owner) == (0, "nodes 1\n")


def test_every_port_is_known_and_http_asks_for_the_token(session: dict[str, Any]) -> None:
    ports = session["ports"]
    assert {name for name, *_ in ports} >= {"gcs_server", "raylet"}
    assert 8265 not in {port for *_, port in ports}, "the dashboard"
    answers = {}
    for name, ip, port in ports:
        host = "127.0.0.1" if ip in ("::", "0.0.0.0") else ip
        for path in ("", "get_or_create_runtime_env", "api/jobs/", "api/version"):
            for token in ("", WRONG):
                request = urllib.request.Request(f"http://{host}:{port}/{path}", data=b"{}")
                if token:
                    request.add_header("Authorization", f"Bearer {token}")
                try:
                    status = urllib.request.urlopen(request, timeout=5).status
                except urllib.error.HTTPError as error:
                    status = error.code
                except OSError:
                    continue  # gRPC, which the clients above speak
                except http.client.BadStatusLine:
                    continue  # likewise
                answers[name, path, bool(token)] = status
    assert set(answers.values()) <= {401, 403}, answers


def test_the_session_s_files_are_private(session: dict[str, Any]) -> None:
    folder = Path(session["folder"]).parent.parent
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert folder.name.startswith("lps-ray-")


def run_on(address: str, folder: Path, environment: Mapping[str, str]) -> tuple[int, str]:
    (folder / "a.yaml").write_text(SPACE)
    where = ["--results", str(folder / "results"), "--address", address]
    ended = python("-m", "lps_sweep", "run", folder / "a.yaml", *where, env=dict(environment))
    return ended.returncode, ended.stdout + ended.stderr


def test_a_cluster_that_asks_for_no_token_is_not_joined(tmp_path: Path) -> None:
    environment = clean_environment(tmp_path / "home")
    nodes = Path(__file__).parents[1] / "sweep" / "two_nodes.py"
    with subprocess.Popen(
        [sys.executable, str(nodes)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**environment, "RAY_AUTH_MODE": "disabled"},
    ) as cluster:
        assert cluster.stdout is not None
        lines = iter(cluster.stdout.readline, "")
        address = next(line.strip() for line in lines if ":" in line and line[0].isdigit())
        without = run_on(address, tmp_path, environment)
        with_token = run_on(address, tmp_path, {**environment, "RAY_AUTH_TOKEN": "a" * 64})
        cluster.communicate("")
    assert without[0] == 4
    assert "RAY_AUTH_TOKEN" in without[1]
    assert with_token[0] == 4, with_token[1]
    assert "obeys anyone who can reach it" in with_token[1]
