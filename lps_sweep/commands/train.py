"""`train`: one configuration."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lps_sweep.commands.running import inline_executor, run_space


def train(*, settings: Sequence[str], preset: str, seed: int, results: Path) -> int:
    """Trains one configuration: a sweep of one, in this process."""
    from lps_sweep.plan import single_space

    space = single_space(preset=preset, settings=settings, seed=seed)
    return run_space(space, results, inline_executor(space))
