from __future__ import annotations

import contextlib
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from lps_sweep.tracking import open_tracker
from tests.tracking.ledgers import EPOCHS, history, ledger, send, train_on

event_pb2 = pytest.importorskip("tensorboardX.proto.event_pb2")

Scalars = dict[str, dict[int, float]]


def events(folder: Path) -> Iterator[object]:
    """The events of the only file in `folder`, read as TensorBoard's format says."""
    [path] = folder.glob("events.out.tfevents.*")
    content = path.read_bytes()
    place = 0
    while place < len(content):
        (length,) = struct.unpack_from("<Q", content, place)
        event = event_pb2.Event()
        event.ParseFromString(content[place + 12 : place + 12 + length])
        yield event
        place += length + 16


def scalars(folder: Path) -> Scalars:
    found: Scalars = {}
    for event in events(folder):
        for value in event.summary.value:  # type: ignore[attr-defined]
            if value.HasField("simple_value"):
                rows = found.setdefault(value.tag, {})
                assert event.step not in rows, "an epoch is there twice"  # type: ignore[attr-defined]
                rows[event.step] = value.simple_value  # type: ignore[attr-defined]
    return found


def send_to(place: Path, results: Path) -> int:
    with contextlib.closing(open_tracker("tensorboard", str(place))) as tracker:
        return send(tracker, results)


def test_a_run_per_trial_with_its_curves(tmp_path: Path) -> None:
    results, place = ledger(tmp_path / "results"), tmp_path / "board"
    assert send_to(place, results) == 2 * EPOCHS + 3 * 3
    assert sorted(p.name for p in place.iterdir()) == [f"t0000{i}" for i in range(5)]
    [first, *_] = history(results).begun
    found = scalars(place / "t00000")
    assert found["oracle.acc_novel"] == pytest.approx(
        {epoch: metrics["oracle.acc_novel"] for epoch, metrics in first.epochs.items()}
    )
    assert found["final/oracle.acc_all"][EPOCHS] == pytest.approx(first.final["oracle.acc_all"])
    assert "final/oracle.acc_all" not in scalars(place / "t00002")


def test_news_are_added_once_and_a_new_tracker_takes_over(tmp_path: Path) -> None:
    results, place = ledger(tmp_path / "results"), tmp_path / "board"
    tracker = open_tracker("tensorboard", str(place))
    send(tracker, results)
    train_on(results)
    assert send(tracker, results) == 2
    tracker.close()
    whole = scalars(place / "t00004")
    assert sorted(whole["oracle.acc_novel"]) == [1, 2, 3, 4, 5]
    send_to(place, results)
    assert scalars(place / "t00004") == whole


def test_values_stand_in_the_table_of_hyper_parameters(tmp_path: Path) -> None:
    place = tmp_path / "board"
    send_to(place, ledger(tmp_path / "results"))
    content = b"".join(
        value.metadata.plugin_data.content
        for event in events(place / "t00001")
        for value in event.summary.value  # type: ignore[attr-defined]
        if value.metadata.plugin_data.plugin_name == "hparams"
    )
    assert b"dataset" in content
    assert b"digits" in content
