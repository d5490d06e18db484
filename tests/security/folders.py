"""A results folder, read and changed behind the product's back, and files that leave a mark."""

from __future__ import annotations

import gzip
import io
import pickle
import sqlite3
import tarfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch


@contextmanager
def database(results: Path) -> Iterator[sqlite3.Connection]:
    """The ledger as plain SQLite; what was changed is committed, and no log is left."""
    with closing(sqlite3.connect(results / "ledger.sqlite")) as connection:
        yield connection
        connection.commit()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def a_trial(results: Path) -> str:
    """A trial of the folder."""
    with database(results) as connection:
        return str(connection.execute("SELECT trial_id FROM trials ORDER BY 1").fetchone()[0])


def all_verbs(folder: Path, trial: str) -> Iterator[list[str]]:
    """Every verb that reads ``folder/results``; those that repair and train last."""
    results = str(folder / "results")
    yield from (["status", results], ["show", results, trial], ["check", results])
    yield ["compare", f"{results}/small", f"{results}/small"]
    yield ["export", results, "small", "--to", str(folder / "out")]
    yield from (["report", results], ["plan", str(folder / "small.yaml"), "--results", results])
    yield ["check", results, "--repair"]
    yield ["run", str(folder / "small.yaml"), "--inline", "--results", results]


class Canary:
    """Touches `mark` when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self._mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return exec, (f"open({str(self._mark)!r}, 'w').close()",)


def _state(mark: Path) -> dict[str, Any]:
    return {"epoch": 1, "model": {"weight": torch.zeros(2)}, "extra": Canary(mark)}


def _torch(mark: Path, *, new: bool) -> bytes:
    buffer = io.BytesIO()
    torch.save(_state(mark), buffer, _use_new_zipfile_serialization=new)
    return buffer.getvalue()


def _npz(mark: Path) -> bytes:
    buffer = io.BytesIO()
    held: Any = np.array([Canary(mark)], dtype=object)
    np.savez(buffer, labels=held, indices=held, predictions=held)
    return buffer.getvalue()


def _npy(mark: Path) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.array([Canary(mark)], dtype=object), allow_pickle=True)
    return buffer.getvalue()


def _tar(mark: Path) -> bytes:
    """The oldest form of torch's files."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name in ("storages", "tensors", "pickle"):
            content = pickle.dumps(Canary(mark), protocol=2)
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


FORMS: dict[str, Callable[[Path], bytes]] = {
    "pickle, oldest": lambda mark: pickle.dumps(_state(mark), protocol=0),
    "pickle, newest": lambda mark: pickle.dumps(_state(mark), protocol=5),
    "pickle, gzip": lambda mark: gzip.compress(pickle.dumps(_state(mark))),
    "torch": lambda mark: _torch(mark, new=True),
    "torch, legacy": lambda mark: _torch(mark, new=False),
    "torch, tar": _tar,
    "npz": _npz,
    "npy": _npy,
}
