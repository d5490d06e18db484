"""Data sets and their open-world split; this front door does without torch.

The device side lies in submodules that import torch: `lps_sweep.data.random`, `views` and
`batches`.
"""

from lps_sweep.data.sets import ImageSet
from lps_sweep.data.sources import DATA_SETS, data_set, fingerprint, load
from lps_sweep.data.split import (
    OpenWorldSplit,
    batch_rows,
    classes_of_head,
    make_split,
    split_fingerprint,
)
from lps_sweep.data.split_file import load_split, save_split

__all__ = [
    "DATA_SETS",
    "ImageSet",
    "OpenWorldSplit",
    "batch_rows",
    "classes_of_head",
    "data_set",
    "fingerprint",
    "load",
    "load_split",
    "make_split",
    "save_split",
    "split_fingerprint",
]
