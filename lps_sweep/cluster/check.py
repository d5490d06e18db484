"""Checks a launch file of any kind before anything is started."""

from __future__ import annotations

from pathlib import Path

from lps_sweep.cluster.findings import Finding, placeholders
from lps_sweep.cluster.kuberay import check_kuberay
from lps_sweep.cluster.launcher import check_launcher
from lps_sweep.cluster.slurm import check_slurm
from lps_sweep.errors import BadInputError
from lps_sweep.files import read_text
from lps_sweep.plan import parse_yaml
from lps_sweep.plan.yaml_file import MAX_BYTES


def check_file(path: Path) -> list[Finding]:
    """What is wrong in a launch file, in the order of its lines.

    Args:
        path: A file of Ray's cluster launcher, a RayCluster or RayJob of KubeRay, or a batch
            script of Slurm.

    Raises:
        BadInputError: The file cannot be read, or is none of these.
    """
    text = read_text(path, MAX_BYTES, named=True)
    source = str(path)
    found = list(placeholders(text, source))
    if "#SBATCH" in text:
        found += check_slurm(text, source)
    else:
        content = parse_yaml(text, source)
        if not isinstance(content.value, dict):
            raise BadInputError("a launch file is a mapping of keys to values", content.where)
        if "apiVersion" in content.value:
            found += check_kuberay(content)
        elif "provider" in content.value:
            found += check_launcher(content)
        else:
            raise BadInputError(
                "neither a file of Ray's cluster launcher (`provider`), nor of KubeRay "
                "(`apiVersion`), nor a script of Slurm (`#SBATCH`)",
                content.where,
            )
    return sorted(set(found), key=lambda one: (int(one.where.rpartition(":")[2]), one.text))
