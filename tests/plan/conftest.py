from __future__ import annotations

import pytest

from lps_sweep.config import METHODS


@pytest.fixture
def other_method(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second method called `other`."""
    monkeypatch.setitem(METHODS, "other", "tests.plan.other_method")
