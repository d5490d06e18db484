"""Deaths on demand: places around every durable write where a test can kill or starve a process.

A process started with ``LPS_FAILPOINT=<name>:<k>`` ends without any cleaning up (`os._exit`) when
it comes to the failpoint `name` for the k-th time, counted from 1; ``<name>:<k>:enospc`` fills the
disk there: from that passage on every failpoint of a write, ``file.*`` and ``ledger.*``, raises
``OSError(ENOSPC)``. The name ``*`` counts the passages of all failpoints together. Without the
variable a failpoint costs one comparison. The names:

=====================  =====================================================================
``file.write``         `files.atomic_write`: nothing was written yet
``file.fsync``         ... the new bytes are written, and perhaps on the disk
``file.rename``        ... they are on the disk, under a temporary name
``file.renamed``       ... the name is theirs, perhaps not yet on the disk
``ledger.commit``      the statements of a transaction were made, nothing is committed
``ledger.committed``   the transaction is on the disk, its caller does not know
``ledger.migrate``     inside the transaction that brings an older ledger to today's schema
``plan.insert``        inside the transaction of a plan, before its trials
``outcome.insert``     inside the transaction of an outcome, before it
``outcome.inserted``   ... after it, before the attempt is ended
``checkpoint.save``    nothing of a checkpoint was written
``checkpoint.part``    one part of a checkpoint is there, the other is not
``checkpoint.saved``   both are there, and not recorded
``trunk.state``        before the state of a trunk in training is saved
``trunk.facts``        the weights of a trunk are there, the facts that vouch for them are not
``stop.insert``        inside the transaction of a report, before the end that a rule decided on
``stop.tell``          that end is on the disk, the trial's pack does not know
``stop.told``          its pack can know
``sidecar.write``      an outcome is committed, its sidecar is not there
``report.write``       before the files of a report
``report.manifest``    the files of a report are there, its manifest is not
=====================  =====================================================================
"""

from __future__ import annotations

import errno
import os

VARIABLE = "LPS_FAILPOINT"
EXIT_STATUS = 86
"""Exit status of a process that ended at a failpoint."""


class Plan:
    """Where a process is to die, or its disk to be full.

    Args:
        text: ``<name>:<k>`` or ``<name>:<k>:enospc``.

    Raises:
        ValueError: `text` is neither.
    """

    def __init__(self, text: str) -> None:
        name, _, rest = text.partition(":")
        number, _, mode = rest.partition(":")
        if not name or not number.isdigit() or int(number) < 1 or mode not in ("", "enospc"):
            raise ValueError(f"{VARIABLE} must be <name>:<k> or <name>:<k>:enospc, not {text!r}")
        self._name = name
        self._left = int(number)
        self._full = mode == "enospc"

    def passed(self, name: str) -> None:
        """A failpoint was come to."""
        if self._left and self._name in ("*", name):
            self._left -= 1
        if self._left:
            return
        if not self._full:
            os._exit(EXIT_STATUS)
        if name.startswith(("file.", "ledger.")):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def arm(text: str) -> None:
    """Follow `text` (see the module) from now on; nothing where it is empty."""
    global _plan
    _plan = Plan(text) if text else None


def failpoint(name: str) -> None:
    """A place to die at.

    Raises:
        OSError: The disk is to be full, and bytes are written here.
    """
    if _plan is not None:
        _plan.passed(name)


_plan: Plan | None = None
arm(os.environ.get(VARIABLE, ""))
