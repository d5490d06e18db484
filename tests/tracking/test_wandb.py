from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lps_sweep.tracking import open_tracker
from tests.tracking.ledgers import EPOCHS, history, ledger, send, train_on

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]
pytest.importorskip("wandb")


def records(folder: Path) -> dict[str, list[Any]]:
    """What the offline runs in `folder` wrote, by the run's id."""
    from wandb.proto import wandb_internal_pb2

    found: dict[str, list[Any]] = {}
    for path in sorted(folder.glob("wandb/offline-run-*/run-*.wandb")):
        for data in log_entries(path.read_bytes()):
            record = wandb_internal_pb2.Record()  # type: ignore[attr-defined]
            record.ParseFromString(data)
            found.setdefault(path.stem.removeprefix("run-"), []).append(record)
    return found


def log_entries(content: bytes) -> Iterator[bytes]:
    """The entries of a log in LevelDB's format: blocks of 32 KiB, entries in one or more parts."""
    block, head, whole, last = 32_768, 7, 1, 4
    place, parts = head, b""  # the file begins with a header of its own
    while place + head <= len(content):
        if block - place % block < head:
            place += block - place % block
            continue
        length, kind = struct.unpack_from("<HB", content, place + 4)
        parts += content[place + head : place + head + length]
        place += head + length
        if kind in {whole, last}:
            yield parts
            parts = b""


def curve(rows: list[Any]) -> dict[int, dict[str, float]]:
    """Metrics by epoch."""
    found: dict[int, dict[str, float]] = {}
    for record in rows:
        if record.WhichOneof("record_type") == "history":
            items = record.history.item
            values = {i.key or "/".join(i.nested_key): json.loads(i.value_json) for i in items}
            assert int(values["epoch"]) not in found, "an epoch is there twice"
            found[int(values["epoch"])] = values
    return found


def test_a_run_per_trial_offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_DIR", str(tmp_path))
    results = ledger(tmp_path / "results")
    tracker = open_tracker("wandb", "project")
    trials = history(results).begun
    assert send(tracker, results) == 2 * EPOCHS + 3 * 3
    train_on(results)
    assert send(tracker, results) == 2
    tracker.close()
    found = records(tmp_path)
    assert sorted(found) == [trial.trial_id for trial in trials]
    first = curve(found["t00000"])
    assert [v["oracle.acc_novel"] for v in first.values()] == pytest.approx(
        [metrics["oracle.acc_novel"] for metrics in trials[0].epochs.values()]
    )
    assert sorted(curve(found["t00004"])) == [1, 2, 3, 4, 5]
    exits = {
        trial: [r.exit.exit_code for r in rows if r.WhichOneof("record_type") == "exit"]
        for trial, rows in found.items()
    }
    assert exits == {"t00000": [0], "t00001": [0], "t00002": [1], "t00003": [1], "t00004": [0]}
