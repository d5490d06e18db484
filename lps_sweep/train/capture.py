"""Steps that are recorded once and replayed: CUDA graphs, and what they need around them.

A recorded step does again what was done on the same tensors, whatever the host would say by then.
So what changes from step to step must lie in tensors that stay where they are: the batch, the
words that its draws are made of, learning rate and progress. Nothing is recorded before the work
was done a few times as it stands, since the first times allocate what lasts and choose kernels.
These times count: they are the first steps of training, not rehearsals.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

import torch
from torch import Tensor

from lps_sweep.data.random import Key
from lps_sweep.train.batch import Batch
from lps_sweep.train.device import sent

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
        with torch.cuda.stream(self._stream):
            work()
        outside.wait_stream(self._stream)

    def record(self, work: Work) -> Work:
        """A graph of the work; all that it reads and leaves behind stays where it is."""
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=self._pool, stream=self._stream):
            work()
        replay: Work = graph.replay
        return replay


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


class FixedBatches:
    """Batches in tensors that stay where they are, made by replay after the first few."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorded = Recorded(recorder)
        self._images = self._labels = self._words = torch.empty(0)
        self._batch: Batch | None = None

    def __call__(self, make: MakeBatch, images: Tensor, labels: Tensor, keys: KeyWords) -> Batch:
        """A batch; it is the same object each time, with other content.

        Args:
            make: Makes a batch from images, labels and keys on the device; the same each time.
            images: uint8 (B, C, H, W), on the device.
            labels: (n_l,), on the device.
            keys: Keys of the draws by name, the same names each time.
        """
        given = (images, labels, sent(torch.tensor(list(keys.values())), images.device))
        if self._batch is None:
            self._images, self._labels, self._words = (x.clone() for x in given)
        for mine, new in zip((self._images, self._labels, self._words), given, strict=True):
            mine.copy_(new)
        self._recorded(lambda: self._fill(make, tuple(keys)))
        assert self._batch is not None
        return self._batch

    def _fill(self, make: MakeBatch, names: tuple[str, ...]) -> None:
        keys = {name: (row[0], row[1]) for name, row in zip(names, self._words, strict=True)}
        made = make(self._images, self._labels, keys)
        if self._batch is None:
            views = {name: activations.clone() for name, activations in made.views.items()}
            self._batch = Batch(views, self._labels, made.draws.clone())
            return
        for name, activations in made.views.items():
            self._batch.views[name].copy_(activations)
        self._batch.draws.copy_(made.draws)
