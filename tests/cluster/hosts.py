"""Several hosts on one machine, for tests of clusters: root only, on Linux.

Each host has a network, process, mount, host-name and IPC namespace of its own, an overlay of this
machine's root that is lost with it, an sshd, and the user `research`, whose key all hosts accept.
Every host sees one folder as ``/shared``, and this interpreter under its own path. Nothing is left
when the processes that hold the namespaces are gone, and those end with the one that started them.

A process namespace of its own is needed: ``ray stop`` ends every Ray process that it can see.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

USER = "research"
UID = 2000
REPOSITORY = Path(__file__).parents[2]
HOLDER = ["setpriv", "--pdeathsig", "KILL", "unshare", "--net"]
SPACES = ["--mount", "--uts", "--ipc", "--pid", "--fork", "--kill-child"]
PROGRAMS = ("ip", "ssh", "ssh-keygen", "rsync", "unshare", "nsenter", "setpriv", "chroot")
CLEAN = {"TERM": "dumb", "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}

_HOST = """\
set -eu
base=$1 name=$2 shared=$3 keys=$4 uid=$5 user=$6; shift 6
root=$base/root
mount --make-rprivate /
hostname "$name"
mount -t tmpfs -o size=4g tmpfs "$base"
mkdir -p "$base/up" "$base/work" "$root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$base/up,workdir=$base/work" "$root"
mkdir -p "$root/shared" "$root/run/sshd"
mount --rbind /dev "$root/dev"
mount -t tmpfs -o size=8g,mode=1777 tmpfs "$root/dev/shm"
mount -t tmpfs -o size=4g,mode=1777 tmpfs "$root/tmp"
mount -t proc proc "$root/proc"
mount --rbind /sys "$root/sys"
mount --bind "$shared" "$root/shared"
for path; do
    mkdir -p "$root$path"
    mount --bind "$path" "$root$path"
    mount -o remount,bind,ro "$root$path"
    while path=$(dirname "$path"); [ "$path" != / ]; do
        chmod a+rx "$root$path" 2>/dev/null || true # what is bound stays as it is
    done
done
cat "$keys/../addresses" >"$root/etc/hosts"
chroot "$root" useradd -m -u "$uid" -s /bin/bash -p '*' "$user"
home=$root/home/$user
mkdir -p "$home/.ssh"
cp "$keys/id" "$home/.ssh/id_ed25519"
cp "$keys/id.pub" "$home/.ssh/authorized_keys"
chmod 700 "$home/.ssh"
chown -R "$uid:$uid" "$home"
chroot "$root" ssh-keygen -A >/dev/null
ip link set lo up
echo ready
exec chroot "$root" "$(command -v sshd || echo /usr/sbin/sshd)" -D -e -o UsePAM=no \\
    -o MaxStartups=100 ${PYTHONPATH:+-o SetEnv=PYTHONPATH="$PYTHONPATH"}
