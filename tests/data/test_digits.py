from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits

from lps_sweep.config import DataConfig
from lps_sweep.data import digits, fingerprint, load
from lps_sweep.errors import BadInputError

DIGITS = DataConfig(dataset="digits")


def test_equals_what_scikit_learn_gives() -> None:
    images = load(DIGITS)
    reference = load_digits()
    assert images.images.shape == (1797, 1, 8, 8)
    expected = [[[round(v * 255 / 16) for v in row] for row in image] for image in reference.images]
    assert np.array_equal(images.images[:, 0], np.array(expected))
    assert (images.images.min(), images.images.max()) == (0, 255)
    assert np.array_equal(images.labels, reference.target)
    assert images.num_classes == 10
    assert images.class_names[7] == "7"


def test_fingerprint_is_that_of_the_images_and_pinned() -> None:
    assert fingerprint(DIGITS) == load(DIGITS).fingerprint()
    assert fingerprint(DIGITS) == fingerprint(DataConfig(dataset="digits", data_root="/elsewhere"))
    assert fingerprint(DIGITS)[:16] == "aea4a8bc9673cb21"


def real_rows() -> list[bytes]:
    (file,) = digits.find(DataConfig())
    return gzip.decompress(file.read_bytes()).splitlines()


@pytest.mark.parametrize(
    "damage",
    [
        lambda rows: rows[:-1],
        lambda rows: [b"17" + rows[0][1:], *rows[1:]],
        lambda rows: [b"-1" + rows[0][1:], *rows[1:]],
        lambda rows: [b"0.5" + rows[0][1:], *rows[1:]],
        lambda rows: [b"nan" + rows[0][1:], *rows[1:]],
        lambda rows: [b"x" + rows[0][1:], *rows[1:]],
        lambda rows: [rows[0] + b"0", *rows[1:-1], rows[-1] + b"0"],
        lambda _: [],
    ],
    ids=["short", "high", "negative", "fraction", "nan", "word", "label", "empty"],
)
def test_a_damaged_table_is_refused(tmp_path: Path, damage: object) -> None:
    assert callable(damage)
    file = tmp_path / "digits.csv.gz"
    file.write_bytes(gzip.compress(b"\n".join(damage(real_rows()))))
    with pytest.raises(BadInputError, match=r"digits\.csv\.gz: damaged"):
        digits.read((file,))


NUMBERS = DataConfig(dataset="numbers")


def test_each_image_is_two_digits_of_its_number() -> None:
    numbers, digits = load(NUMBERS), load(DIGITS)
    known: dict[bytes, set[int]] = {}
    for image, label in zip(digits.images, digits.labels, strict=True):
        known.setdefault(image.tobytes(), set()).add(int(label))
    for image, label in zip(numbers.images, numbers.labels, strict=True):
        halves = np.ascontiguousarray(image[:, :, :8]), np.ascontiguousarray(image[:, :, 8:])
        for half, digit in zip(halves, numbers.class_names[label], strict=True):
            assert int(digit) in known[half.tobytes()]


def test_the_fingerprint_of_the_numbers_is_pinned() -> None:
    assert fingerprint(NUMBERS)[:16] == "9e30500d590328d1"
