"""Checks a batch script that runs a sweep on nodes of Slurm."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lps_sweep.cluster.findings import Finding, versions

_REQUIRED = {
    "--exclusive": "two Rays on one node would meet; #SBATCH --exclusive",
    "--ntasks-per-node=1": "Ray is started once a node; #SBATCH --ntasks-per-node=1",
    "--requeue": "a job that is preempted is not run again; #SBATCH --requeue",
}
_NEEDED = {
    r"\bray symmetric-run\b": "nothing starts Ray; srun ... ray symmetric-run --address HEAD:6379",
    r"\bRAY_AUTH_MODE=token\b": "every node obeys anyone who can reach it; "
    "export RAY_AUTH_MODE=token and RAY_AUTH_TOKEN",
    r"\bRAY_AUTH_TOKEN(_PATH)?=": "the nodes have no token; export RAY_AUTH_TOKEN",
    r"--min-nodes\b": "the sweep begins before its nodes are there; --min-nodes",
    r"\bRAY_SYMMETRIC_RUN_CLUSTER_WAIT_TIMEOUT=": "a node that takes more than half a minute is "
    "given up; export RAY_SYMMETRIC_RUN_CLUSTER_WAIT_TIMEOUT=600",
    r"\bPATH=|/activate\b|\bconda activate\b|\bmodule load\b": "no line puts `ray` on PATH",
}
"""What a line has to match, and what is said where none does."""


def check_slurm(text: str, source: str) -> Iterator[Finding]:
    """What is wrong in the script."""
    lines = text.splitlines()
    options = [line.split()[1:2] for line in lines if line.startswith("#SBATCH")]
    given = {word for words in options for word in words}
    last = max(i for i, line in enumerate(lines, 1) if "#SBATCH" in line)
    for option, said in _REQUIRED.items():
        if option not in given:
            yield Finding(f"{source}:{last}", said)
    commands = [line if not line.lstrip().startswith("#") else "" for line in lines]
    for pattern, said in _NEEDED.items():
        if not any(re.search(pattern, line) for line in commands):
            yield Finding(f"{source}:{last}", said)
    for number, line in enumerate(commands, 1):
        yield from versions(line, f"{source}:{number}")
