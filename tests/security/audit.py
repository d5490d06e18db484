"""Known vulnerabilities and licences of what is installed: ``python -m tests.security.audit``.

Looks at this project and all that it needs, in the environment that it runs in. Vulnerabilities
come from pip-audit, which is in the extra ``audit``; licences from the packages' own metadata,
against a list of those that go with an MIT project. Exit code 1 with a table where something is
found; what could not be looked up is said, and is no failure unless ``--strict``.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from importlib import metadata
from typing import Any, NamedTuple

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

PROJECT = "lps-sweep"

ALLOWED = {
    *("MIT", "MIT-0", "MIT-CMU", "BSD-2-Clause", "BSD-3-Clause", "0BSD", "ISC", "Zlib", "HPND"),
    *("Apache-2.0", "PSF-2.0", "Python-2.0", "Python-2.0.1", "CNRI-Python", "MPL-2.0", "BSL-1.0"),
    *("CC0-1.0", "Unlicense", "bzip2-1.0.6", "libtiff", "FTL", "BSD-3-Clause-Open-MPI"),
}
"""SPDX names of licences that ask for no more than notices, and MPL-2.0, for files left as they
are."""

EXCEPTIONS = {
    re.compile(r"nvidia-.*|cuda-.*"): "NVIDIA's licence; only the CUDA builds of torch need it",
}
"""Packages with another licence that are accepted, and why."""

FREE_TEXT = (
    (re.compile(r"apache", re.I), "Apache-2.0"),
    (re.compile(r"mozilla|MPL", re.I), "MPL-2.0"),
    (re.compile(r"GNU|GPL", re.I), "GPL"),
    (re.compile(r"3-clause|new bsd|modified bsd|bsd", re.I), "BSD-3-Clause"),
    (re.compile(r"historical permission|HPND", re.I), "HPND"),
    (re.compile(r"\bISC\b", re.I), "ISC"),
    (re.compile(r"python software|PSF", re.I), "PSF-2.0"),
    (re.compile(r"unlicense|public domain", re.I), "Unlicense"),
    (re.compile(r"\bMIT\b|expat|permission is hereby granted, free of charge", re.I), "MIT"),
)
"""What licences are called where no SPDX expression is given; the first that is found."""


class Finding(NamedTuple):
    """What is wrong with a package."""

    package: str
    version: str
    what: str


def closure(name: str = PROJECT, extras: Iterable[str] = ()) -> dict[str, str]:
    """What a project needs here, itself among it: version by name; markers are minded."""
    found: dict[str, str] = {}
    asked = [(canonicalize_name(name), frozenset(extras))]
    seen = set(asked)
    while asked:
        package, wanted = asked.pop()
        try:
            distribution = metadata.distribution(package)
        except metadata.PackageNotFoundError:
            continue  # an optional one of another platform, or not installed
        found[package] = distribution.version
        for text in distribution.requires or ():
            needed = Requirement(text)
            cases = [{"extra": extra} for extra in ("", *wanted)]
            if needed.marker is None or any(needed.marker.evaluate(case) for case in cases):
                one = canonicalize_name(needed.name), frozenset(needed.extras)
                if one not in seen:
                    seen.add(one)
                    asked.append(one)
    return dict(sorted(found.items()))


def licence_of(facts: Mapping[str, Any]) -> str:
    """The licence that a package's metadata declare, as an SPDX expression; empty for none."""
    if facts.get("License-Expression"):
        return str(facts["License-Expression"])
    classifiers = facts.get("Classifier", ())
    names = [c.rpartition("::")[2].strip() for c in classifiers if c.startswith("License ::")]
    names = [name for name in names if name != "OSI Approved"]
    told = [*names, *([str(facts["License"])] if facts.get("License") and not names else [])]
    if not names and told and told[0] in ALLOWED:
        return str(told[0])
    known = [next((spdx for p, spdx in FREE_TEXT if p.search(text)), text[:40]) for text in told]
    return " AND ".join(dict.fromkeys(known))


