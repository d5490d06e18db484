"""`compare`: two sweeps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lps_sweep.commands.output import aligned, counted, number, print_json, settings, wrapped
from lps_sweep.errors import ExitCode

if TYPE_CHECKING:
    from lps_sweep.results.differences import MetricDifference, Shared, SweepDifferences

METRICS = ("acc_seen", "acc_novel", "acc_all")
"""What people are shown unless they ask for something else."""

NUM_SHOWN = 5
"""Configurations of one sweep only that are named."""


def compare(*, places: Sequence[str], metric: Sequence[str], json: bool) -> int:
    """Shows what differs between two sweeps."""
    from lps_sweep.results.differences import sweep_differences
    from lps_sweep.results.places import find_pair

    wanted = metric or (() if json else METRICS)
    first, second = find_pair(places)
    found = sweep_differences(first, second, wanted)
    if json:
        print_json(_content(found))
    else:
        print("\n\n".join(_sections(found, (first[0] / first[1], second[0] / second[1]))))
    return ExitCode.DONE


def _content(found: SweepDifferences) -> dict[str, Any]:
    return {
        "settings": {name: list(pair) for name, pair in found.settings.items()},
        "seeds": [found.first.seeds, found.second.seeds],
        "shared": [asdict(one) for one in found.shared],
        "only_first": found.only_first,
        "only_second": found.only_second,
    }


def _sections(found: SweepDifferences, paths: tuple[Path, Path]) -> Iterator[str]:
    lines = [f"A  {paths[0]}", f"B  {paths[1]}"]
    if found.first.seeds != found.second.seeds:
        for name, record in (("A", found.first), ("B", found.second)):
            lines.append(wrapped(f"seeds of {name}: {', '.join(map(str, record.seeds))}"))
    for name, only in (("A", found.only_first), ("B", found.only_second)):
        if only:
            some = "; ".join(settings(values) for values in only[:NUM_SHOWN])
            more = "; ..." if len(only) > NUM_SHOWN else ""
            lines.append(
                wrapped(f"{counted(len(only), 'configuration')} in {name} only: {some}{more}")
            )
    yield "\n".join(lines)
    yield _settings(found)
    if not found.shared:
        yield "no configuration is in both"
        return
    identical = sum(one.identical for one in found.shared)
    trials = f"; {identical} trials are one and the same in A and B" if identical else ""
    how = "paired by seed, with its 95 % interval"
    if found.unpaired:
        names = " and ".join(found.unpaired)
        give = "gives" if len(found.unpaired) == 1 else "give"
        how = f"not paired, because {names} {give} a seed other images: Welch's 95 % interval"
    both = counted(len(found.shared), "configuration")
    yield wrapped(
        f"{both} in both{trials}. B - A is {how} from three seeds on; accuracies are oracle, in "
        "percent."
    )
    for metric in found.shared[0].metrics:
        yield f"{metric}\n{_table(found.shared, metric)}"


def _settings(found: SweepDifferences) -> str:
    from lps_sweep.report.numbers import value_text

    if not found.settings:
        return "settings: the same, but for what is varied"
    rows = [(name, value_text(a), value_text(b)) for name, (a, b) in found.settings.items()]
    return "settings that differ\n" + aligned(("", "A", "B"), rows, "lll")


def _table(shared: Sequence[Shared], metric: str) -> str:
    from lps_sweep.report.numbers import value_text

    names = list(shared[0].values)
    header = (*names, "mean A", "n", "mean B", "n", "B - A", "pairs", "from", "to")
    rows = [
        (*(value_text(one.values[name]) for name in names), *_cells(one.metrics[metric]))
        for one in shared
    ]
    return aligned(header, rows, "l" * len(names) + "r" * 8)


def _cells(difference: MetricDifference) -> Iterator[str]:
    for described in (difference.first, difference.second):
        yield number(described.mean if described else None)
        yield str(described.n) if described else "0"
    paired = difference.paired
    low, high = (paired.described.interval if paired else difference.welch) or (None, None)
    yield number(paired.described.mean if paired else difference.apart, signed=True)
    yield str(len(paired.seeds)) if paired else "0"
    yield number(low, signed=True)
    yield number(high, signed=True)
