"""`confirm`: what a sweep selected, on fresh seeds."""

from __future__ import annotations

from pathlib import Path

from lps_sweep.commands.running import inline_executor, ray_executor, run_space


def confirm(
    *, results: Path, sweep: str, metric: str, seeds: int | None, inline: bool, address: str
) -> int:
    """Writes the search space of the confirmation into the results folder, and runs it."""
    from lps_sweep.files import atomic_write, inside
    from lps_sweep.plan import read_space
    from lps_sweep.results.confirmed import SUFFIX
    from lps_sweep.sweep.selected import confirmation_text

    text = confirmation_text(results, sweep, metric, seeds)
    file = inside(results, f"{sweep}{SUFFIX}/{sweep}{SUFFIX}.yaml")
    atomic_write(file, text.encode())
    print(f"search space: {file}", flush=True)
    space = read_space(file)
    make_executor = inline_executor(space) if inline else ray_executor(space, results, address)
    return run_space(space, results, make_executor)
