"""From a YAML search space to trials and packs. No Ray, no torch."""

from lps_sweep.plan.packs import LARGEST_PACK, SHARED_COST, Outstanding, make_packs, reach
from lps_sweep.plan.points import Asked, axes, defaults, points, unsearched
from lps_sweep.plan.resources import Resources
from lps_sweep.plan.schema import json_schema
from lps_sweep.plan.search import OBJECTIVES, Domain, Search
from lps_sweep.plan.space import SearchSpace, read_space, single_space
from lps_sweep.plan.stopping import Stopping
from lps_sweep.plan.trials import (
    Content,
    PlannedTrial,
    default_config,
    expand,
    expand_asked,
)
from lps_sweep.plan.yaml_file import parse_yaml

__all__ = [
    "LARGEST_PACK",
    "OBJECTIVES",
    "SHARED_COST",
    "Asked",
    "Content",
    "Domain",
    "Outstanding",
    "PlannedTrial",
    "Resources",
    "Search",
    "SearchSpace",
    "Stopping",
    "axes",
    "default_config",
    "defaults",
    "expand",
    "expand_asked",
    "json_schema",
    "make_packs",
    "parse_yaml",
    "points",
    "reach",
    "read_space",
    "single_space",
    "unsearched",
]
