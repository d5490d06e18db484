"""The spot watcher, before a stand-in for the clouds' metadata servers and a stand-in for Ray."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

ACTION = "/latest/meta-data/spot/instance-action"
PREEMPTED = "/computeMetadata/v1/instance/preempted"
RAY = '#!/bin/sh\necho "$@" >> "$CALLS"\n[ "$(wc -l < "$CALLS")" -ge "$ACCEPTS_AT" ]\n'


class Metadata(ThreadingHTTPServer):
    """A metadata server; `notice` is what it answers, and nothing while there is none."""

    notice = ""
    requests = 0

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Answer(BaseHTTPRequestHandler):
    server: Metadata

    def do_PUT(self) -> None:
        asked = self.path == "/latest/api/token"
        self._say("a token" if asked and self._has("X-aws-ec2-metadata-token-ttl-seconds") else "")

    def do_GET(self) -> None:
        self.server.requests += 1
        of_aws = self.path == ACTION and self.headers["X-aws-ec2-metadata-token"] == "a token"
        of_gcp = self.path == PREEMPTED and self.headers["Metadata-Flavor"] == "Google"
        self._say(self.server.notice if of_aws else (self.server.notice or "FALSE") * of_gcp)

    def _has(self, header: str) -> bool:
        return header in self.headers

    def _say(self, text: str) -> None:
        self.send_response(200 if text else 404)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture
def metadata() -> Iterator[Metadata]:
    with Metadata(("127.0.0.1", 0), _Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def watcher(cloud: str, server: str, folder: Path, accepts_at: int = 1) -> subprocess.Popen[str]:
    (folder / "ray").write_text(RAY)
    (folder / "ray").chmod(0o700)
    settings = {
        "PATH": f"{folder}:{os.environ['PATH']}",
        "CALLS": str(folder / "calls"),
        "ACCEPTS_AT": str(accepts_at),
        "http_proxy": "http://192.0.2.1:9",  # nobody's, and not for a metadata server
    }
    command = ["-m", "lps_sweep.cluster.spot", cloud, "--server", server, "--every", "0.1"]
    return subprocess.Popen(
        [sys.executable, *command],
        env={**os.environ, **settings},
        stdout=subprocess.PIPE,
        text=True,
    )


def calls(folder: Path) -> list[list[str]]:
    file = folder / "calls"
    return [line.split() for line in file.read_text().splitlines()] if file.exists() else []


def seconds(words: list[str]) -> int:
    (given,) = (word for word in words if word.startswith("--deadline-remaining-seconds="))
    return int(given.partition("=")[2])


@pytest.mark.parametrize("cloud", ["aws", "gcp"])
def test_a_notice_drains_the_node_once_and_for_its_deadline(
    cloud: str, metadata: Metadata, tmp_path: Path
) -> None:
    with watcher(cloud, metadata.address, tmp_path) as process:
        while metadata.requests < 3:
            assert process.poll() is None
        assert calls(tmp_path) == []
        gone = datetime.now(UTC) + timedelta(seconds=110)
        action = f'{{"action": "terminate", "time": "{gone:%Y-%m-%dT%H:%M:%SZ}"}}'
        metadata.notice = action if cloud == "aws" else "TRUE"
        assert process.wait(60) == 0
    (words,) = calls(tmp_path)
    assert words[:2] == ["drain-node", "--reason=DRAIN_NODE_REASON_PREEMPTION"]
    low, high = (60, 110) if cloud == "aws" else (30, 30)
    assert low <= seconds(words) <= high


def test_a_drain_that_fails_is_tried_again(metadata: Metadata, tmp_path: Path) -> None:
    metadata.notice = "TRUE"
    with watcher("gcp", metadata.address, tmp_path, accepts_at=3) as process:
        assert process.wait(60) == 0
    assert len(calls(tmp_path)) == 3


def test_without_a_metadata_server_it_goes_on_and_says_so_once(tmp_path: Path) -> None:
    with watcher("aws", "http://127.0.0.1:1", tmp_path) as process:
        assert process.stdout is not None
        assert "127.0.0.1:1" in process.stdout.readline()
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(1)
        process.terminate()
        assert process.stdout.read() == ""
    assert calls(tmp_path) == []
