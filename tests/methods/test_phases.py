from __future__ import annotations

import math

import pytest

from lps_sweep.methods.phases import phase_length, rampup


@pytest.mark.parametrize(
    ("done", "length", "wanted"),
    [
        (0, 5, math.exp(-5)),
        (2, 5, math.exp(-5 * 0.36)),
        (1, 2, math.exp(-1.25)),
        (5, 5, 1.0),
        (9, 5, 1.0),
        (0, 0, 1.0),
        (3, 0, 1.0),
    ],
)
def test_rises_and_stays(done: int, length: int, wanted: float) -> None:
    assert rampup(done, length) == pytest.approx(wanted, abs=1e-15)


@pytest.mark.parametrize(
    ("share", "num_epochs", "free", "wanted"),
    [
        (0.1, 200, 199, 20),
        (0.1, 15, 14, 2),
        (0.1, 14, 13, 1),
        (0.1, 3, 2, 1),
        (0.3, 2, 0, 0),
        (0.0, 200, 199, 0),
        (0.9, 10, 4, 4),
    ],
)
def test_a_phase_is_a_share_of_the_epochs(
    share: float, num_epochs: int, free: int, wanted: int
) -> None:
    assert phase_length(share, num_epochs, free) == wanted
