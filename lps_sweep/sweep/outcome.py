"""What a run leaves behind, for whoever called it."""

from __future__ import annotations

from dataclasses import dataclass

from lps_sweep.errors import ExitCode
from lps_sweep.results import Counts, PlanChange


@dataclass(frozen=True)
class Outcome:
    """What a call of `run_sweep` found and did.

    Attributes:
        counts: The sweep's trials by state.
        change: What the plan changed.
        ran: Trials that the call was to run.
        spent: The limit of the budget that kept some of them from running, in words.
    """

    counts: Counts
    change: PlanChange
    ran: int
    spent: str = ""

    @property
    def exit_code(self) -> ExitCode:
        """0 only if every planned trial is done or was stopped by a rule."""
        if self.counts.not_run or self.counts.running:
            return ExitCode.INCOMPLETE
        if self.counts.failed or self.counts.diverged:
            return ExitCode.TRIALS_FAILED
        return ExitCode.DONE
