"""What an error in training says, and whom it ends: a member, or the process."""

from __future__ import annotations

import contextlib
import errno
import gc
import re
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from lps_sweep.errors import DeviceError
from lps_sweep.train import Learner
from lps_sweep.train.capture import CudaRecorder
from lps_sweep.train.faults import is_broken, is_out_of_memory
from tests.train.train_cases import CPU, config_of, run_of

HINT = (
    "\nCUDA kernel errors might be asynchronously reported at some other API call, so the "
    "stacktrace below might be incorrect.\nFor debugging consider passing CUDA_LAUNCH_BLOCKING=1"
)
MEMORY = [
    MemoryError("planted"),
    OSError(errno.ENOMEM, "Cannot allocate memory"),
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
    torch.AcceleratorError("CUDA error: out of memory" + HINT),
    RuntimeError("CUDA driver error: out of memory"),
    RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
    RuntimeError("cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED"),
    RuntimeError("GET was unable to find an engine to execute this computation"),
    RuntimeError("Triton Error [CUDA]: out of memory"),
    RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"),
    RuntimeError("std::bad_alloc"),
]
BROKEN = [
    torch.AcceleratorError("CUDA error: device-side assert triggered" + HINT),
    torch.AcceleratorError("CUDA error: an illegal memory access was encountered" + HINT),
    torch.AcceleratorError("CUDA error: uncorrectable ECC error encountered" + HINT),
    torch.AcceleratorError("CUDA error: unspecified launch failure" + HINT),
    torch.AcceleratorError("CUDA error: misaligned address" + HINT),
    torch.AcceleratorError("CUDA error: operation not supported on global/shared address space"),
    torch.AcceleratorError("CUDA error: operation failed due to a previous error during capture"),
    RuntimeError("CUDA error: CUBLAS_STATUS_EXECUTION_FAILED when calling `cublasSgemm( handle`"),
    RuntimeError("cuDNN error: CUDNN_STATUS_EXECUTION_FAILED"),
    RuntimeError("CUDA error: unknown error"),
    RuntimeError("Triton Error [CUDA]: an illegal memory access was encountered"),
]
OF_THE_WORK = [
    ValueError("planted"),
    OSError(errno.ENOSPC, "No space left on device"),
    RuntimeError("mat1 and mat2 shapes cannot be multiplied (2x3 and 4x5)"),
    torch.AcceleratorError("CUDA error: invalid configuration argument" + HINT),
    RuntimeError("cuDNN error: CUDNN_STATUS_NOT_SUPPORTED"),
]


def kind_of(error: Exception, device: torch.device = CPU) -> str:
    if is_broken(error, device):
        return "broken"
    return "memory" if is_out_of_memory(error) else "work"


@pytest.mark.parametrize(
    ("errors", "kind"), [(MEMORY, "memory"), (BROKEN, "broken"), (OF_THE_WORK, "work")]
)
def test_errors_are_told_apart(errors: list[Exception], kind: str) -> None:
    assert {str(error): kind_of(error) for error in errors} == {str(e): kind for e in errors}


def test_a_gpu_that_no_longer_answers_is_broken_whatever_the_error_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def answer(_: torch.device) -> None:
        raise torch.AcceleratorError("CUDA error: device-side assert triggered")

    gpu = torch.device("cuda")
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    for error in (*MEMORY[:4], *OF_THE_WORK):
        monkeypatch.setattr(torch.cuda, "synchronize", lambda _: None)
        assert kind_of(error, gpu) == kind_of(error) != "broken"
        monkeypatch.setattr(torch.cuda, "synchronize", answer)
        assert kind_of(error, gpu) == "broken"


