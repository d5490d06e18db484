from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from lps_sweep.cli import main

SPACE = """\
name: small
question: Does tau matter?
preset: digits
set: {epochs: 1, pretrain_epochs: 1, labeled_ratio: 0.5}
grid: {tau: [0.2, 0.4]}
seeds: [0]
resources: {max_pack_size: 2, checkpoint_interval_s: 0}
"""


SECRETS = {
    "LPS_CANARY_TOKEN": "canary-" + "b7e1" * 8,
    "AWS_SECRET_ACCESS_KEY": "canary/" + "9Qx+" * 10,
    "DB_PASSWORD": "canary pass word",
}


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a search space and the results of really running it; not to be changed.

    Nothing but the product itself kept the files private, and the environment held secrets.
    """
    folder = tmp_path_factory.mktemp("trained")
    (folder / "small.yaml").write_text(SPACE)
    where = ["--results", str(folder / "results")]
    before = os.umask(0)
    os.environ.update(SECRETS)
    try:
        code = main(["run", str(folder / "small.yaml"), "--inline", *where])
        assert main(["export", where[1], "small", "--to", str(folder / "results" / "out")]) == 0
    finally:
        os.umask(before)
        for name in SECRETS:
            del os.environ[name]
    assert code == 0
    return folder


@pytest.fixture
def copy(trained: Path, tmp_path: Path) -> Path:
    """A copy of `trained`, to be attacked."""
    shutil.copytree(trained, tmp_path / "copy")
    return tmp_path / "copy"
