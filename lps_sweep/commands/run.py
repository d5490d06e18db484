"""`run`: what is planned and not yet done."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from lps_sweep.commands.running import inline_executor, ray_executor, run_space
from lps_sweep.errors import BadInputError, ExitCode, LpsSweepError


def run(
    *,
    file: Path,
    preset: str,
    settings: Sequence[str],
    results: Path,
    inline: bool,
    address: str,
    retry: str,
    only: Sequence[str],
    limit: int | None,
    budget: Sequence[str],
    yes: bool,
    ask_above: Sequence[str],
) -> int:
    """Runs a search space; rows, tables and report lie in the results folder afterwards."""
    from lps_sweep.plan import PlannedTrial, read_space
    from lps_sweep.sweep.budget import read_budget
    from lps_sweep.sweep.selection import read_selection
    from lps_sweep.sweep.threshold import above, read_threshold

    space = read_space(file, preset=preset, settings=settings)
    selection = read_selection(only=only, limit=limit, retry=retry)
    threshold = read_threshold(ask_above)

    def ask(listed: Sequence[PlannedTrial]) -> None:
        if not yes and (much := above(threshold, space, listed, selection, results)):
            _ask(much)

    return run_space(
        space,
        results,
        inline_executor(space) if inline else ray_executor(space, results, address),
        selection=selection,
        budget=read_budget(budget),
        ask=ask,
    )


class _DeclinedError(LpsSweepError):
    exit_code = ExitCode.INCOMPLETE


def _ask(much: str) -> None:
    """Asks at a terminal whether to start `much`; elsewhere it takes ``--yes``."""
    if not sys.stdin.isatty():
        raise BadInputError(f"{much}; to start them give --yes, or --ask-above a larger number")
    if input(f"{much}. Start them? [y/N] ").strip().lower() not in ("y", "yes"):
        raise _DeclinedError("nothing was started")
