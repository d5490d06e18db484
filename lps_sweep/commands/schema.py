"""`schema`: the JSON Schema of search spaces."""

from __future__ import annotations

from lps_sweep.commands.output import print_json
from lps_sweep.errors import ExitCode


def schema() -> int:
    """Prints the JSON Schema of a search space."""
    from lps_sweep.plan import json_schema

    print_json(json_schema())
    return ExitCode.DONE
