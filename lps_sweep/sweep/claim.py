"""One driver at a time at a store: claims that count up, and beat.

A driver that comes reads the claims of others. One that beats is alive, and the driver is refused;
one that was silent for `SILENCE_S`, by the watch of who waits, is over. Then it writes a claim of
its own with a higher number, and reads the others again: of two that come together at least one
sees the other, and withdraws. So two are never let in, as long as the store shows to all what was
written (as S3 does). A driver that was held up so long that another may have come looks for a
higher number before it records anything more, and ends where it finds one or cannot look. What its
workers write until then are files under names of their own content.
"""

from __future__ import annotations

import json
import random
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from lps_sweep.errors import FolderOwnedError, LpsSweepError
from lps_sweep.results.lock import named, this_process
from lps_sweep.signals import check_interrupted
from lps_sweep.sweep.store import CLAIMS, Store

BEAT_S = 5.0
"""Seconds between two beats of a driver."""
SILENCE_S = 60.0
"""Seconds without a beat after which a driver is over; it gives up itself before that."""
TRIES = 3
MOST_BUSY = 10
"""What is repeated rests so many times as long as it took."""

Claims = dict[str, dict[str, Any]]


class Claim:
    """What this driver has written: `number` is higher than that of every driver before.

    Args:
        store: The store.
        owner: The driver's folder, by its id.
    """

    def __init__(self, store: Store, owner: str, others: Claims) -> None:
        self._store = store
        self._name = f"{CLAIMS}/{owner}.json"
        self.number = 1 + max((one["number"] for one in others.values()), default=0)
        self._facts = this_process()
        self._session = uuid.uuid4().hex
        self._beats = 0
        self._beaten = time.monotonic()
        self._newer: dict[str, Any] = {}

    def write(self, *, ended: bool = False) -> None:
        """Writes the claim, with another beat."""
        began, self._beats = time.monotonic(), self._beats + 1
        facts = {"number": self.number, "session": self._session, "beat": self._beats}
        content = {**facts, "ended": ended, **self._facts}
        self._store.write(self._name, json.dumps(content).encode())
        self._beaten = began

    def beat(self) -> None:
        """Shows that this driver is alive, unless another has come after it."""
        for one in self.others().values():
            if one["number"] > self.number:
                self._newer = one
                return
        self.write()

    def others(self) -> Claims:
        """The claims of others."""
        found = read_claims(self._store)
        found.pop(self._name, None)
        return found

    def check(self) -> None:
        """To be called before anything is recorded.

        Raises:
            FolderOwnedError: Another driver has come after this one.
            StorageError: No beat arrives any more, so that another may come.
        """
        if time.monotonic() - self._beaten > SILENCE_S - 2 * BEAT_S:
            self.beat()
        if self._newer:
            raise FolderOwnedError(
                f"another driver has taken {self._store.place}: {named(self._newer)}"
            )


def read_claims(store: Store) -> Claims:
    """All claims, by the names of their files."""
    contents = {name: store.read(name) for name in store.names(CLAIMS)}
    return {name: _parsed(text) for name, text in contents.items() if text is not None}


def _parsed(content: bytes) -> dict[str, Any]:
    """A claim; one that is just being written, where a store shows parts of files, is still one."""
    try:
        one = json.loads(content)
        return {**one, "number": int(one["number"])}
    except (ValueError, KeyError, TypeError, RecursionError):
        return {"number": 0, "content": content}


def take(
    store: Store, owner: str, say: Callable[[str], None], prepare: Callable[[bool], None]
) -> Claim:
    """Claims the store for the driver whose folder is `owner`.

    Args:
        store: The store.
        owner: Id of the driver's folder, whose lock is held: what it claimed before is over.
        say: Takes a line for people.
        prepare: Called before the claim is made, with whether another driver was there since.

    Raises:
        FolderOwnedError: A driver is alive there.
        StorageError: The store cannot be read or written.
    """
    own = f"{CLAIMS}/{owner}.json"
    for _ in range(TRIES):
        before = read_claims(store)
        mine = before.pop(own, {"number": 0})
        _wait_for_silence(store, before, own, say)
        prepare(any(one["number"] > mine["number"] for one in before.values()))
        claim = Claim(store, owner, {**before, own: mine})
        claim.write()
        if claim.others() == before:
            for name in before:
                store.remove(name)
            return claim
        store.remove(own)
        time.sleep(random.uniform(0, 1))
    raise FolderOwnedError(f"other drivers are starting at {store.place}")


@contextmanager
def repeated(act: Callable[[], None], interval_s: float) -> Iterator[None]:
    """Does `act` in a thread again and again while the block lasts; errors are not told."""
    over = threading.Event()

    def repeat() -> None:
        pause = interval_s
        while not over.wait(pause):
            began = time.monotonic()
            with suppress(LpsSweepError):
                act()
            pause = max(interval_s, MOST_BUSY * (time.monotonic() - began))

    thread = threading.Thread(target=repeat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _wait_for_silence(store: Store, claims: Claims, own: str, say: Callable[[str], None]) -> None:
    """Waits until those of the `claims` that have not ended are over.

    Raises:
        FolderOwnedError: One of them beats, or a new one has come.
    """
    open_claims = {name: one for name, one in claims.items() if not one.get("ended")}
    if not open_claims:
        return
    who = "; ".join(map(named, open_claims.values()))
    say(
        f"{store.place} was taken by another driver, which did not end in order ({who}); waiting "
        f"up to {SILENCE_S:g} s to see whether it is alive"
    )
    deadline = time.monotonic() + SILENCE_S
    while time.monotonic() < deadline:
        time.sleep(min(1.0, BEAT_S / 4))
        check_interrupted()
        now = read_claims(store)
        now.pop(own, None)
        if alive := [one for name, one in now.items() if one != claims.get(name)]:
            raise FolderOwnedError(f"another driver owns {store.place}: {named(alive[0])}")
