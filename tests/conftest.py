"""What every test begins with."""

from __future__ import annotations

import signal

import pytest

for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    # Whoever runs the tests in the background of a script has them ignored, and so their children.
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(
            number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
        )


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Sets the device up for a test that is marked ``gpu``, as every job does, before it begins.

    Without that, kernels are not the deterministic ones, and comparisons of bits say nothing.
    Without a GPU, the test is skipped.
    """
    if item.get_closest_marker("gpu") is None:
        return
    import torch

    from lps_sweep import train

    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    train.set_up_device("cuda", 1)
