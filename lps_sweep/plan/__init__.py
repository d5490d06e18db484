"""From a YAML search space to trials and packs. No Ray, no torch."""

from lps_sweep.plan.packs import Outstanding, make_packs
from lps_sweep.plan.points import axes, defaults
from lps_sweep.plan.resources import Resources
from lps_sweep.plan.schema import json_schema
from lps_sweep.plan.search import Domain, Search
from lps_sweep.plan.space import SearchSpace, read_space, single_space
from lps_sweep.plan.trials import (
    Content,
    PlannedTrial,
    default_config,
    expand,
    expand_asked,
)

__all__ = [
    "Content",
    "Domain",
    "Outstanding",
    "PlannedTrial",
    "Resources",
    "Search",
    "SearchSpace",
    "axes",
    "default_config",
    "defaults",
    "expand",
    "expand_asked",
    "json_schema",
    "make_packs",
    "read_space",
    "single_space",
]
