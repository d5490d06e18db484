"""The two-digit numbers are digits side by side, the same on every machine."""

from __future__ import annotations

from collections import Counter

import numpy as np

from lps_sweep.config import DataConfig
from lps_sweep.data import fingerprint, load

NUMBERS, DIGITS = DataConfig(dataset="numbers"), DataConfig(dataset="digits")


def test_each_image_is_two_digits_of_its_number() -> None:
    numbers, digits = load(NUMBERS), load(DIGITS)
    known: dict[bytes, set[int]] = {}
    for image, label in zip(digits.images, digits.labels, strict=True):
        known.setdefault(image.tobytes(), set()).add(int(label))
    for image, label in zip(numbers.images, numbers.labels, strict=True):
        halves = np.ascontiguousarray(image[:, :, :8]), np.ascontiguousarray(image[:, :, 8:])
        for half, digit in zip(halves, numbers.class_names[label], strict=True):
            assert int(digit) in known[half.tobytes()]


def test_fifty_classes_of_fifty_images_in_a_random_order() -> None:
    numbers = load(NUMBERS)
    assert numbers.images.shape == (2500, 1, 8, 16)
    assert np.bincount(numbers.labels).tolist() == [50] * 50
    assert len(set(numbers.class_names)) == 50
    assert len(set(numbers.labels[:50].tolist())) > 25


def test_no_digit_is_dealt_again_before_all_others_of_its_kind() -> None:
    numbers, digits = load(NUMBERS), load(DIGITS)
    used = Counter(
        half.tobytes()
        for image in numbers.images
        for half in (image[:, :, :8].copy(), image[:, :, 8:].copy())
    )
    for digit in range(10):
        counts = [used[image.tobytes()] for image in digits.images[digits.labels == digit]]
        assert max(counts) - min(counts) <= 1


def test_the_fingerprint_is_pinned() -> None:
    assert fingerprint(NUMBERS)[:16] == "9e30500d590328d1"