def is_allowed(expression: str) -> bool:
    """Whether an SPDX expression can be kept with licences of `ALLOWED` alone."""
    choices = re.split(r"\s+OR\s+", re.sub(r"[()]", " ", expression.strip()), flags=re.I)
    return any(
        all(
            re.split(r"\s+WITH\s+", part.strip(), flags=re.I)[0].strip() in ALLOWED
            for part in re.split(r"\s+AND\s+", choice, flags=re.I)
        )
        for choice in choices
    )


def licences(packages: Mapping[str, str]) -> list[Finding]:
    """The packages without a licence, or with one that is not allowed."""
    found = []
    for name, version in packages.items():
        facts = metadata.metadata(name)
        told = {
            "License-Expression": (facts.get_all("License-Expression") or [""])[0],
            "License": (facts.get_all("License") or [""])[0],
            "Classifier": facts.get_all("Classifier") or (),
        }
        licence = licence_of(told)
        if any(pattern.fullmatch(name) for pattern in EXCEPTIONS):
            continue
        if not licence:
            found.append(Finding(name, version, "names no licence"))
        elif not is_allowed(licence):
            found.append(Finding(name, version, f"licence {licence}"))
    return found


class Unknown(Exception):  # noqa: N818 - no error: the answer is not known
    """Vulnerabilities could not be looked up; says why."""


def vulnerabilities(packages: Mapping[str, str]) -> tuple[list[Finding], list[str]]:
    """The known vulnerabilities of `packages`, and the packages that nothing is known of.

    Raises:
        Unknown: pip-audit is not installed, or knows of none of them.
    """
    pinned = "".join(f"{n}=={Version(v).public}\n" for n, v in packages.items() if n != PROJECT)
    with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as file:
        file.write(pinned)
        file.flush()
        command = [sys.executable, "-m", "pip_audit", "--requirement", file.name]
        command += ["--no-deps", "--disable-pip", "--format", "json", "--progress-spinner", "off"]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=600)
    return findings(ended.stdout, ended.stderr)


def findings(output: str, errors: str) -> tuple[list[Finding], list[str]]:
    """What pip-audit's JSON says.

    Raises:
        Unknown: It is none, or tells nothing of any package.
    """
    try:
        told = json.loads(output)["dependencies"]
    except (ValueError, KeyError, TypeError):
        last = (errors.strip().splitlines() or ["pip-audit said nothing"])[-1]
        raise Unknown(last[:300]) from None
    unknown = [one["name"] for one in told if "skip_reason" in one]
    if len(unknown) == len(told):
        raise Unknown(told[0]["skip_reason"] if told else "nothing was looked up")
    found = [
        Finding(
            one["name"],
            one["version"],
            f"{flaw['id']}, fixed in {', '.join(flaw.get('fix_versions', ())) or 'no version'}",
        )
        for one in told
        for flaw in one.get("vulns", ())
    ]
    return found, unknown


def main(arguments: Sequence[str] | None = None) -> int:
    """Audits the environment; 1 where something is found."""
    parser = argparse.ArgumentParser(prog="python -m tests.security.audit", description=__doc__)
    parser.add_argument("--strict", action="store_true", help="what is not known is a failure")
    parser.add_argument(
        "--extra", action="append", default=[], metavar="NAME", help="an extra, such as trackers"
    )
    parsed = parser.parse_args(arguments)
    packages = closure(extras=parsed.extra)
    found = licences(packages)
    print(f"{len(packages)} packages; {len(found)} with a licence that is missing or not allowed")
    incomplete = False
    try:
        flaws, unknown = vulnerabilities(packages)
        found += flaws
        print(f"{len(flaws)} known vulnerabilities")
        if unknown:
            incomplete = True
            print(f"nothing is known of {len(unknown)}: {', '.join(unknown)}")
    except (Unknown, subprocess.TimeoutExpired) as reason:
        incomplete = True
        print(f"vulnerabilities were not looked up: {reason}")
    if found:
        widths = [max(len(row[i]) for row in found) for i in (0, 1)]
        for package, version, what in found:
            print(f"{package:<{widths[0]}}  {version:<{widths[1]}}  {what}")
    return 1 if found or (incomplete and parsed.strict) else 0


if __name__ == "__main__":
    sys.exit(main())
