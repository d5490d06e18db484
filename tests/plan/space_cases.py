from __future__ import annotations

from lps_sweep.config import Config
from lps_sweep.plan import Content, SearchSpace
from lps_sweep.plan.read import build_space
from lps_sweep.plan.yaml_file import parse_yaml


def space_of(text: str, *settings: str) -> SearchSpace:
    return build_space(parse_yaml(text, "f.yaml"), settings=settings, source=text)


def no_content(config: Config) -> Content:
    """Hashes that stand for data and split, without reading them."""
    return Content(f"data of {config.data.dataset}", f"split of {config.split}")
