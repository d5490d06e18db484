from __future__ import annotations

import pytest

from lps_sweep.config import METHODS


@pytest.fixture
def other_method(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second method called `other`."""
    monkeypatch.setitem(METHODS, "other", "tests.plan.other_method")


@pytest.fixture
def only_lps(monkeypatch: pytest.MonkeyPatch) -> None:
    """No method but LPS, whose keys no other method then takes differently."""
    for name in set(METHODS) - {"lps"}:
        monkeypatch.delitem(METHODS, name)