"""
_SWITCH = "ip link add br0 type bridge && ip link set br0 up && echo ready && exec sleep infinity"


def why_not() -> str:
    """Why hosts cannot be made here, or nothing."""
    if not sys.platform.startswith("linux") or os.geteuid() != 0:
        return "needs root on Linux"
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    missing = [name for name in (*PROGRAMS, "sshd") if not shutil.which(name, path=path)]
    if missing:
        return f"needs iproute2, openssh-server, rsync and util-linux: no {', '.join(missing)}"
    made = ["mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    tried = subprocess.run([*HOLDER, *SPACES, *made], capture_output=True, text=True)
    return f"no namespaces can be made: {tried.stderr.strip()}" if tried.returncode else ""


def skip_without_hosts() -> None:
    """Skips a test, or a module of tests, where no hosts can be made."""
    if reason := why_not():
        pytest.skip(reason, allow_module_level=True)


class Hosts:
    """Hosts ``192.0.2.10``, ``.11`` and so on, for the length of the block.

    Args:
        folder: Takes keys, logs and what the hosts share.
        names: A host each, in the order of the addresses.
    """

    def __init__(self, folder: Path, names: Sequence[str]) -> None:
        self._folder = folder
        self._addresses = {name: f"192.0.2.{10 + i}" for i, name in enumerate(names)}
        self._held: dict[str, subprocess.Popen[str]] = {}
        self._stack = contextlib.ExitStack()
        self.shared = folder / "shared"

    def __enter__(self) -> Hosts:
        with contextlib.ExitStack() as stack:
            stack.callback(self._end)
            (self._folder / "keys").mkdir(parents=True)
            self.shared.mkdir()
            os.chown(self.shared, UID, UID)
            lines = [f"{address} {name}\n" for name, address in self._addresses.items()]
            (self._folder / "addresses").write_text("127.0.0.1 localhost\n" + "".join(lines))
            key = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f"]
            subprocess.run([*key, str(self._folder / "keys" / "id")], check=True)
            self._hold("switch", [*HOLDER, "bash", "-c", _SWITCH])
            for name in self._addresses:
                self.add(name)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def add(self, name: str) -> None:
        """Starts the host `name`, which must not run; it begins with a fresh disk."""
        base = self._folder / "hosts" / name
        base.mkdir(parents=True, exist_ok=True)
        found = {Path(sys.prefix), Path(sys.base_prefix), Path(sys.base_prefix).resolve()}
        paths = [REPOSITORY, *sorted(found)]
        words = [base, name, self.shared, self._folder / "keys", UID, USER, *paths]
        script = ["bash", "-c", _HOST, "host", *map(str, words)]
        self._hold(name, [*HOLDER, *SPACES, *script])
        holder, switch = self._held[name].pid, self._held["switch"].pid
        link = f"ip link add v-{name} netns {switch} type veth peer name veth0 netns {holder}"
        for command in (
            link,
            f"nsenter -t {switch} -n ip link set v-{name} master br0 up",
            f"nsenter -t {holder} -n ip addr add {self._addresses[name]}/24 dev veth0",
            f"nsenter -t {holder} -n ip link set veth0 up",
        ):
            subprocess.run(command.split(), check=True)

    def cut(self, name: str) -> None:
        """Takes the host away as a power cut does: nobody hears a word of it."""
        holder = self._held.pop(name)
        first = self._first(holder)
        _kill(holder)
        wait_for(lambda: not Path(f"/proc/{first}").exists(), 30)

    def start(self, name: str, command: str, **settings: Any) -> subprocess.Popen[str]:
        """Begins `command` in a login shell of the user on the host; `settings` of `Popen`."""
        first = self._first(self._held[name])
        inside = ["nsenter", "-t", str(first), "-m", "-u", "-i", "-n", "-p"]
        root = str(self._folder / "hosts" / name / "root")
        words = [*inside, "chroot", f"--userspec={USER}:{USER}", root, "bash", "--login", "-c"]
        home = {"HOME": f"/home/{USER}", "USER": USER, "SHELL": "/bin/bash"}
        own = {key: os.environ[key] for key in ("PYTHONPATH",) if key in os.environ}
        return subprocess.Popen(
            [*words, f"cd && {command}"],
            stdin=subprocess.DEVNULL,
            text=True,
            env={**CLEAN, **home, **own},
            **settings,
        )

    def run(
        self, name: str, command: str, *, timeout: float = 300
    ) -> subprocess.CompletedProcess[str]:
        """Runs `command` there to its end, with its output."""
        output = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        with self.start(name, command, **output) as process:
            try:
                text, _ = process.communicate(timeout=timeout)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
        return subprocess.CompletedProcess(command, process.returncode, text)

    def processes(self, name: str) -> list[str]:
        """The command lines of all processes of the host, its sshd among them."""
        space = Path(f"/proc/{self._first(self._held[name])}/ns/pid").readlink()
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if (entry / "ns" / "pid").readlink() == space:
                    words = (entry / "cmdline").read_bytes().split(b"\0")
                    found.append(shlex.join(word.decode(errors="replace") for word in words))
        return found

    def ray_processes(self, name: str) -> list[str]:
        """Those of them that are Ray's."""
        return [line for line in self.processes(name) if "ray/" in line or "ray::" in line]

    def open_ports(self, name: str) -> list[int]:
        """The TCP ports of the host that others can reach, its sshd's left out."""
        first = self._first(self._held[name])
        ports = set()
        for table in ("tcp", "tcp6"):
            for line in Path(f"/proc/{first}/net/{table}").read_text().splitlines()[1:]:
                local, state = line.split()[1], line.split()[3]
                ip, _, port = local.partition(":")
                if state == "0A" and ip not in ("0100007F", f"{1 << 24:032X}"):
                    ports.add(int(port, 16))
        return sorted(ports - {22})

    def address(self, name: str) -> str:
        """The address of a host, whether it runs or not."""
        return self._addresses[name]

    def _hold(self, name: str, command: Sequence[str]) -> None:
        """Starts the process that a host or the switch lives as long as, and waits for its word."""
        with (self._folder / f"{name}.log").open("a") as log:
            self._held[name] = process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, text=True
            )
        assert process.stdout is not None
        if process.stdout.readline() != "ready\n":
            raise RuntimeError(f"{name}: {(self._folder / f'{name}.log').read_text()}")

    def _first(self, holder: subprocess.Popen[str]) -> int:
        """The first process of a host's process namespace; 0 where it is gone."""
        try:
            return int(Path(f"/proc/{holder.pid}/task/{holder.pid}/children").read_text() or 0)
        except OSError:
            return 0

    def _end(self) -> None:
        for holder in reversed(self._held.values()):
            _kill(holder)


def _kill(holder: subprocess.Popen[str]) -> None:
    holder.kill()
    holder.wait()
    if holder.stdout is not None:
        holder.stdout.close()


def wait_for(true: Any, most_s: float) -> None:
    """Waits until `true()` is."""
    over = time.monotonic() + most_s
    while not true():
        assert time.monotonic() < over, f"not within {most_s:g} s"
        time.sleep(0.2)


@contextlib.contextmanager
def hosts_below(folder: Path, *names: str) -> Iterator[Hosts]:
    """`Hosts`, where they can be made; the test is skipped elsewhere."""
    skip_without_hosts()
    with Hosts(folder, names) as hosts:
        yield hosts
