"""`plan`: what would run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lps_sweep.errors import ExitCode


def plan(
    *,
    file: Path,
    preset: str,
    settings: Sequence[str],
    results: Path,
    probe: bool,
    json: bool,
) -> int:
    """Shows what would run."""
    from lps_sweep.plan import read_space
    from lps_sweep.sweep.preview import preview

    space = read_space(file, preset=preset, settings=settings)
    shown = preview(space, results, probed=probe)
    print(shown.to_json() if json else shown.to_text())
    return ExitCode.DONE
