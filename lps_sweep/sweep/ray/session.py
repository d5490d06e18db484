"""A Ray session: a private local one, or the one at an address; always with a token."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import ray

from lps_sweep.errors import BadInputError
from lps_sweep.files import make_folder
from lps_sweep.sweep.signals import handlers_kept


@contextlib.contextmanager
def ray_session(address: str, num_cpus: int) -> Iterator[None]:
    """Ray, started or joined, for the length of the block.

    Args:
        address: ``local`` for a private session on this machine, else the cluster's address.
        num_cpus: CPU cores of a local session.

    Raises:
        BadInputError: There is no cluster at `address`, or no token to join it with.
    """
    temporary = Path(tempfile.mkdtemp(prefix="lps-ray-")) if address == "local" else None
    try:
        with handlers_kept():  # Ray's own would end the process without a word
            if temporary:
                ray.init(
                    address="local",
                    num_cpus=num_cpus,
                    include_dashboard=False,
                    log_to_driver=False,
                    logging_level=logging.WARNING,
                    _temp_dir=str(temporary),
                )
            else:
                _join(address)
        yield
    finally:
        ray.shutdown()
        if temporary:
            shutil.rmtree(temporary, ignore_errors=True)


def _join(address: str) -> None:
    try:
        ray.init(address=address, log_to_driver=False, logging_level=logging.WARNING)
    except Exception as error:
        raise BadInputError(
            f"no Ray cluster can be joined: {error}; the cluster's token belongs in "
            "RAY_AUTH_TOKEN, or in the file that RAY_AUTH_TOKEN_PATH names",
            f"--address {address}",
        ) from error


@contextlib.contextmanager
def output_to(log: Path) -> Iterator[None]:
    """Sends what this process and its children print to the file `log` for the block's length.

    Ray prints from C++ and from other processes, so the file descriptors themselves are moved.
    """
    make_folder(log.parent)
    sys.stdout.flush()
    sys.stderr.flush()
    kept = os.dup(1), os.dup(2)
    with log.open("ab") as file:
        try:
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
            yield
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            for descriptor, number in zip(kept, (1, 2), strict=True):
                os.dup2(descriptor, number)
                os.close(descriptor)
