"""`pretrain`: the trunk of one configuration."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lps_sweep.commands.output import open_console
from lps_sweep.commands.running import inline_executor
from lps_sweep.errors import ExitCode


def pretrain(*, settings: Sequence[str], preset: str, results: Path) -> int:
    """Makes the trunk of one configuration, unless it is there."""
    from lps_sweep.plan import single_space
    from lps_sweep.sweep.progress import Progress
    from lps_sweep.sweep.run import make_trunk

    space = single_space(preset=preset, settings=settings, seed=0)
    with open_console() as console:
        file = make_trunk(
            space,
            results,
            make_executor=inline_executor(space),
            make_progress=lambda trials, outcomes: Progress(console, trials, outcomes),
        )
        console.print(f"trunk: {results / file.path}", highlight=False)
    return ExitCode.DONE
