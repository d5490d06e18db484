"""No test measures time: a slower machine, or one with other work, fails none.

A clock may only tell when to give up waiting, a minute later at the earliest. What a thing costs
is counted (`tests.counted`); seconds are for `benchmarks`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
MEASURES = re.compile(
    r"(perf_counter|process_time|thread_time|clock_gettime)(_ns)?\(|os\.times\(|ru_[us]time"
    r"|performance\.now|Date\.now|\b(time\.time|monotonic)(_ns)?\(\) *-[^>]|- *time\."
)
WAITS = re.compile(
    r"(?<!_)timeout(?:=|\()(\d+(?:\.\d+)?)(?= *[,)])|(?:time|monotonic)\(\) *\+ *(\d+(?:\.\d+)?)"
)
LEAST_S = 60
EXEMPT = {
    "benchmarks/test_peer.py": "processes that use as much of a processor as they are told",
    "security/test_ports.py": "a port that says nothing for a while speaks no HTTP",
    "faults/soak.py": "goes on for as long as it is told, and is no test",
    "faults/truth.py": "the order of what several processes note",
    "faults/test_time.py": "tests that the product itself goes by no clock",
}


def measured(code: str) -> Iterator[int]:
    """The lines in which a clock is read for anything but a deadline, or a deadline is near."""
    for number, line in enumerate(code.splitlines(), start=1):
        limits = [float(one or other) for one, other in WAITS.findall(line)]
        if MEASURES.search(line) or any(limit < LEAST_S for limit in limits):
            yield number


def test_no_test_measures_time() -> None:
    files = sorted(TESTS.rglob("*.py"))
    assert len(files) > 150
    found = [
        f"{name}:{line}"
        for file in files
        if (name := str(file.relative_to(TESTS))) not in {*EXEMPT, Path(__file__).name}
        for line in measured(file.read_text(encoding="utf-8"))
    ]
    assert found == []


@pytest.mark.parametrize(
    ("code", "right"),
    [
        ("took = time.process_time() - started\nassert took < 3", False),
        ("assert time.monotonic() - started < 20", False),
        ("used = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime", False),
        ("deadline = time.monotonic() + 5", False),
        ("process.wait(timeout=30)", False),
        ("@pytest.mark.timeout(30)\ndef test_a(): pass", False),
        ("page.has('() => performance.now()')", False),
        ("deadline = time.monotonic() + 120\nassert time.monotonic() < deadline", True),
        ("process.wait(timeout=120)\ntime.sleep(0.05)", True),
    ],
)
def test_what_measures_is_seen(code: str, right: bool) -> None:
    assert (not list(measured(code))) == right
