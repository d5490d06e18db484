"""Checks a RayCluster or RayJob of KubeRay: the fields that such a cluster of ours uses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lps_sweep.cluster.findings import Finding, other_version, versions
from lps_sweep.config import Located
from lps_sweep.errors import nearest

SPEC = {
    *("authOptions", "autoscalerOptions", "enableInTreeAutoscaling", "gcsFaultToleranceOptions"),
    *("headGroupSpec", "headServiceAnnotations", "managedBy", "rayVersion", "suspend"),
    *("upgradeStrategy", "workerGroupSpecs"),
}
GROUP = {"labels", "rayStartParams", "resources", "template"}
HEAD = GROUP | {"enableIngress", "headService", "serviceType"}
WORKERS = GROUP | {
    *("groupName", "idleTimeoutSeconds", "maxReplicas", "minReplicas", "numOfHosts", "replicas"),
    *("scaleStrategy", "suspend"),
}
"""The fields of ray.io/v1 as of KubeRay 1.6."""


def check_kuberay(content: Located) -> Iterator[Finding]:
    """What is wrong in the file."""
    kind = _at(content, "kind")
    if content.value["apiVersion"].value != "ray.io/v1" or kind.value not in (
        *("RayCluster", "RayJob"),
    ):
        text = "neither a RayCluster nor a RayJob of ray.io/v1"
        yield Finding(content.value["apiVersion"].where, text)
        return
    of_job = kind.value == "RayJob"
    spec = _at(_at(content, "spec"), "rayClusterSpec") if of_job else _at(content, "spec")
    yield from _fields(spec, SPEC)
    head, groups = _at(spec, "headGroupSpec"), _at(spec, "workerGroupSpecs")
    if not isinstance(head.value, dict) or not isinstance(groups.value, list):
        yield Finding(spec.where, "headGroupSpec and workerGroupSpecs are missing")
        return
    yield from _token(spec, of_job)
    version = _at(spec, "rayVersion")
    yield from other_version("ray", str(version.value), version.where)
    yield from _fields(head, HEAD)
    yield from _group(head)
    if _at(head, "serviceType").value in ("LoadBalancer", "NodePort"):
        yield Finding(
            _at(head, "serviceType").where,
            "the dashboard would be open outside of Kubernetes; take ClusterIP and "
            "kubectl port-forward",
        )
    for group in groups.value:
        yield from _fields(group, WORKERS)
        yield from _group(group)
        yield from _replicas(group, bool(_at(spec, "enableInTreeAutoscaling").value))


def _at(located: Located, key: str) -> Located:
    """What `located` has under `key`, or nothing in the same place."""
    inner = located.value.get(key) if isinstance(located.value, dict) else None
    return inner if isinstance(inner, Located) else Located(None, located.where)


def _fields(located: Located, known: set[str]) -> Iterator[Finding]:
    for key, value in (located.value or {}).items():
        if key not in known:
            yield Finding(value.where, f"unknown field {key!r}; {nearest(key, known)}")


def _token(spec: Located, of_job: bool) -> Iterator[Finding]:
    options = _at(spec, "authOptions")
    if _at(options, "mode").value != "token":
        yield Finding(
            options.where, "every node obeys anyone who can reach it; authOptions: {mode: token}"
        )
    if of_job and _at(options, "enableK8sTokenAuth").value:
        yield Finding(
            _at(options, "enableK8sTokenAuth").where, "a RayJob cannot use this; leave it out"
        )


def _group(group: Located) -> Iterator[Finding]:
    """What head and workers have in common."""
    for key in ("rayStartParams", "resources", "labels"):
        values: Mapping[str, Located] = _at(group, key).value or {}
        for name, value in values.items():
            if not isinstance(value.value, str):
                text = f"{name}: Kubernetes wants a text here; put it in quotes"
                yield Finding(value.where, text)
    pod = _at(_at(group, "template"), "spec")
    containers: list[Located] = _at(pod, "containers").value or []
    if not containers or not _at(containers[0], "image").value:
        yield Finding(group.where, "template.spec.containers: the first needs an image")
    for container in containers:
        image = _at(container, "image")
        yield from versions(str(image.value), image.where)


def _replicas(group: Located, scales: bool) -> Iterator[Finding]:
    if not _at(group, "groupName").value:
        yield Finding(group.where, "groupName is missing")
    numbers: list[Any] = [
        _at(group, key).value for key in ("minReplicas", "replicas", "maxReplicas")
    ]
    low, now, high = numbers
    if not all(isinstance(number, int) for number in numbers) or not 0 <= low <= now <= high:
        yield Finding(group.where, "0 <= minReplicas <= replicas <= maxReplicas does not hold")
    elif high > now and not scales:
        text = "stays at `replicas`; enableInTreeAutoscaling: true lets it grow to maxReplicas"
        yield Finding(group.where, text)
