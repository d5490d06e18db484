"""Content hashes of what a configuration reads, computed once per data set and split."""

from __future__ import annotations

import functools

from lps_sweep.config import Config, DataConfig, SplitConfig
from lps_sweep.data import fingerprint, load, make_split, split_fingerprint
from lps_sweep.plan import Content


def content_of(config: Config) -> Content:
    """The hashes of the data and the split of `config`.

    Raises:
        BadInputError: The data set is unknown, missing or damaged, or the split does not fit it.
    """
    return _content(config.data, config.split)


@functools.cache
def _content(data: DataConfig, split: SplitConfig) -> Content:
    images = load(data)
    made = make_split(images.labels, images.num_classes, split)
    return Content(fingerprint(data), split_fingerprint(made))
