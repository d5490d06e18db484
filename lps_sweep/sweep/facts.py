"""What each machine that trains must have as the driver has it: code, data, and the results."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import lps_sweep
from lps_sweep.config import Config
from lps_sweep.errors import BadInputError, LpsSweepError, StorageError
from lps_sweep.sweep.content import content_of
from lps_sweep.sweep.recorder import PACKAGES
from lps_sweep.sweep.store import Store, verify, write_mark

SHOWN = 5
"""Machines with the same fault that a message names."""

NOTES = "ray/nodes"
"""The folder of the store in which nodes write, each a file."""

ASKED_BY_DRIVER = "optuna"
"""The package that no machine but the driver's needs."""


@dataclass(frozen=True)
class Expected:
    """What a machine must have.

    Attributes:
        versions: Of the driver.
        content: A configuration of each data set and file of weights, with the hashes that the
            driver finds.
        store: Where results go.
        mark: What the driver wrote there.
    """

    versions: Mapping[str, str]
    content: tuple[tuple[Config, Mapping[str, str]], ...]
    store: Store
    mark: str


def expect(store: Store, configs: Iterable[Config]) -> Expected:
    """What the driver has; its mark is written into `store`.

    Raises:
        MissingInputError: Data are not there.
        StorageError: The mark cannot be written.
    """
    content = tuple((config, hashes(config)) for config in configs)
    return Expected(versions(), content, store, write_mark(store))


def versions() -> dict[str, str]:
    """What results depend on besides settings and data, by name.

    What follows a ``+`` in a package's version tells the device that it is built for, and is left
    out: a driver without a GPU trains nothing.
    """
    folder = Path(lps_sweep.__file__).parent
    source = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        source.update(f"{path.relative_to(folder)}\n".encode() + path.read_bytes())
    found = {
        "Python": platform.python_version(),
        "lps_sweep": f"{lps_sweep.__version__} (source {source.hexdigest()[:12]})",
    }
    for name in PACKAGES:
        with suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name).partition("+")[0]
    found.pop(ASKED_BY_DRIVER, None)
    return found


def hashes(config: Config) -> dict[str, str]:
    """Hashes of the images and weights that `config` reads, by what they are of.

    Raises:
        MissingInputError: They are not there.
    """
    content, weights = content_of(config), config.pretrain.pretrained
    found = {f"images of {config.data.dataset}": content.data, weights: content.weights}
    return {name: value[:16] for name, value in found.items() if value}


def compare(driver: Mapping[str, str], here: Mapping[str, str]) -> list[LpsSweepError]:
    """A finding for each fact of the driver's that is another here."""
    return [
        BadInputError(f"{name} must be {value}, as for the driver, not {here.get(name, 'missing')}")
        for name, value in driver.items()
        if here.get(name) != value
    ]


def look(expected: Expected, node_id: str) -> Iterator[LpsSweepError]:
    """What is not as it has to be on this machine, which leaves a note named `node_id`."""
    yield from compare(expected.versions, versions())
    try:
        verify(expected.store, expected.mark)
        expected.store.write(f"{NOTES}/{node_id}", b"")
    except LpsSweepError as error:
        yield error
    for config, wanted in expected.content:
        try:
            found = hashes(config)
        except BadInputError as error:
            yield error
        else:
            yield from compare(wanted, found)


def read_back(expected: Expected, node_id: str) -> list[LpsSweepError]:
    """What keeps the driver from reading the note of the node `node_id`."""
    name = f"{NOTES}/{node_id}"
    try:
        found = expected.store.read(name)
    except StorageError as error:
        return [StorageError(f"what it writes must be readable for the driver: {error}")]
    lost = StorageError(f"{expected.store.place}/{name}, which it wrote, is not there")
    return [lost] if found is None else []


def raise_found(found: Mapping[str, Sequence[LpsSweepError]]) -> None:
    """Raises what was found as one error; machines with the same fault are named together.

    Args:
        found: What is wrong with each machine, by its name for people.

    Raises:
        StorageError: It is the results folder alone.
        BadInputError: It is something else, too.
    """
    machines: dict[str, list[str]] = {}
    for name, errors in found.items():
        for error in errors:
            machines.setdefault(str(error), []).append(name)
    if not machines:
        return
    texts = []
    for text, names in machines.items():
        more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
        texts.append(f"{', '.join(names[:SHOWN])}{more}: {text}")
    only = all(isinstance(error, StorageError) for errors in found.values() for error in errors)
    kind = StorageError if only else BadInputError
    raise kind(f"not every node can train this sweep: {'; '.join(texts)}")
