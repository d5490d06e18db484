"""Other processes, which are spoken with and waited for no longer than they may take."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any, Concatenate, ParamSpec

from benchmarks.frame import ANSWER_S

P = ParamSpec("P")


class Worker:
    """A process of its own that does `work(pipe, ...)`; it is killed when the block is over."""

    def __init__(
        self, work: Callable[Concatenate[Connection, P], None], *given: P.args, **named: P.kwargs
    ) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=work, args=(theirs, *given), kwargs=named)
        self._process.start()
        theirs.close()

    def __enter__(self) -> Worker:
        """Itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Kills the process."""
        self._process.kill()
        self._process.join()
        self._pipe.close()

    def tell(self, what: object) -> None:
        """Sends something."""
        self._pipe.send(what)

    def answer(self, limit_s: float = ANSWER_S) -> Any:
        """What it sends next.

        Raises:
            RuntimeError: The process ended instead.
            TimeoutError: There was nothing within `limit_s` seconds.
        """
        if not self._pipe.poll(limit_s):
            raise TimeoutError(f"a process gave no answer within {limit_s:g} s")
        try:
            return self._pipe.recv()
        except EOFError:
            self._process.join()
            raise RuntimeError(f"a worker ended: {self._process.exitcode}") from None
