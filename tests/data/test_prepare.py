from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
from collections import namedtuple
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lps_sweep.cli import main
from lps_sweep.config import DataConfig
from lps_sweep.data import fingerprint, load
from lps_sweep.data.prepare import decode, prepare
from lps_sweep.errors import BadInputError, StorageError
from tests.data.imagenet_cases import NAMES, picture, truncate, write_class_folders
from tests.own_process import python

SIZE = 32
KILLED = """
import os, signal, sys
from pathlib import Path
from lps_sweep.data import prepare as module
from lps_sweep.data.prepare import prepare

{setup}
def report(done, total):
    if done == {at}:
        os.kill(os.getpid(), signal.SIGKILL)

prepare(Path(sys.argv[1]), 32, num_workers=2, report=report)
"""


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_class_folders(tmp_path_factory.mktemp("imagenet"))


@pytest.fixture(scope="module")
def expected(original: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The fingerprint of what an undisturbed preparation gives."""
    root = Path(shutil.copytree(original, tmp_path_factory.mktemp("whole") / "imagenet"))
    prepare(root, SIZE, num_workers=1)
    return fingerprint_of(root)


@pytest.fixture
def root(original: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(original, tmp_path / "imagenet"))


def config(root: Path) -> DataConfig:
    return DataConfig(dataset="imagenet100", data_root=str(root), image_size=SIZE)


def fingerprint_of(root: Path) -> str:
    return fingerprint(config(root))


def names_in(root: Path) -> set[str]:
    return {file.name for file in (root / f"imagenet100-{SIZE}").iterdir()}


def kill_at(root: Path, at: int, setup: str = "") -> None:
    code = KILLED.format(at=at, setup=setup)
    ended = python("-c", code, root)
    assert ended.returncode == -signal.SIGKILL, ended.stderr


def read_calls(root: Path, monkeypatch: pytest.MonkeyPatch, **options: Any) -> list[str]:
    """Prepares; the names of the files that were decoded for it."""
    calls: list[str] = []

    def counting(file: Path, side: int) -> np.ndarray[Any, Any]:
        calls.append(file.name)
        return decode(file, side)

    monkeypatch.setattr("lps_sweep.data.prepare.decode", counting)
    prepare(root, SIZE, num_workers=1, **options)
    return calls


def test_what_is_left_is_images_and_manifest(root: Path, expected: str) -> None:
    told: list[tuple[int, int]] = []
    manifest = prepare(root, SIZE, num_workers=3, report=lambda *numbers: told.append(numbers))
    assert fingerprint_of(root) == expected == manifest.content
    assert names_in(root) == {"manifest.json", manifest.images_name, "lock"}
    assert (manifest.num_images, manifest.num_skipped) == (200, 0)
    assert told[-1] == (200, 200)
    assert {done for done, _ in told} >= set(range(1, 201))


def test_a_killed_preparation_goes_on(
    root: Path, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    kill_at(root, 101)
    with pytest.raises(BadInputError, match="ImageNet-100, prepared"):
        load(config(root))
    assert len(read_calls(root, monkeypatch)) == 100
    assert fingerprint_of(root) == expected
    assert len(names_in(root)) == 3


def test_a_kill_before_the_manifest_costs_nothing(
    root: Path, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    setup = """
write = module._write

def killed(path, manifest):
    if path.name == "manifest.json":
        os.kill(os.getpid(), signal.SIGKILL)
    write(path, manifest)

module._write = killed
"""
    kill_at(root, -1, setup)
    assert "manifest.json" not in names_in(root)
    assert read_calls(root, monkeypatch) == []
    assert fingerprint_of(root) == expected


def test_lost_pixels_are_done_again(
    root: Path, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    kill_at(root, 151)
    pixels = root / f"imagenet100-{SIZE}" / "unfinished.uint8"
    assert pixels.stat().st_size >= 150 * 3 * SIZE**2
    os.truncate(pixels, 101 * 3 * SIZE**2 + 5)
    assert len(read_calls(root, monkeypatch)) == 100
    assert fingerprint_of(root) == expected


def test_a_second_call_verifies(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    manifest = prepare(root, SIZE, num_workers=1)
    assert read_calls(root, monkeypatch) == []
    file = root / f"imagenet100-{SIZE}" / manifest.images_name
    content = bytearray(file.read_bytes())
    content[150 * 3 * SIZE**2] ^= 1
    file.write_bytes(content)
    load(config(root))
    with pytest.raises(BadInputError, match=rf"uint8: .*{NAMES[75]}"):
        prepare(root, SIZE, num_workers=1)


def test_corrupt_images_are_named_and_the_rest_is_kept(
    root: Path, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = root / "train" / NAMES[40]
    files = [folder / f"{NAMES[40]}_{i}.JPEG" for i in (0, 1)]
    kept = [file.read_bytes() for file in files]
    truncate(files[0])
    files[1].write_bytes(b"no image")
    with pytest.raises(BadInputError) as caught:
        prepare(root, SIZE, num_workers=1)
    message = str(caught.value)
    assert f"{files[0]}: image file is truncated" in message
    assert f"{files[1]}: cannot identify image file" in message
    assert "--skip-corrupt" in message
    with pytest.raises(BadInputError, match="ImageNet-100, prepared"):
        load(config(root))
    for file, content in zip(files, kept, strict=True):
        file.write_bytes(content)
    assert len(read_calls(root, monkeypatch)) == 120
    assert fingerprint_of(root) == expected


def test_corrupt_images_are_skipped_on_request(
    root: Path, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    corrupt = root / "train" / NAMES[40] / f"{NAMES[40]}_1.JPEG"
    truncate(corrupt)
    manifest = prepare(root, SIZE, num_workers=1, skip_corrupt=True)
    assert (manifest.num_images, manifest.num_skipped) == (199, 1)
    facts = json.loads((root / f"imagenet100-{SIZE}" / "manifest.json").read_text())
    assert facts["num_skipped"] == 1
    assert facts["classes"][40]["skipped"] == [corrupt.name]
    images = load(config(root))
    assert images.labels.tolist().count(40) == 1
    assert np.array_equal(images.images[81], decode(root / "train" / NAMES[41] / f"{NAMES[41]}_0.JPEG", SIZE))  # fmt: skip  # noqa: E501
    assert fingerprint_of(root) != expected
    assert read_calls(root, monkeypatch, skip_corrupt=True) == []
    with pytest.raises(BadInputError, match="image file is truncated"):
        prepare(root, SIZE, num_workers=1)
    assert len(load(config(root)).labels) == 199
    corrupt.unlink()
    assert len(read_calls(root, monkeypatch)) == 199 - 80
    assert load(config(root)).images.shape[0] == 199


def test_other_files_are_prepared_beside_the_older_ones(root: Path, expected: str) -> None:
    prepare(root, SIZE, num_workers=1)
    older = load(config(root))
    kept = older.images[5].copy()
    picture(7, 50, 40).save(root / "train" / NAMES[0] / "a.JPEG")
    manifest = prepare(root, SIZE, num_workers=1)
    assert fingerprint_of(root) != expected
    assert np.array_equal(older.images[5], kept)
    assert names_in(root) == {"manifest.json", manifest.images_name, "lock"}


@pytest.mark.parametrize("name", ["unfinished.uint8", "unfinished.json", "manifest.json"])
@pytest.mark.parametrize("is_folder", [False, True])
def test_somebody_else_s_file_is_not_replaced(root: Path, name: str, is_folder: bool) -> None:
    path = root / f"imagenet100-{SIZE}" / name
    path.parent.mkdir()
    if is_folder:
        path.mkdir()
    else:
        path.write_text("mine")
    with pytest.raises(BadInputError):
        prepare(root, SIZE, num_workers=1)
    assert names_in(root) - {"lock"} == {name}
    assert path.is_dir() or path.read_text() == "mine"


def test_two_processes_do_not_prepare_one_folder(root: Path) -> None:
    folder = root / f"imagenet100-{SIZE}"
    folder.mkdir()
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(StorageError, match=str(folder)):
            prepare(root, SIZE, num_workers=1)


def test_a_disk_that_is_too_small_is_told_before_anything_is_decoded(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage(0, 0, 600_000))
    with pytest.raises(StorageError, match="200 images of 32 x 32"):
        prepare(root, SIZE, num_workers=1)


def test_the_verb(root: Path, capfd: pytest.CaptureFixture[str]) -> None:
    asked = ["prepare", "imagenet100", "--root", str(root), "--size", "32", "--workers", "1"]
    assert main(asked) == 0
    assert str(root / "imagenet100-32") in capfd.readouterr().out
    truncate(root / "train" / NAMES[0] / f"{NAMES[0]}_0.JPEG")
    shutil.rmtree(root / "imagenet100-32")
    assert main(asked) == 4
    assert f"{NAMES[0]}_0.JPEG: image file is truncated" in capfd.readouterr().err
    assert main([*asked, "--skip-corrupt"]) == 0
    assert "1 skipped" in capfd.readouterr().out


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", ["lock", "manifest.json", "unfinished.json", "unfinished.uint8"])
def test_a_pipe_among_the_prepared_files_is_named(
    root: Path, name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    pipe = root / f"imagenet100-{SIZE}" / name
    pipe.parent.mkdir()
    os.mkfifo(pipe)
    assert main(["prepare", "imagenet100", "--root", str(root), "--size", str(SIZE)]) == 4
    assert f"{pipe}: " in capfd.readouterr().err
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    if name == "manifest.json":
        with pytest.raises(BadInputError, match=str(pipe)):
            load(config(root))


HANGS = """
import os, sys, time
from lps_sweep.cli import main
from lps_sweep.data import prepare

def hang(file, side):
    os.write(1, b"hangs\\n")
    time.sleep(1000)

prepare.decode = hang
sys.exit(main(["prepare", "imagenet100", "--root", sys.argv[1], "--size", "32", "--workers", "2"]))
"""


@pytest.mark.timeout(60)
def test_a_signal_ends_it_also_while_all_workers_hang(root: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HANGS, str(root)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "hangs\n"
        process.terminate()
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM
    assert "Traceback" not in errors
