"""Ray's own reading of a file of its cluster launcher; nothing is started."""

from __future__ import annotations

import contextlib
import copy
import io
import logging
from collections.abc import Mapping
from typing import Any, TypeAlias

import click
import jsonschema
from ray.autoscaler._private.util import prepare_config, validate_config

Problem: TypeAlias = tuple[tuple[str | int, ...], str]
"""The keys that lead to a value, and what is wrong with it."""


def as_ray_reads_it(content: Mapping[str, Any]) -> tuple[list[Problem], dict[str, Any]]:
    """What Ray refuses in `content`, and `content` with Ray's defaults filled in."""
    said = io.StringIO()
    logging.disable(logging.CRITICAL)
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            prepared = prepare_config(copy.deepcopy(dict(content)))
            validate_config(prepared)
    except jsonschema.ValidationError as error:
        known = error.schema.get("properties", {}) if isinstance(error.schema, dict) else {}
        unknown = error.validator == "additionalProperties"
        extra = [key for key in error.instance if key not in known] if unknown else []
        return [((*error.absolute_path, *extra[:1]), error.message)], {}
    except (Exception, SystemExit) as error:
        # Ray prints why and ends with an exception that has no text.
        lines = said.getvalue().strip().splitlines()
        text = str(error) if not isinstance(error, click.ClickException) else error.message
        return [((), text or (lines[-1] if lines else type(error).__name__))], {}
    finally:
        logging.disable(logging.NOTSET)
    return [], dict(prepared)
