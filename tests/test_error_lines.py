"""What an error is on one line: most that a trial leaves are tracebacks."""

from __future__ import annotations

import errno
import traceback
from pathlib import Path

import pytest

from lps_sweep.errors import ExitCode
from lps_sweep.process import run_command
from lps_sweep.report.model import unique_tables
from lps_sweep.report.pages import all_sections
from lps_sweep.report.pages.failures import kinds_of, read_failures, traces_text
from lps_sweep.results import load_view
from lps_sweep.text import error_line, normalised_error
from tests.report.report_cases import make_ledger, record


def trace_of(error: Exception, cause: Exception | None = None) -> str:
    """The traceback of a raised error."""
    try:
        raise error from cause
    except type(error):
        return traceback.format_exc()


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("OSError: 3 of 7", "OSError: 3 of 7"),
        ("\n  worker 3 died\nmore", "worker 3 died"),
        (trace_of(ValueError("planted\nin two lines")), "ValueError: planted"),
        (trace_of(KeyError("last"), OSError("first")), "KeyError: 'last'"),
        ("pack 7:\n" + trace_of(ValueError("planted")), "pack 7: ValueError: planted"),
        ("Traceback (most recent call last):", ""),
        ("", ""),
    ],
)
def test_the_line_of_an_error(text: str, line: str) -> None:
    assert error_line(text) == line


def test_tracebacks_of_different_errors_are_different_kinds() -> None:
    first, other = trace_of(ValueError("3 is odd")), trace_of(OSError("3 is odd"))
    assert normalised_error(first) == "ValueError: # is odd" != normalised_error(other)
    assert normalised_error(trace_of(ValueError("5 is odd"))) == normalised_error(first)


def test_the_report_names_the_exception(tmp_path: Path) -> None:
    sweep = record({"C": [1, 10]}, [0, 1])
    error = trace_of(RuntimeError("made <b>"))
    view = load_view(make_ledger(tmp_path, sweep, {(1, 0): "failed"}, error=error), "c_tau")
    tables = {table.slug: table for table in unique_tables(all_sections(view))}
    assert tables["error_kinds"].rows[0][0] == "RuntimeError: made <b>"
    assert "RuntimeError: made <b>" in [row[-1] for row in tables["trials"].rows]
    assert not tables["trials"].columns[-1].hidden
    text = traces_text(kinds_of(read_failures(view)))
    assert text.startswith("t00000\nTraceback (most recent call last):")
    assert text.endswith("RuntimeError: made <b>")


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (MemoryError(), "memory"),
        (ImportError("libx.so: failed to map segment from shared object"), "libx.so"),
        (RuntimeError("can't start new thread"), "thread"),
        (OSError(errno.EMFILE, "Too many open files"), "open files"),
    ],
)
def test_what_the_system_has_not_is_told_in_a_line(
    error: Exception, told: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def short() -> int:
        raise error

    monkeypatch.setattr("resource.getrlimit", lambda _: (10**6, -1))
    assert run_command(short) == ExitCode.BAD_INPUT
    (line,) = capfd.readouterr().err.splitlines()
    assert told in line
    assert "ulimit -v" in line
