"""A browser, and reports to open in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lps_sweep.report import build_report
from tests.report.browser_cases import open_browser
from tests.report.report_cases import C_TAU, make_ledger, record

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with open_browser() as found:
        yield found


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """75 trials, one of them failed with a hostile error."""
    error = "</script><img src=http://localhost/x onerror=document.title='hit'>"
    folder = make_ledger(
        tmp_path_factory.mktemp("results"), record(C_TAU), {(1, 0.2, 0): "failed"}, error=error
    )
    return build_report(folder, "c_tau")


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """500 trials: more than a table shows at a time."""
    folder = tmp_path_factory.mktemp("long")
    sweep = record(C_TAU, range(20))
    return build_report(make_ledger(folder, sweep, epochs=1), "c_tau")
