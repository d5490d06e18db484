"""Steps that are recorded once and replayed: CUDA graphs, and what they need around them.

A recorded step does again what was done on the same tensors, whatever the host would say by then.
So what changes from step to step must lie in tensors that stay where they are: the batch, the
words that its draws are made of, learning rate and progress. Nothing is recorded before the work
was done a few times as it stands, since the first times allocate what lasts and choose kernels.
These times count: they are the first steps of training, not rehearsals.
"""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Callable, Iterator, Mapping
from typing import Protocol

import torch
from torch import Tensor

from lps_sweep.data.random import Key
from lps_sweep.train.batch import Batch
from lps_sweep.train.device import sent
from lps_sweep.train.faults import process_ends

WARM_UPS = 3
"""Times that work is done as it stands before it is recorded."""

Work = Callable[[], None]
KeyWords = Mapping[str, tuple[int, int]]
MakeBatch = Callable[[Tensor, Tensor, Mapping[str, Key]], Batch]


class Recorder(Protocol):
    """How work is recorded on a kind of device."""

    def warm_up(self, work: Work) -> None:
        """Does the work in the surroundings in which it will be recorded."""

    def record(self, work: Work) -> Work:
        """Records the work without doing it; what comes back does it."""


class CudaRecorder:
    """Records CUDA graphs, which share one pool of memory: they are replayed one at a time.

    Args:
        device: A CUDA device.
    """

    def __init__(self, device: torch.device) -> None:
        self._stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        self._pool = torch.cuda.graph_pool_handle()

    def warm_up(self, work: Work) -> None:
        """On the stream of the recordings, which cuBLAS and autograd take note of."""
        outside = torch.cuda.current_stream(self._stream.device)
        self._stream.wait_stream(outside)
        try:
            with torch.cuda.stream(self._stream):
                work()
        finally:  # whoever goes on uses memory that the work may still write to
            outside.wait_stream(self._stream)

    def record(self, work: Work) -> Work:
        """A graph of the work; all that it reads and leaves behind stays where it is.

        Raises:
            DeviceError: The work failed, or cannot be recorded. CUDA may be recording still, and
                the stream of the recordings the current one, so that nobody here can go on.
        """
        graph = torch.cuda.CUDAGraph()
        first: Exception | None = None
        try:
            with _no_garbage(), torch.cuda.graph(graph, pool=self._pool, stream=self._stream):
                try:
                    work()
                except Exception as error:
                    first = error  # CUDA, which then cannot end the recording, hides it
                    raise
        except Exception as error:
            raise process_ends(first or error, "a step could not be recorded") from error
        replay: Work = graph.replay
        return replay


@contextlib.contextmanager
def _no_garbage() -> Iterator[None]:
    """Nothing is collected within: to free an earlier graph breaks the recording of another."""
    enabled = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


class Recorded:
    """Work on tensors that stay where they are: done as it stands, then recorded and replayed."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._warm_ups = 0
        self._replay: Work | None = None

    def __call__(self, work: Work) -> None:
        """Does the work once; it has to be the same each time, and is not kept."""
        if self._replay is None and self._warm_ups < WARM_UPS:
            self._warm_ups += 1
            self._recorder.warm_up(work)
            return
        if self._replay is None:
            self._replay = self._recorder.record(work)
        self._replay()


class FixedTensors:
    """Tensors that stay where they are, with other content each time."""

    def __init__(self) -> None:
        self._mine: tuple[Tensor, ...] = ()

    def __call__(self, *given: Tensor) -> tuple[Tensor, ...]:
        """What is `given`, always in the same tensors; their shapes have to be the same."""
        self._mine = self._mine or tuple(tensor.clone() for tensor in given)
        for mine, new in zip(self._mine, given, strict=True):
            mine.copy_(new)
        return self._mine


class FixedBatches:
    """Batches in tensors that stay where they are, made by replay after the first few."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorded = Recorded(recorder)
        self._inputs, self._outputs = FixedTensors(), FixedTensors()
        self._batch: Batch | None = None

    def __call__(
        self, make: MakeBatch, images: Tensor, labels: Tensor, keys: KeyWords, rows: Tensor
    ) -> Batch:
        """A batch; it is the same object each time, with other content.

        Args:
            make: Makes a batch from images, labels and keys on the device; the same each time.
            images: uint8 (B, C, H, W), on the device.
            labels: (n_l,), on the device.
            keys: Keys of the draws by name, the same names each time.
            rows: (B,), on the device.
        """
        words = sent(torch.tensor(list(keys.values())), images.device)
        inputs = self._inputs(images, labels, words, rows)
        self._recorded(lambda: self._fill(make, tuple(keys), *inputs))
        assert self._batch is not None
        return self._batch

    def _fill(
        self,
        make: MakeBatch,
        names: tuple[str, ...],
        images: Tensor,
        labels: Tensor,
        words: Tensor,
        rows: Tensor,
    ) -> None:
        keys = {name: (row[0], row[1]) for name, row in zip(names, words, strict=True)}
        made = make(images, labels, keys)
        draws, *views = self._outputs(made.draws, *made.views.values())
        fixed = dict(zip(made.views, views, strict=True))
        self._batch = self._batch or Batch(fixed, labels, draws, rows)
