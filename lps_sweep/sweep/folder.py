"""The driver's own folder: where it is, what it may be, and how it is opened with its store."""

from __future__ import annotations

import contextlib
import json
import shutil
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

from lps_sweep.errors import BadInputError, LpsSweepError
from lps_sweep.files import atomic_write
from lps_sweep.results import Ledger, driver_lock
from lps_sweep.sweep.backup import COPYING, bring_ends, copy_ledger, open_ledger, take_copy
from lps_sweep.sweep.claim import BEAT_S, repeated, take
from lps_sweep.sweep.remote import Remote
from lps_sweep.sweep.store import CLAIMS, STORE_NAME, named_store, store_of, verify

COPY_S = 60.0
"""Seconds between two copies of the ledger to the store."""

MOUNTS = Path("/proc/mounts")
_NETWORK = ("nfs", "cifs", "smb", "lustre", "ceph", "gluster", "beegfs", "gpfs", "afs", "fuse.")

Check = Callable[[], None]
"""Raises where this driver may record nothing more."""


def driver_folder(results: Path | str, ledger: Path | None, sweep: str) -> tuple[Path, str]:
    """The driver's folder, and the address of its store if that is another place.

    Args:
        results: A folder, or an address.
        ledger: The driver's folder, if it is named.
        sweep: Its name if `results` is an address.

    Raises:
        BadInputError: The address cannot be opened, or the folder belongs to another store.
    """
    if isinstance(results, Path):
        if ledger is None or ledger.absolute() == results.absolute():
            return results, ""
        address = str(results.absolute())
    else:
        address = results
        if urlsplit(address).username:
            raise BadInputError(
                "keys do not belong in an address, which is recorded; put them where its own tools "
                "look for them, such as AWS_ACCESS_KEY_ID",
                "--results",
            )
    folder = ledger or Path(sweep)
    known, _ = named_store(folder)
    if known != address and (known or Ledger.exists(folder)):
        raise BadInputError(
            f"the ledger in this folder has its files in {known or 'the folder itself'}; name "
            "another folder with --ledger",
            str(folder),
        )
    Remote(address).files("")
    return folder, address


@contextlib.contextmanager
def opened(
    results: Path, address: str, say: Callable[[str], None]
) -> Iterator[tuple[Ledger, Check]]:
    """The ledger of the driver's folder, which nobody else may write to, for the block's length.

    Args:
        results: The driver's folder.
        address: That of its store, where one is given.
        say: Takes a line for people.

    Raises:
        BadInputError: The folder is the store of another.
        FolderOwnedError: Another driver owns the folder, or the store.
        StorageError: One of the two cannot be read or written.
    """
    with driver_lock(results):
        if address and not named_store(results)[0]:
            said = {"store": address, "owner": uuid.uuid4().hex}
            atomic_write(results / STORE_NAME, json.dumps(said).encode())
        if kind := network_file_system(results):
            say(
                f"{results} is on a network file system ({kind}), and a ledger is safe on a disk "
                "of the driver's own: name a folder there with --ledger DIR"
            )
        store = store_of(results)
        if isinstance(store, Remote):
            with _claimed(results, store, say) as found:
                yield found
            return
        if (results / CLAIMS).is_dir():
            raise BadInputError(
                "this is the store of a ledger in another folder; name that, or a new one, with "
                "--ledger",
                str(results),
            )
        with open_ledger(results) as ledger:
            yield ledger, lambda: None


@contextlib.contextmanager
def _claimed(
    results: Path, store: Remote, say: Callable[[str], None]
) -> Iterator[tuple[Ledger, Check]]:
    verify(store)
    for left in results.glob(f"{COPYING}*"):
        shutil.rmtree(left, ignore_errors=True)
    newer = False

    def prepare(elsewhere: bool) -> None:
        nonlocal newer
        if elsewhere or not Ledger.exists(results):
            newer = True
            if take_copy(results, store):
                say(f"the ledger is the copy of it in {store.place}")

    claim = take(store, named_store(results)[1], say, prepare)

    def copy() -> None:
        claim.check()
        copy_ledger(results, store)

    with repeated(claim.beat, BEAT_S), open_ledger(results) as ledger:
        bring_ends(results, ledger, store, newer=newer)
        try:
            with repeated(copy, COPY_S):
                yield ledger, claim.check
        except BaseException:
            with contextlib.suppress(LpsSweepError):
                copy()
                claim.write(ended=True)
            raise
        copy()
    claim.write(ended=True)


def network_file_system(folder: Path) -> str:
    """The kind of network file system that `folder` is on; empty if it is on none."""
    try:
        lines = MOUNTS.read_text(encoding="utf-8", errors="replace").splitlines()
        path = folder.resolve()
    except OSError:
        return ""
    kinds = {
        Path(mount.replace("\\040", " ")): kind
        for _, mount, kind, *_ in (line.split(" ") for line in lines)
    }
    around = next((kinds[one] for one in (path, *path.parents) if one in kinds), "")
    return around if around.startswith(_NETWORK) else ""
