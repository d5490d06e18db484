"""What a data set is, once it is read."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class ImageSet:
    """The training images of a data set with their class labels.

    Attributes:
        images: Pixels (N, C, H, W), uint8, 0..255.
        labels: Class ids (N,), int64, 0..num_classes-1, in the data set's own numbering.
        num_classes: Number of classes.
        class_names: One name per class, by class id.
        content: The fingerprint where it is known, so that it need not be computed of the pixels.

    Raises:
        ValueError: A shape, type or label does not fit.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    num_classes: int
    class_names: tuple[str, ...]
    content: str = ""

    def __post_init__(self) -> None:
        if self.images.dtype != np.uint8 or self.images.ndim != 4:
            raise ValueError(f"images must be uint8 (N, C, H, W), not {self._text(self.images)}")
        if self.labels.dtype != np.int64 or self.labels.shape != (len(self.images),):
            raise ValueError(
                f"labels must be int64 ({len(self.images)},), not {self._text(self.labels)}"
            )
        if len(self.class_names) != self.num_classes:
            raise ValueError(f"{len(self.class_names)} names for {self.num_classes} classes")
        if len(self.labels) and not 0 <= self.labels.min() <= self.labels.max() < self.num_classes:
            raise ValueError(f"labels must lie in 0..{self.num_classes - 1}")

    @staticmethod
    def _text(array: NDArray[np.generic]) -> str:
        return f"{array.dtype} {array.shape}"

    def fingerprint(self) -> str:
        """SHA-256 (hex) of pixels, labels, shape and number of classes, or `content`."""
        if self.content:
            return self.content
        digest = hashlib.sha256(f"{self.images.shape} {self.num_classes}\n".encode())
        digest.update(np.ascontiguousarray(self.images).data)
        digest.update(np.ascontiguousarray(self.labels, dtype="<i8").data)
        return digest.hexdigest()
