"""Whether a Ray cluster lets in who has no token."""

from __future__ import annotations

import os
import subprocess
import sys

_STRANGER = """\
import sys
from ray._raylet import GcsClient
GcsClient(address=sys.argv[1]).get_all_node_info(timeout=10)
print("let in")
"""
_PATIENCE_S = 60.0


def lets_strangers_in(address: str) -> bool:
    """Whether the cluster answers a client without a token, which it would obey as well.

    Args:
        address: Host and port of the cluster's control service.
    """
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("RAY_AUTH")
    }
    command = [sys.executable, "-c", _STRANGER, address]
    try:
        asked = subprocess.run(
            command,
            env={**environment, "RAY_AUTH_MODE": "disabled"},
            capture_output=True,
            text=True,
            timeout=_PATIENCE_S,
        )
    except subprocess.TimeoutExpired:
        return False
    return "let in" in asked.stdout
