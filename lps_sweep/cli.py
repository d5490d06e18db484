"""The command line: each verb parses its arguments and calls its function in `commands`."""

from __future__ import annotations

import importlib
import keyword
import sys
from collections.abc import Sequence
from pathlib import Path

from lps_sweep.files import refuse_lost
from lps_sweep.process import run_command

MODULES = {
    **dict.fromkeys(("run", "confirm", "noise", "train", "pretrain"), "training"),
    **dict.fromkeys(("status", "show"), "looking"),
    **dict.fromkeys(("report", "export", "select", "check"), "giving"),
    "schema": "plan",
    "import": "importing",
}
"""The module of `commands` that a verb is in, where it is not called as the verb is."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line `arguments`, by default that of the process; the exit status."""
    return run_command(lambda: _run(arguments), last=arguments is None)


def _run(arguments: Sequence[str] | None) -> int:
    from lps_sweep.arguments import build_parser

    options = vars(build_parser().parse_args(arguments))
    for option in ("results", "ledger"):
        if isinstance(folder := options.get(option), Path):
            refuse_lost(folder, f"--{option}")
    name = options.pop("verb")
    module = importlib.import_module(f"lps_sweep.commands.{MODULES.get(name, name)}")
    function = f"{name}_" if keyword.iskeyword(name) else name
    return int(getattr(module, function)(**options))


if __name__ == "__main__":
    sys.exit(main())
