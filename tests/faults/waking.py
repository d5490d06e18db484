"""Workers that are given up for lost and wake later, with rows to hand over."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from lps_sweep.sweep import executor
from lps_sweep.sweep.executor import Accept, Death, Ended
from lps_sweep.sweep.jobs import Job, PackJob, perform
from lps_sweep.sweep.rows import Row
from tests.faults import truth
from tests.faults.harness import Case, NoTorch
from tests.faults.recorded import given_up

SHARE = 0.6
"""Of packs that fall asleep."""


def fall_asleep(case: Case, draw: random.Random) -> Callable[[], None]:
    """What prepares a driver whose packs do; each one wakes."""

    def prepare() -> None:
        Waking.file, Waking.results, Waking.draw = case.truth, case.results, draw
        executor.InlineExecutor = Waking  # type: ignore[misc]

    return prepare


class Waking(NoTorch):
    """Runs jobs in the process; some seem to die, and hand over rows once they were given up.

    Their attempts are over by then: the rows must be refused.
    """

    file: Path
    results: Path
    draw: random.Random
    _asleep: tuple[Iterator[list[Row]], ...] = ()

    def run(self, jobs: Sequence[Job], accept: Accept, ended: Ended) -> None:
        """Runs `jobs`; before the next report the asleep wake."""

        def accept_all(rows: list[Row]) -> None:
            woken, self._asleep = self._asleep, ()
            for reports in woken:
                self._wake(reports, accept)
            accept(rows)

        super().run(jobs, accept_all, ended)

    def _perform(self, job: Job, accept: Accept) -> Death | None:
        if not isinstance(job, PackJob) or self.draw.random() > SHARE:
            return super()._perform(job, accept)
        reports = perform(job)
        for _ in range(self.draw.randint(1, 5)):
            rows = next(reports, None)
            if rows is None:
                return None
            accept(rows)
        self._asleep += (reports,)
        return Death("nothing was heard of it")

    def _wake(self, reports: Iterator[list[Row]], accept: Accept) -> None:
        truth.write(self.file, "given up", attempts=given_up(self.results))
        rows = next(reports, None)
        if rows is not None:
            truth.write(self.file, "woke", late=len(rows))
            accept(rows)
