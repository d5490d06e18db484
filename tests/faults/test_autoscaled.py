"""A sweep on a cluster that starts its nodes by itself."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

pytest.importorskip("ray")

from tests.faults.autoscaled import MOST, observe

pytestmark = [
    *(pytest.mark.fault, pytest.mark.slow, pytest.mark.integration),
    pytest.mark.skipif(os.geteuid() != 0, reason="process ids of their own need root"),
    pytest.mark.skipif(shutil.which("unshare") is None, reason="unshare is not installed"),
]


@pytest.mark.parametrize("lose", [False, pytest.param(True, marks=pytest.mark.long)])
def test_a_cluster_grows_from_a_head_without_cpus_and_shrinks_again(
    tmp_path: Path, lose: bool
) -> None:
    seen = observe(tmp_path, lose=lose)
    assert seen["code"] == 0, seen["text"]
    assert (seen["before"], seen["after"], seen["lost"]) == (0, 0, int(lose))
    assert seen["most"] == MOST, "four packs, and no more than the cluster may start"
