from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from lps_sweep.cli import main
from lps_sweep.errors import ExitCode
from tests.test_cli import SPACE


@dataclass(frozen=True)
class Cli:
    """The command line, with a search space of six trials and a place for results.

    Attributes:
        folder: Where both are.
        file: The search space.
        results: The results folder, which is not there yet.
    """

    folder: Path
    file: Path
    results: Path
    capture: pytest.CaptureFixture[str]

    def __call__(self, *arguments: object, status: int = ExitCode.DONE) -> str:
        """Runs a command that ends with `status`; what it says, or says against it."""
        assert main([str(word) for word in arguments]) == status
        printed = self.capture.readouterr()
        return printed.err if status == ExitCode.BAD_INPUT else printed.out

    def of_file(self, verb: str, *options: object, status: int = ExitCode.DONE) -> str:
        """Runs a verb with the search space and the place for results."""
        return self(verb, self.file, "--results", self.results, *options, status=status)

    def plan(self, *options: object) -> dict[str, Any]:
        """What `plan` tells programs."""
        content: dict[str, Any] = json.loads(self.of_file("plan", "--json", *options))
        return content


@pytest.fixture
def cli(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Cli:
    file = tmp_path / "small.yaml"
    file.write_text(SPACE)
    return Cli(tmp_path, file, tmp_path / "results", capfd)
