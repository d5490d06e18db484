from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lps_sweep.data import ImageSet


def image_set(**changed: Any) -> ImageSet:
    fields: dict[str, Any] = {
        "images": np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 1, 3, 4),
        "labels": np.array([0, 1]),
        "num_classes": 2,
        "class_names": ("a", "b"),
    }
    return ImageSet(**{**fields, **changed})


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"images": np.zeros((2, 3, 4), dtype=np.uint8)}, "images must be uint8"),
        ({"images": np.zeros((2, 1, 3, 4), dtype=np.float32)}, "images must be uint8"),
        ({"labels": np.array([0])}, "labels must be int64"),
        ({"labels": np.array([0, 1], dtype=np.int32)}, "labels must be int64"),
        ({"labels": np.array([0, 2])}, "0..1"),
        ({"labels": np.array([-1, 0])}, "0..1"),
        ({"class_names": ("a",)}, "1 names for 2 classes"),
    ],
)
def test_what_does_not_fit_is_refused(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        image_set(**changed)


def test_fingerprint_follows_the_content() -> None:
    base = image_set()
    pixel = base.images.copy()
    pixel[1, 0, 2, 3] ^= 1
    others = [
        image_set(images=pixel),
        image_set(labels=np.array([1, 0])),
        image_set(images=base.images.reshape(2, 1, 4, 3)),
        image_set(num_classes=3, class_names=("a", "b", "c")),
    ]
    assert len({s.fingerprint() for s in [base, *others]}) == 1 + len(others)
