"""The command line: each verb parses its arguments and calls its function in `commands`."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence

from lps_sweep.arguments import build_parser
from lps_sweep.errors import ExitCode, LpsSweepError
from lps_sweep.text import printable_output


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line `arguments`; the exit status."""
    with printable_output():
        return _run(arguments)


def _run(arguments: Sequence[str] | None) -> int:
    parsed = build_parser().parse_args(arguments)
    verb = getattr(importlib.import_module(f"lps_sweep.commands.{parsed.verb}"), parsed.verb)
    options = {name: value for name, value in vars(parsed).items() if name != "verb"}
    try:
        return int(verb(**options))
    except LpsSweepError as error:
        print(f"lps_sweep: {error}", file=sys.stderr)
        return int(error.exit_code)
    except BrokenPipeError:
        return int(ExitCode.STORAGE)


if __name__ == "__main__":
    sys.exit(main())