def planted(error: Exception, call: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A Run of two members, of which the second meets `error`."""
    run = run_of([config_of(), config_of(lps={"C": 1.0})])
    unwell = run.members[1].learner
    work = getattr(Learner, call)

    def stumble(learner: Learner, *given: Any) -> Any:
        if learner is unwell:
            raise error
        return work(learner, *given)

    monkeypatch.setattr(Learner, call, stumble)
    return run


@pytest.mark.parametrize("call", ["start_epoch", "step", "end_epoch"])
def test_a_broken_device_ends_the_process_and_no_member(
    call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = planted(BROKEN[0], call, monkeypatch)
    with pytest.raises(torch.AcceleratorError, match="device-side assert"):
        run.train_epoch(0)
    assert (len(run.members), run.departures) == (2, [])


@pytest.mark.parametrize(
    ("error", "status"), [(MEMORY[3], "out_of_memory"), (OF_THE_WORK[3], "failed")]
)
def test_other_errors_end_one_member(
    error: Exception, status: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = planted(error, "start_epoch", monkeypatch)
    run.views = ()
    run.train_epoch(0)
    assert [(d.trial_id, d.status) for d in run.departures] == [("1", status)]


class Stream:
    """Notes which stream waits for which."""

    device = torch.device("cuda")

    def __init__(self, name: str, waits: list[str]) -> None:
        self.name = name
        self.waits = waits

    def wait_stream(self, other: Stream) -> None:
        self.waits.append(f"{self.name} for {other.name}")


class FakeCuda:
    """The parts of `torch.cuda` that a recorder uses; a capture ends as `ending` says."""

    def __init__(self, ending: Exception | None = None) -> None:
        self.ending = ending
        self.waits: list[str] = []
        self.current = "outside"
        self.capturing = False
        self.collecting: list[bool] = []

    def put(self, patch: pytest.MonkeyPatch) -> CudaRecorder:
        patch.setattr(torch.cuda, "Stream", lambda _: Stream("side", self.waits))
        patch.setattr(torch.cuda, "current_stream", lambda _: Stream("outside", self.waits))
        patch.setattr(torch.cuda, "stream", lambda _: contextlib.nullcontext())
        patch.setattr(torch.cuda, "graph_pool_handle", lambda: (0, 1))
        patch.setattr(torch.cuda, "CUDAGraph", lambda: SimpleNamespace(replay=lambda: None))
        patch.setattr(torch.cuda, "graph", self.graph)
        patch.setattr(gc, "collect", lambda: self.collecting.append(self.capturing))
        return CudaRecorder(torch.device("cuda"))

    @contextlib.contextmanager
    def graph(self, *_: Any, **__: Any) -> Iterator[None]:
        """As torch's: where the end of a capture raises, all stays as it was within."""
        self.current, self.capturing = "side", True
        try:
            yield
        finally:
            if self.ending:
                raise self.ending
            self.current, self.capturing = "outside", False


def test_garbage_is_collected_before_a_capture_and_never_in_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cuda = FakeCuda()
    within: list[bool] = []
    cuda.put(monkeypatch).record(lambda: within.append(gc.isenabled()))
    assert (cuda.collecting, within, gc.isenabled()) == ([False], [False], True)
    gc.disable()
    try:
        cuda.put(monkeypatch).record(lambda: None)
        assert not gc.isenabled()
    finally:
        gc.enable()


@pytest.mark.parametrize(
    ("error", "short", "ending"),
    [(MEMORY[2], True, None), (MEMORY[3], True, BROKEN[6]), (RuntimeError("?"), False, BROKEN[6])],
    ids=repr,
)
def test_a_capture_that_failed_ends_the_process(
    error: Exception, short: bool, ending: Exception | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = FakeCuda(ending).put(monkeypatch)

    def fail() -> None:
        raise error

    with pytest.raises(DeviceError, match=re.escape(str(error).partition("\n")[0])) as raised:
        recorder.record(fail)
    assert raised.value.out_of_memory is short
    assert gc.isenabled()
    run = planted(raised.value, "start_epoch", monkeypatch)
    with pytest.raises(DeviceError):
        run.train_epoch(0)
    assert run.departures == []


def test_who_goes_on_waits_for_a_warm_up_that_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    cuda = FakeCuda()
    recorder = cuda.put(monkeypatch)
    with pytest.raises(ZeroDivisionError):
        recorder.warm_up(lambda: 1 / 0)  # type: ignore[arg-type]
    assert cuda.waits == ["side for outside", "outside for side"]
