from __future__ import annotations

import pytest

from lps_sweep.config import Config
from lps_sweep.errors import BadInputError
from lps_sweep.plan import Content, SearchSpace, expand
from lps_sweep.plan.read import build_space
from lps_sweep.plan.yaml_file import parse_yaml


def space_of(text: str, *settings: str) -> SearchSpace:
    return build_space(parse_yaml(text, "f.yaml"), settings=settings, source=text)


def check_refused(text: str, line: int, words: str) -> None:
    """A search space is refused at its `line`, by a message that has these `words`."""
    with pytest.raises(BadInputError) as refused:
        expand(space_of(text), no_content)
    assert str(refused.value).startswith(f"f.yaml:{line}: ")
    assert words in str(refused.value)


def no_content(config: Config) -> Content:
    """Hashes that stand for data and split, without reading them."""
    return Content(f"data of {config.data.dataset}", f"split of {config.split}")
