"""What a results folder claims, read with sqlite3, json and hashlib alone."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Metrics = Mapping[str, float | None]


@dataclass(frozen=True)
class Recorded:
    """The claims, whoever made them.

    Attributes:
        planned: (trial, configuration with its seed as text), in plan order.
        outcomes: (trial, status, final metrics).
        epochs: (trial, epoch, attempt, metrics).
        damaged: Files that are referred to and are not what they are said to be.
        left_over: Temporary files and locks that no process holds any more, or should not.
    """

    planned: list[tuple[str, str]]
    outcomes: list[tuple[str, str, Metrics]]
    epochs: list[tuple[str, int, int, Metrics]]
    damaged: list[str] = field(default_factory=list)
    left_over: list[str] = field(default_factory=list)

    def table(self) -> list[tuple[Any, ...]]:
        """The final table without times and attempts: one row per planned trial and outcome."""
        ends = [(trial, status, sorted(m.items())) for trial, status, m in self.outcomes]
        known = {trial for trial, _ in self.planned}
        return sorted((t, s, str(m)) for t, s, m in ends if t in known)


def read_ledger(results: Path) -> Recorded:
    """The claims of a results folder of lps_sweep.

    Raises:
        sqlite3.Error: There is no ledger, or it cannot be read.
    """
    connection = sqlite3.connect(f"file:{results / 'ledger.sqlite'}?mode=ro", uri=True)
    try:
        planned = connection.execute(
            "SELECT p.trial_id, t.config || ' ' || t.seed FROM planned p JOIN trials t"
            " USING (trial_id) WHERE p.position IS NOT NULL ORDER BY p.sweep, p.position"
        ).fetchall()
        outcomes = [
            (trial, status, json.loads(metrics))
            for trial, status, metrics in connection.execute(
                "SELECT trial_id, status, metrics FROM outcomes"
            )
        ]
        epochs = [
            (trial, epoch, attempt, json.loads(metrics))
            for trial, epoch, attempt, metrics in connection.execute(
                "SELECT trial_id, epoch, attempt, metrics FROM epochs"
            )
        ]
        damaged = _damaged(_files_of(results), connection)
    finally:
        connection.close()
    return Recorded(planned, outcomes, epochs, damaged, _left_over(results))


def outcomes_of(results: Path) -> dict[str, str]:
    """Status by trial, and nothing where there is no ledger that can be read."""
    try:
        return {trial: status for trial, status, _ in read_ledger(results).outcomes}
    except sqlite3.Error:
        return {}


def ends_by_c(results: Path) -> list[tuple[float, str, str]]:
    """C, status and error of each outcome, in the order of C."""
    with contextlib.closing(sqlite3.connect(results / "ledger.sqlite")) as connection:
        return connection.execute(
            "SELECT json_extract(config, '$.C'), status, error FROM outcomes JOIN trials"
            " USING (trial_id) ORDER BY 1"
        ).fetchall()


def given_up(results: Path) -> list[tuple[str, int, list[int]]]:
    """The attempts that are over without an outcome: trial, number, epochs recorded so far."""
    connection = sqlite3.connect(f"file:{results / 'ledger.sqlite'}?mode=ro", uri=True)
    try:
        attempts = connection.execute(
            "SELECT trial_id, attempt FROM attempts WHERE ended IS NOT NULL EXCEPT"
            " SELECT trial_id, attempt FROM outcomes"
        ).fetchall()
        rows = connection.execute("SELECT trial_id, attempt, epoch FROM epochs").fetchall()
    finally:
        connection.close()
    return [(t, a, sorted(e for s, b, e in rows if (s, b) == (t, a))) for t, a in attempts]


def _files_of(results: Path) -> Path:
    """Where the files lie that a ledger names: in its folder, or in a store in another."""
    note = results / "ledger.store"
    if not note.exists():
        return results
    return Path(json.loads(note.read_text())["store"].partition("://")[2])


def _damaged(results: Path, connection: sqlite3.Connection) -> list[str]:
    """The newest checkpoint of each trial must be there; older ones may be gone, not changed."""
    found = []
    seen: set[str] = set()
    for trial, *files in connection.execute(
        "SELECT trial_id, member_path, member_sha256, run_path, run_sha256 FROM checkpoints"
        " ORDER BY trial_id, epoch DESC, attempt DESC"
    ):
        for path, sha256 in (files[:2], files[2:]):
            if (results / path).exists() or trial not in seen:
                found += _unlike(results / path, sha256)
        seen.add(trial)
    for path, sha256 in connection.execute(
        "SELECT artefact_path, artefact_sha256 FROM outcomes WHERE artefact_path IS NOT NULL"
    ):
        found += _unlike(results / path, sha256)
    for facts in results.glob("checkpoints/trunks/*.json"):
        sha256 = json.loads(facts.read_text(encoding="utf-8"))["sha256"]
        found += _unlike(facts.with_suffix(".pt"), sha256)
    return sorted(set(found))


def _unlike(path: Path, sha256: str) -> list[str]:
    if not path.is_file():
        return [f"{path} is missing"]
    same = hashlib.sha256(path.read_bytes()).hexdigest() == sha256
    return [] if same else [f"{path} has another SHA-256"]


def _left_over(results: Path) -> list[str]:
    found = [str(path) for path in results.rglob("*") if path.name.endswith((".part", ".tmp"))]
    if (results / "ray").exists():
        found.append(str(results / "ray"))
    try:
        with (results / "driver.lock").open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        found.append(f"{results / 'driver.lock'} is held")
    except FileNotFoundError:
        pass
    return sorted(found)
