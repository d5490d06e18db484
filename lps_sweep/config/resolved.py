"""The one spelling that all spellings of a setting have in common."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from lps_sweep.config.build import config_from_flat
from lps_sweep.config.sections import Config
from lps_sweep.config.values import as_json
from lps_sweep.data import DATA_SETS
from lps_sweep.data.config import num_novel, num_seen
from lps_sweep.errors import BadInputError


def resolved(config: Config) -> Config:
    """`config` in the one spelling that all others of the same setting have in common.

    A list of the first n classes is their number, a number of seen, novel or assumed classes that
    is the default's is 0, a share of the novel classes their number. What does not fit the data
    set, or is of one that is not known, is left as it is. All else counts as it is written: the
    order of a list of classes too, which decides which initial weights a class has.
    """
    split, head = config.split, config.head
    given = (split.seen_classes, split.novel_classes, head.assumed_classes)
    if given == (0, 0, 0) and type(split.novel_classes) is int:  # whatever the data set has
        return config
    if (data_set := DATA_SETS.get(config.data.dataset)) is None:
        return config
    total = data_set.num_classes
    seen = num_seen(split.seen_classes, total)
    novel = num_novel(split.novel_classes, total - seen)
    if not 0 < seen < total or not 0 < novel <= total - seen or novel != int(novel):
        return config
    listed = split.seen_classes not in (0, seen, tuple(range(seen)))
    changed = dataclasses.replace(
        split,
        seen_classes=split.seen_classes if listed else 0 if seen == total // 2 else seen,
        novel_classes=0 if novel == total - seen else int(novel),
    )
    if head.assumed_classes == seen + novel:
        head = dataclasses.replace(head, assumed_classes=0)
    if (changed, head) == (split, config.head) and type(split.novel_classes) is int:
        return config
    return dataclasses.replace(config, split=changed, head=head)


def resolved_values(values: dict[str, Any]) -> dict[str, Any]:
    """Recorded flat `values` in the one spelling, or as they are where they are none of ours.

    Earlier versions took a `novel_classes` of 1.0 for one class, and later ones record none.
    """
    names = ("seen_classes", "novel_classes", "assumed_classes")
    given = [values.get(name) for name in names]
    if not any(given) and float not in map(type, given):
        return values
    once = {"novel_classes": 1} if values.get("novel_classes") == 1 else {}
    try:
        config = resolved(config_from_flat(values | once))
    except BadInputError:
        return values
    found = (config.split.seen_classes, config.split.novel_classes, config.head.assumed_classes)
    return values | {n: as_json(v) for n, v in zip(names, found, strict=True) if n in values}


def counted_classes(values: Mapping[str, Any]) -> tuple[int, int]:
    """Numbers of seen classes and of classes that a head tells apart, of flat `values`."""
    known = DATA_SETS.get(values["dataset"])
    total = known.num_classes if known else 0
    given = values.get("seen_classes", 0)
    seen = num_seen(given if isinstance(given, int) else tuple(given), total)
    novel = num_novel(values.get("novel_classes", 0), total - seen)
    return seen, int(values.get("assumed_classes", 0) or seen + novel)
