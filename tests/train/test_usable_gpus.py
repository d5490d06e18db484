"""No silent CPU: GPUs that were asked for and cannot be used are refused, with the versions."""

from __future__ import annotations

import ctypes
import shutil
import sysconfig
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from lps_sweep.cli import main
from lps_sweep.config import LoopConfig
from lps_sweep.errors import BadInputError
from lps_sweep.plan import Resources
from lps_sweep.sweep.executor import InlineExecutor
from lps_sweep.sweep.jobs import perform
from lps_sweep.train import check_step, device, gpus_for_pack, usable_gpus
from lps_sweep.train.device import DRIVER
from tests.sweep.fakes import pack_job

TOO_OLD = "CUDA initialization: The NVIDIA driver on your system is too old (found version 11040)."
VERSION = "NVRM version: NVIDIA UNIX x86_64 Kernel Module  470.57.02  Tue Jul 13 16:14:05 UTC 2021"


@pytest.fixture(autouse=True)
def asked_anew() -> Iterator[None]:
    yield
    usable_gpus.cache_clear()


def machine(
    patch: pytest.MonkeyPatch,
    folder: Path,
    *,
    gpus: int = 0,
    driver: bool = False,
    warning: str = "",
) -> None:
    """A machine with so many GPUs that torch can use, with an old driver and with its warning.

    Torch itself counts GPUs once in a process, and says then, and not again, what is wrong.
    """
    usable_gpus.cache_clear()
    untold = [warning] if warning else []

    def is_available() -> bool:
        if untold:
            warnings.warn(untold.pop(), stacklevel=2)
        return gpus > 0

    def answer(number: Any) -> int:
        number._obj.value = 11040
        return 0

    def load(_: str) -> Any:
        if not driver:
            raise OSError("no such file")
        return SimpleNamespace(cuDriverGetVersion=answer)

    if driver:
        (folder / "version").write_text(VERSION)
    patch.setattr(device, "DRIVER", folder / "version")
    patch.setattr(ctypes, "CDLL", load)
    patch.setattr(torch.cuda, "is_available", is_available)
    patch.setattr(torch.cuda, "device_count", lambda: gpus)
    patch.setattr(torch.version, "cuda", "13.0")
    patch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


def test_what_there_is_of_this_machine() -> None:
    found = usable_gpus()
    assert (found.number == 0) == bool(found.trouble)
    assert found.number == (torch.cuda.device_count() if torch.cuda.is_available() else 0)
    assert bool(found.driver) >= DRIVER.exists()


@pytest.mark.parametrize(
    ("found", "wanted", "given"),
    [(0, None, 0.0), (0, 0.0, 0.0), (2, None, 1.0), (2, 0.0, 0.0), (2, 0.5, 0.5), (2, 2.0, 2.0)],
)
def test_a_pack_gets_what_it_asks_for_and_one_by_default(
    found: int, wanted: float | None, given: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine(monkeypatch, tmp_path, gpus=found)
    assert gpus_for_pack(wanted) == given
    if given > 1:
        return
    with InlineExecutor(Resources(gpus_per_pack=wanted)) as executor:
        assert executor.gpus_per_pack == given
        assert executor.device == ("cuda" if given else "cpu")
        assert executor.where == "in this process"


@pytest.mark.parametrize("wanted", [0.25, 1.0])
def test_gpus_that_cannot_be_used_are_refused_with_the_versions(
    wanted: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine(monkeypatch, tmp_path, driver=True, warning=TOO_OLD)
    with pytest.raises(BadInputError, match="gpus_per_pack") as raised:
        InlineExecutor(Resources(gpus_per_pack=wanted)).__enter__()
    told = str(raised.value)
    for part in ("CUDA 13.0", "470.57.02", "CUDA 11.4", "too old (found version 11040)"):
        assert part in told
    job = pack_job(tmp_path, "a", device=("cuda", 1, 1.0))
    with pytest.raises(BadInputError, match=r"470\.57\.02"):
        next(perform(job))


def test_more_gpus_than_there_are_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine(monkeypatch, tmp_path, gpus=2)
    with pytest.raises(BadInputError, match=r"gpus_per_pack must be at most 2, not 3"):
        gpus_for_pack(3.0)
    with pytest.raises(BadInputError, match=r"at most 1, not 2.*2 can be used.*one at the most"):
        InlineExecutor(Resources(gpus_per_pack=2.0)).__enter__()


def test_a_gpu_that_is_left_alone_since_it_cannot_be_used_is_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine(monkeypatch, tmp_path, driver=True, warning=TOO_OLD)
    with InlineExecutor(Resources()) as executor:
        assert (executor.device, executor.gpus_per_pack) == ("cpu", 0.0)
        assert "on the CPU" in executor.where
        assert "470.57.02" in executor.where
        assert TOO_OLD in executor.where
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    usable_gpus.cache_clear()
    assert "CUDA_VISIBLE_DEVICES is ''" in usable_gpus().trouble


@pytest.mark.parametrize("verb", [("run", "--inline"), ("plan", "--probe")])
def test_the_command_refuses_and_begins_nothing(
    verb: Sequence[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    machine(monkeypatch, tmp_path)
    space = tmp_path / "space.yaml"
    space.write_text(
        "name: x\npreset: digits\nset: {epochs: 1, pretrain_epochs: 0}\nseeds: [0]\n"
        "resources: {gpus_per_pack: 1}\n"
    )
    name, option = verb
    assert main([name, str(space), option, "--results", str(tmp_path / "r")]) == 4
    told = capfd.readouterr().err
    assert "CUDA 13.0" in told
    assert "driver" in told
    assert not (tmp_path / "r" / "checkpoints").exists()


@pytest.mark.parametrize("name", ["cpu", "cuda"])
@pytest.mark.parametrize("lacking", ["nothing", "compiler", "headers"])
def test_compile_looks_for_all_that_it_needs(
    name: str, lacking: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from torch._inductor import cpp_builder
    from torch.utils import _triton

    paths = {"include": str(tmp_path)}
    monkeypatch.setattr(_triton, "has_triton", lambda: True)
    monkeypatch.setattr(cpp_builder, "get_cpp_compiler", lambda: lacking != "compiler")
    monkeypatch.setattr(shutil, "which", lambda _: None if lacking == "compiler" else "/bin/cc")
    monkeypatch.setattr(sysconfig, "get_paths", lambda *_: paths)
    monkeypatch.setenv("CC", "cc")
    if lacking != "headers":
        (tmp_path / "Python.h").touch()
    loop = LoopConfig(compile=True)
    if lacking == "nothing":
        check_step(loop, torch.device(name))
        return
    with pytest.raises(BadInputError, match=r"compile: .*(compiler|headers in /)"):
        check_step(loop, torch.device(name))
