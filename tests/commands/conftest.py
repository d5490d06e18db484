from __future__ import annotations

from pathlib import Path

import pytest

from tests.test_cli import SPACE


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A search space of six trials."""
    path = tmp_path / "small.yaml"
    path.write_text(SPACE)
    return path
