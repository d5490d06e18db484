"""Checks a file of Ray's cluster launcher, as ``ray up`` reads it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from lps_sweep.cluster.findings import Finding, Program, programs, versions
from lps_sweep.config import Located

SETUP = (
    "initialization_commands",
    "setup_commands",
    "head_setup_commands",
    "worker_setup_commands",
)
HEAD_START, WORKER_START = "head_start_ray_commands", "worker_start_ray_commands"
TOKEN = "~/.ray/auth_token"
LOOPBACK = ("localhost", "127.0.0.1", "::1")

_PROFILE = re.compile(r"\.bashrc|\.bash_profile|\.profile|/etc/(profile|environment)")
_ACTIVATES = re.compile(r"(?:^|[\s;&])(?:\.|source) \S*activate|conda activate|conda init")
_INSTALLS = re.compile(r"(?:^|[\s;&])(?:pip3?|conda) install .*\b(?:ray|lps.sweep)")
_CHMOD = re.compile(r"chmod (?:0?600|go=|u=rw,go=) .*auth_token")


def check_launcher(content: Located) -> Iterator[Finding]:
    """What is wrong in the file: what Ray says of it, then what Ray finds out too late or never."""
    from lps_sweep.sweep.ray.launcher import as_ray_reads_it

    problems, prepared = as_ray_reads_it(content.plain())
    for path, text in problems:
        yield Finding(_at(content, path), f"Ray refuses it: {text}")
    if problems:
        return
    top: Mapping[str, Located] = content.value
    setup = [one for key in SETUP for one in _commands(top, prepared, key)]
    head = _commands(top, prepared, HEAD_START)
    worker = _commands(top, prepared, WORKER_START)
    local = prepared["provider"]["type"] == "local"
    yield from _key(top, local)
    yield from _path(setup, [*head, *worker], local, in_container=bool(prepared.get("docker")))
    yield from _token(top, setup, [*head, *worker])
    yield from _head(head)
    yield from _open_ports(top["provider"])
    for one in (*setup, top.get("docker", Located({}))):
        yield from versions(str(one.plain()), one.where)


def _at(content: Located, path: Sequence[str | int]) -> str:
    """The place of a value, or of the nearest one around it that is there."""
    for step in path:
        try:
            content = content.value[step]
        except (KeyError, IndexError, TypeError):
            break
    return content.where


def _commands(
    top: Mapping[str, Located], prepared: Mapping[str, list[str]], key: str
) -> list[Located]:
    """The commands of `key`: the file's, or those that Ray takes in their place."""
    if key in top:
        return list(top[key].value or ())
    where = top["provider"].where
    return [Located(command, where) for command in prepared.get(key) or ()]


def _key(top: Mapping[str, Located], local: bool) -> Iterator[Finding]:
    auth = top.get("auth")
    key = auth.value.get("ssh_private_key") if auth and auth.value else None
    if key and not Path(key.value).expanduser().is_file():
        yield Finding(key.where, f"{key.value}: there is no such key here")
    if local and not key:
        yield Finding(
            (auth or top["provider"]).where,
            "no ssh_private_key: the head cannot log in to the workers; name the key, which Ray "
            "copies to the head",
        )


def _path(
    setup: Sequence[Located], starts: Sequence[Located], local: bool, *, in_container: bool
) -> Iterator[Finding]:
    """Whether a login shell of the nodes finds `ray`."""
    texts = [str(one.value) for one in setup]
    written = any("PATH=" in text and _PROFILE.search(text) for text in texts)
    if written or in_container or any(map(_INSTALLS.search, texts)):
        return
    advice = "write it to ~/.bashrc in setup_commands: export PATH=FOLDER/OF/RAY:$PATH"
    for one in (*setup, *starts):
        text = str(one.value)
        bare = (p for p in programs(text) if p.words[0] == "ray" and "PATH" not in p.variables)
        if any(bare) and not _ACTIVATES.search(text):
            yield Finding(one.where, f"a login shell does not find `ray`; {advice}")
            return
    if local:
        yield Finding(
            starts[0].where,
            "`ray down` runs a plain `ray stop` on the head, which is not found, and all processes "
            f"go on; {advice}",
        )


def _token(
    top: Mapping[str, Located], setup: Sequence[Located], starts: Sequence[Located]
) -> Iterator[Finding]:
    """Whether every node asks for the token, has it, and keeps it to itself."""
    for one in starts:
        for program in programs(str(one.value)):
            if program.runs("ray", "start") and program.variables.get("RAY_AUTH_MODE") != "token":
                yield Finding(
                    one.where,
                    "this node obeys anyone who can reach it; begin with "
                    "RAY_AUTH_MODE=token ray start",
                )
            if "RAY_AUTH_TOKEN" in program.variables:
                return  # the command has it
    mounts = top.get("file_mounts") or Located({}, top["provider"].where)
    mounted = next((m for path, m in (mounts.value or {}).items() if path == TOKEN), None)
    if mounted is None:
        yield Finding(mounts.where, f"no node gets the token; mount it: {TOKEN}: {TOKEN}")
        return
    if not Path(mounted.value).expanduser().is_file():
        yield Finding(
            mounted.where, f"{mounted.value} is not there; ray get-auth-token --generate makes it"
        )
    if not any(_CHMOD.search(str(one.value)) for one in setup):
        yield Finding(
            mounted.where, f"others on a node can read it; in setup_commands: chmod 600 {TOKEN}"
        )


def _head(commands: Sequence[Located]) -> Iterator[Finding]:
    for one in commands:
        for program in programs(str(one.value)):
            if program.runs("ray", "start"):
                yield from _head_start(program, one.where)


def _head_start(program: Program, where: str) -> Iterator[Finding]:
    if not program.option("--autoscaling-config"):
        yield Finding(
            where,
            "no worker will be started; add --autoscaling-config=~/ray_bootstrap_config.yaml",
        )
    host = program.option("--dashboard-host")
    if host is not None and host not in LOOPBACK:
        yield Finding(
            where,
            f"the dashboard, which runs what it is told, is open on {host}; take "
            "--dashboard-host=127.0.0.1 and an ssh tunnel",
        )


def _open_ports(provider: Located) -> Iterator[Finding]:
    """Whether a security group of AWS lets the world in."""
    group = provider.value.get("security_group")
    for rule in (group.value.get("IpPermissions") or Located([])).value if group else ():
        if "0.0.0.0/0" in str(rule.plain()) or "::/0" in str(rule.plain()):
            yield Finding(rule.where, "open to the whole internet; name your own addresses")
