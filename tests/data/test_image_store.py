from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from lps_sweep.data.image_store import DeviceImages, HostImages, image_store

CPU = torch.device("cpu")
ROWS = torch.tensor([7, 0, 7, 11, 3])


def pixels() -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (12, 3, 6, 5), dtype=np.uint8)


@pytest.fixture
def mapped(tmp_path: Path) -> NDArray[np.uint8]:
    pixels().tofile(tmp_path / "pixels")
    return np.memmap(tmp_path / "pixels", dtype=np.uint8, mode="r", shape=(12, 3, 6, 5))


def test_both_forms_give_the_same_images(mapped: NDArray[np.uint8]) -> None:
    expected = torch.from_numpy(pixels())[ROWS]
    for images in (pixels(), mapped):
        for form in (DeviceImages, HostImages):
            store = form(images, CPU)
            assert len(store) == 12
            assert torch.equal(store[ROWS], expected)
            assert store[ROWS].is_contiguous()


def test_images_can_be_changed_without_a_change_to_what_is_stored(
    mapped: NDArray[np.uint8],
) -> None:
    for form in (DeviceImages, HostImages):
        store = form(mapped, CPU)
        first = store[ROWS]
        first.zero_()
        assert int(store[ROWS].sum()) > 0


@pytest.mark.parametrize("form", [DeviceImages, HostImages])
def test_an_index_beyond_the_end_is_an_error(form: type[DeviceImages | HostImages]) -> None:
    with pytest.raises(IndexError):
        form(pixels(), CPU)[torch.tensor([12])]


def test_what_does_not_fit_stays_on_the_host(mapped: NDArray[np.uint8]) -> None:
    num_bytes = mapped.nbytes
    assert isinstance(image_store(mapped, CPU, num_bytes), DeviceImages)
    assert isinstance(image_store(mapped, CPU, num_bytes - 1), HostImages)


def test_on_a_cpu_arrays_are_shared_and_files_stay_files(mapped: NDArray[np.uint8]) -> None:
    array = pixels()
    store = image_store(array, CPU)
    array[0] = 9
    assert int(store[torch.tensor([0])].sum()) == 9 * 90
    assert image_store(mapped, CPU).place == "in a mapped file"


def test_where_they_are_is_logged(
    mapped: NDArray[np.uint8], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        image_store(mapped, CPU)
    assert "12 images of 0.00 GB are in a mapped file; 0.00 GB may lie on cpu" in caplog.text


@pytest.mark.gpu
def test_a_gpu_gets_the_same_images_from_the_host(mapped: NDArray[np.uint8]) -> None:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    device = torch.device("cuda")
    on_device, on_host = image_store(mapped, device), image_store(mapped, device, 0)
    assert isinstance(on_device, DeviceImages)
    assert isinstance(on_host, HostImages)
    for rows in (ROWS, ROWS.to(device)):
        assert torch.equal(on_device[rows], on_host[rows])
        assert on_host[rows].is_cuda
