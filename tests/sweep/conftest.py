from __future__ import annotations

import os

import pytest


@pytest.fixture(autouse=True)
def no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many short sweeps in one test: what is written need not survive a power cut."""
    monkeypatch.setattr(os, "fsync", lambda _: None)
