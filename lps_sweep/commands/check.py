"""`check`: whether a results folder is whole, and its repair."""

from __future__ import annotations

from pathlib import Path

from lps_sweep.errors import ExitCode


def check(*, results: Path, repair: bool) -> int:
    """Verifies ledger, artefacts, checkpoints and trunks; mends what is wrong if asked to."""
    from lps_sweep.sweep import check as folder

    found = folder.examine(results)
    for problem in found:
        print(problem)
    if not found:
        print(f"{results}: everything is as it was recorded")
        return ExitCode.DONE
    if not repair:
        print(f"`lps_sweep check {results} --repair` does so; nothing was changed yet")
        return ExitCode.STORAGE
    from lps_sweep.sweep.repair import repair as mend

    for done in mend(results):
        print(done)
    return ExitCode.DONE
