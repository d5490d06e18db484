"""Data sets and their open-world split; this front door does without torch.

The device side lies in submodules that import torch: `lps_sweep.data.random`, `views` and
`batches`.
"""

from __future__ import annotations

from lps_sweep.data.image_set import ImageSet
from lps_sweep.data.sources import SOURCES, fingerprint, load, rounded_part
from lps_sweep.data.split import (
    OpenWorldSplit,
    batch_rows,
    classes_of_head,
    make_split,
    split_fingerprint,
)
from lps_sweep.data.split_file import load_split, save_split

__all__ = [
    "SOURCES",
    "ImageSet",
    "OpenWorldSplit",
    "batch_rows",
    "classes_of_head",
    "fingerprint",
    "load",
    "load_split",
    "make_split",
    "rounded_part",
    "save_split",
    "split_fingerprint",
]
