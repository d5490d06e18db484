from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from lps_sweep.report import build_report
from lps_sweep.report.kept import Kept, load_kept
from lps_sweep.report.pages.classes import (
    Shares,
    draw_shares,
    sections,
    shares_of,
)
from lps_sweep.report.reference import num_seen
from lps_sweep.results import Json, load_view
from tests.report.artefact_cases import Arrays, blobs, with_artefacts
from tests.report.report_cases import record


def kept(arrays: Arrays, **config: Json) -> Kept:
    return Kept("full", "t", 3, {"dataset": "digits", **config}, arrays)


def test_the_estimate_whole() -> None:
    estimate = np.array([[1, 1, 1, 1], [0.55, 0.02, 0.03, 0.4]], dtype=np.float32)
    arrays = {**blobs(0), "pi_hat": estimate, "targets": np.arange(4)}
    found = shares_of(kept(arrays, seen_classes=2))
    assert found is not None
    assert found.epochs == (1, 2)
    assert found.shares[0] == (0.25,) * 4
    assert found.final == pytest.approx((0.55, 0.02, 0.03, 0.4))
    assert found.order == (0, 3, 2, 1)
    assert found.dead == 1, "below a tenth of a quarter"
    assert found.entropy == pytest.approx(-sum(p * math.log(p) for p in found.final))
    assert found.seen_share == pytest.approx(0.57)
    assert found.estimate


def test_without_an_estimate_the_predictions_count() -> None:
    arrays = {**blobs(0, wrong=0), "pi_hat": np.zeros((0, 0), dtype=np.float32)}
    found = shares_of(kept(arrays))
    assert found is not None
    assert not found.estimate
    assert found.final == pytest.approx((0.1,) * 10)
    assert found.seen_share == pytest.approx(0.5)
    clusters = shares_of(kept(arrays, method="simclr_kmeans"))
    assert clusters is not None
    assert clusters.seen_share is None


def test_many_epochs_are_thinned_and_the_last_stays() -> None:
    estimate = np.full((200, 10), 0.1)
    estimate[-1, 0] = 0.3
    found = shares_of(kept({**blobs(0), "pi_hat": estimate}))
    assert found is not None
    assert len(found.epochs) == 25
    assert found.epochs[-1] == 200
    assert found.final[0] == pytest.approx(0.25)


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"dataset": "digits"}, 5),
        ({"dataset": "digits", "novel_classes": 2}, 5),
        ({"dataset": "digits", "seen_classes": 3}, 3),
        ({"dataset": "cifar100", "seen_classes": [1, 2]}, 2),
        ({"dataset": "unknown"}, 4),
    ],
)
def test_seen_classes_come_from_the_configuration(config: dict[str, Json], expected: int) -> None:
    assert num_seen(config, 8) == expected


def test_bars_are_sorted_hatched_and_slide() -> None:
    shares = Shares("full", 0, True, 2, (1, 2), ((0.25,) * 4, (0.5, 0.1, 0.1, 0.3)))
    panel = draw_shares(shares)
    (bars,) = panel.figure.data
    assert list(bars.y) == [50, 30, 10, 10]
    assert list(bars.marker.pattern.shape) == ["", "/", "", "/"]
    assert list(bars.customdata) == [
        "seen class 0",
        "novel class 3",
        "seen class 1",
        "novel class 2",
    ]
    assert panel.figure.layout.shapes[0].y0 == 25
    (slider,) = panel.figure.layout.sliders
    assert [step.label for step in slider.steps] == ["1", "2"]
    assert list(slider.steps[0].args[0]["y"][0]) == [25, 25, 25, 25]
    assert slider.active == 1
    assert panel.title == "full, seed 0: estimate"


def test_damaged_arrays_are_counted_and_stop_nothing(tmp_path: Path) -> None:
    folder = with_artefacts(tmp_path, record({"C": [10]}, [0, 1]))
    view = load_view(folder, "c_tau")
    first = tmp_path / view.artefacts["t00000"].path
    first.write_bytes(b"no archive")
    assert load_kept(view, "x", "t00000") is None
    (section,) = sections(view)
    assert any("arrays of 1 finished trials" in b for b in section.blocks if isinstance(b, str))
    assert "Class distribution" in build_report(folder, "c_tau").read_text(encoding="utf-8")
