"""S10: files are their owner's alone, and no credential is kept."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lps_sweep.cli import main
from lps_sweep.errors import BadInputError
from lps_sweep.results import Ledger
from lps_sweep.text import REMOVED, without_secrets
from tests.own_process import python
from tests.security.conftest import SECRETS, SPACE
from tests.security.folders import database

SHAPED_LIKE_SECRETS = (
    "https://user:hunter2hunter2@example.org/x",
    "Authorization: Bearer abcdefgh12345678",
)


def modes(folder: Path) -> Iterator[tuple[str, int]]:
    """The permissions of all below a folder."""
    for path in sorted(folder.rglob("*")):
        yield str(path.relative_to(folder)), stat.S_IMODE(path.lstat().st_mode)


def too_open(folder: Path) -> list[str]:
    """What others than the owner may read, write or enter."""
    return [f"{name}: {mode:o}" for name, mode in modes(folder) if mode & 0o077]


def secrets_in(folder: Path) -> list[str]:
    """Files with a secret in them."""
    wanted = [value.encode() for value in SECRETS.values()]
    return [
        str(path)
        for path in folder.rglob("*")
        if path.is_file() and any(secret in path.read_bytes() for secret in wanted)
    ]


def test_all_files_of_a_run_are_private(trained: Path) -> None:
    results = trained / "results"
    assert stat.S_IMODE(results.stat().st_mode) == 0o700
    assert len(list(modes(results))) > 20
    assert too_open(results) == []


def test_repaired_rebuilt_and_rerun_files_are_private(copy: Path) -> None:
    results = copy / "results"
    before = os.umask(0)
    try:
        for name in ("ledger.sqlite", "small/report.html"):
            (results / name).unlink()
        assert main(["check", str(results), "--repair"]) == 0
        assert main(["report", str(results)]) == 0
        assert main(["run", str(copy / "small.yaml"), "--inline", "--results", str(results)]) == 0
    finally:
        os.umask(before)
    assert too_open(results) == []


def test_a_run_keeps_nothing_of_the_environment(trained: Path) -> None:
    assert secrets_in(trained) == []


def test_errors_are_kept_without_credentials(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """A trainer whose error quotes its credentials, as errors of clients do."""

    def broken(*_: Any) -> None:
        told = " ".join([*SECRETS.values(), *SHAPED_LIKE_SECRETS])
        raise RuntimeError(f"cannot log in with {told}")

    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("lps_sweep.train.train_pack", broken)
    (tmp_path / "small.yaml").write_text(SPACE)
    results = tmp_path / "results"
    assert main(["run", str(tmp_path / "small.yaml"), "--inline", "--results", str(results)]) == 2
    with Ledger.open(results) as ledger:
        errors = [row.error for row in ledger.trial_rows("small", False)]
    assert all("cannot log in with" in error and REMOVED in error for error in errors)
    assert secrets_in(tmp_path) == []
    kept = [path.read_bytes() for path in results.rglob("*") if path.is_file()]
    assert not any(word in text for word in (b"hunter2", b"abcdefgh12345678") for text in kept)
    printed = "".join(capfd.readouterr())
    assert not any(value in printed for value in SECRETS.values())


@pytest.mark.parametrize(
    "name",
    [
        *("HF_TOKEN", "wandb_api_key", "AWS_SECRET_ACCESS_KEY", "PGPASSWORD", "GIT_CREDENTIALS"),
        *("SSH_PRIVATE_KEY", "RAY_AUTH_TOKEN", "GPG_PASSPHRASE", "MY_APIKEY"),
    ],
)
def test_values_of_variables_named_like_secrets_are_removed(name: str) -> None:
    kept = without_secrets("a s3cr3tvalue b", {name: "s3cr3tvalue", "HOME": "a", "PATH": "b"})
    assert kept == f"a {REMOVED} b"


def test_the_folder_of_another_user_is_not_gone_on_with(
    copy: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    results = copy / "results"
    monkeypatch.setattr("os.geteuid", lambda: results.stat().st_uid + 1)
    run = ["run", str(copy / "small.yaml"), "--inline", "--results", str(results)]
    for verb in (run, ["status", str(results)], ["report", str(results)]):
        assert main(verb) == (4 if verb is run else 0)
    assert "it belongs to another user" in capsys.readouterr().err
    with pytest.raises(BadInputError, match="another user"):
        Ledger.open(results, write=True)


def test_a_leaked_canary_would_be_found(copy: Path) -> None:
    with database(copy / "results") as ledger:
        ledger.execute("UPDATE sweeps SET question = ?", (SECRETS["DB_PASSWORD"],))
    (copy / "results" / "small" / "new").write_text("x")
    (copy / "results" / "small" / "new").chmod(0o640)
    assert len(secrets_in(copy)) == 1
    assert too_open(copy / "results") == ["small/new: 640"]


ON_RAY = """\
import os, sys
from pathlib import Path
from lps_sweep.cli import main
os.umask(0)
code = main(["run", sys.argv[1], "--results", sys.argv[2]])
token = os.environ["RAY_AUTH_TOKEN"].encode()
files = [path for path in Path(sys.argv[2]).rglob("*") if path.is_file()]
print([str(path) for path in files if token in path.read_bytes()], len(token), len(files))
sys.exit(code)
"""


@pytest.mark.slow
@pytest.mark.integration
def test_all_files_of_a_run_on_ray_are_private_and_without_its_token(tmp_path: Path) -> None:
    pytest.importorskip("ray")
    (tmp_path / "small.yaml").write_text(SPACE)
    results = tmp_path / "results"
    space = tmp_path / "small.yaml"
    ended = python("-c", ON_RAY, space, results, env={**os.environ, **SECRETS})
    assert ended.returncode == 0, ended.stderr
    leaks, length, count = ended.stdout.splitlines()[-1].rsplit(" ", 2)
    assert leaks == "[]"
    assert int(length) == 64
    assert int(count) > 15
    assert (results / "small" / "logs" / "ray.log").exists()
    assert too_open(results) == []
    assert secrets_in(results) == []
