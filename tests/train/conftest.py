from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from lps_sweep.config import DataConfig
from lps_sweep.data import ImageSet
from lps_sweep.data import load as load_real
from lps_sweep.train import pack
from tests.train.train_cases import image_set


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """As `set_up_device` does for a pack; more threads than cores make tiny tensors crawl."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(autouse=True, scope="module")
def small_images() -> Iterator[None]:
    """A pack on the digits gets few and small images."""

    def load(data: DataConfig) -> ImageSet:
        return image_set() if data.dataset == "digits" else load_real(data)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pack, "load", load)
        yield
