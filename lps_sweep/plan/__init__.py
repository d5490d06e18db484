"""From a YAML search space to trials and packs. No Ray, no torch."""

from lps_sweep.plan.blocks import ARM
from lps_sweep.plan.domains import Domain
from lps_sweep.plan.glance import Departure, Varied, arm_settings, departures, varied
from lps_sweep.plan.packs import LARGEST_PACK, SHARED_COST, Outstanding, make_packs, reach
from lps_sweep.plan.points import (
    Asked,
    Point,
    asked_point,
    asked_points,
    axes,
    defaults,
    points,
    unsearched,
)
from lps_sweep.plan.read import read_space, single_space
from lps_sweep.plan.resources import GPU_PARTS, Resources, resources_used
from lps_sweep.plan.schema import json_schema
from lps_sweep.plan.search import OBJECTIVES, Search
from lps_sweep.plan.space import SearchSpace
from lps_sweep.plan.stopping import Stopping
from lps_sweep.plan.trials import (
    Content,
    PlannedTrial,
    default_config,
    expand,
    expand_asked,
    setting_key,
)
from lps_sweep.plan.yaml_file import parse_yaml

__all__ = [
    "ARM",
    "GPU_PARTS",
    "LARGEST_PACK",
    "OBJECTIVES",
    "SHARED_COST",
    "Asked",
    "Content",
    "Departure",
    "Domain",
    "Outstanding",
    "PlannedTrial",
    "Point",
    "Resources",
    "Search",
    "SearchSpace",
    "Stopping",
    "Varied",
    "arm_settings",
    "asked_point",
    "asked_points",
    "axes",
    "default_config",
    "defaults",
    "departures",
    "expand",
    "expand_asked",
    "json_schema",
    "make_packs",
    "parse_yaml",
    "points",
    "reach",
    "read_space",
    "resources_used",
    "setting_key",
    "single_space",
    "unsearched",
    "varied",
]
