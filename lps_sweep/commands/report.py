"""`report`: tables, figures and report from what is recorded."""

from __future__ import annotations

from pathlib import Path

from lps_sweep.errors import ExitCode


def report(*, results: Path, sweep: str, images: bool, maps: bool, watch: float) -> int:
    """Builds the report of one sweep, or of all; with `watch`, again at each change of a run."""
    from lps_sweep.commands.watching import watch as watch_sweeps
    from lps_sweep.results import Ledger

    with Ledger.open(results) as ledger:
        names = [sweep] if sweep else ledger.sweeps()
        for name in names:
            ledger.record(name)
    try:
        watch_sweeps(
            results, names, watch, lambda name: _build(results, name, images=images, maps=maps)
        )
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    return ExitCode.DONE


def _build(results: Path, name: str, *, images: bool, maps: bool) -> None:
    from lps_sweep.report import build_report

    if maps:
        from lps_sweep.report.maps import make_maps
        from lps_sweep.results import load_view

        make_maps(load_view(results, name))

    print(build_report(results, name), flush=True)
    if not images:
        return
    from lps_sweep.report.images import write_images

    drawn = write_images(results, name)
    for path in drawn.paths:
        print(path)
    if drawn.reason:
        print(f"no images: {drawn.reason}")
