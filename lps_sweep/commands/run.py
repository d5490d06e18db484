"""`run`: what is planned and not yet done."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lps_sweep.commands.running import inline_executor, ray_executor, run_space


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
) -> int:
    """Runs a search space; rows, tables and report lie in the results folder afterwards."""
    from lps_sweep.plan import read_space
    from lps_sweep.sweep.budget import read_budget
    from lps_sweep.sweep.selection import read_selection

    space = read_space(file, preset=preset, settings=settings)
    return run_space(
        space,
        results,
        inline_executor(space) if inline else ray_executor(space, results, address),
        selection=read_selection(only=only, limit=limit, retry=retry),
        budget=read_budget(budget),
    )
