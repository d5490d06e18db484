"""S11: floors above the known vulnerabilities, and an audit that can fail."""

from __future__ import annotations

import json
import subprocess
import tomllib
from email.message import Message
from pathlib import Path
from typing import Any

import pytest

from tests.security import audit
from tests.security.audit import closure, is_allowed, licence_of

ROOT = Path(__file__).parents[2]

FLOORS = {
    "ray": ("2.56", "unpickling of WebDataset files; before it, token authentication off"),
    "torch": ("2.10", "code run by torch.load in spite of weights_only"),
    "pillow": ("10.3", "a buffer overflow; the older ones, code run by ImageMath"),
    "jinja2": ("3.1.6", "a way out of the sandbox"),
    "pyyaml": ("5.4", "code run by full_load"),
    "numpy": ("1.22", "buffer overflows"),
    "scikit-learn": ("1.5", "training data kept by TfidfVectorizer"),
}
"""The oldest version that may be asked for, and what was wrong before."""


def declared() -> dict[str, Any]:
    """The project's requirements by name."""
    requirement = pytest.importorskip("packaging.requirements").Requirement
    content = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    found = [requirement(text) for text in content["project"]["dependencies"]]
    return {one.name.lower(): one for one in found}


@pytest.mark.parametrize("name", FLOORS)
def test_no_version_with_a_known_vulnerability_is_asked_for(name: str) -> None:
    version = pytest.importorskip("packaging.version").Version
    (floor,) = [s for s in declared()[name].specifier if s.operator == ">="]
    assert version(floor.version) >= version(FLOORS[name][0]), FLOORS[name][1]


def test_what_is_installed_has_licences_that_go_with_ours() -> None:
    assert audit.licences(closure()) == []


@pytest.mark.parametrize(
    ("facts", "licence", "allowed"),
    [
        ({"License-Expression": "MIT"}, "MIT", True),
        ({"License-Expression": "BSD-3-Clause AND (MIT OR GPL-2.0-only)"}, None, True),
        ({"License-Expression": "MIT AND GPL-3.0-or-later"}, None, False),
        ({"Classifier": ["License :: OSI Approved :: MIT License"]}, "MIT", True),
        ({"Classifier": ["License :: OSI Approved :: GNU GPL v3"]}, "GPL", False),
        ({"License": "BSD"}, "BSD-3-Clause", True),
        ({"License": "Proprietary, all rights reserved"}, None, False),
        ({}, "", False),
    ],
)
def test_licences_are_read_and_judged(
    facts: dict[str, Any], licence: str | None, allowed: bool
) -> None:
    if licence is not None:
        assert licence_of(facts) == licence
    assert is_allowed(licence_of(facts)) is allowed


def test_a_package_with_a_wrong_licence_or_none_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    copyleft, silent = Message(), Message()
    copyleft["License-Expression"] = "AGPL-3.0-only"
    known = {"copyleft": copyleft, "silent": silent}
    monkeypatch.setattr("tests.security.audit.metadata.metadata", known.__getitem__)
    assert audit.licences({"copyleft": "1", "silent": "2"}) == [
        ("copyleft", "1", "licence AGPL-3.0-only"),
        ("silent", "2", "names no licence"),
    ]


TORCH = {"name": "torch", "version": "2.15", "vulns": []}
FLAWED = {
    "dependencies": [
        {"name": "ray", "version": "2.50", "vulns": [{"id": "CVE-1", "fix_versions": ["2.56"]}]},
        {"name": "ours", "version": "1", "skip_reason": "not found"},
        TORCH,
    ]
}


@pytest.mark.parametrize(
    ("output", "arguments", "code"),
    [
        (json.dumps(FLAWED), [], 1),
        (json.dumps({"dependencies": [TORCH]}), [], 0),
        ("", [], 0),
        ("", ["--strict"], 1),
    ],
)
def test_the_exit_code_says_what_was_found(
    output: str,
    arguments: list[str],
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    ended = subprocess.CompletedProcess([], 0, output, "no network")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: ended)
    assert audit.main(arguments) == code
    printed = capsys.readouterr().out
    assert ("CVE-1, fixed in 2.56" in printed) is ("CVE-1" in output)
    assert ("ours" in printed) is ("ours" in output), "of which nothing is known"
    assert ("no network" in printed) is (not output)
