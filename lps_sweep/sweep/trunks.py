"""Pre-trained trunks of a results folder: each recipe made once, whatever interrupts it.

Weights lie in ``checkpoints/trunks/<recipe>.pt``; ``<recipe>.json`` beside them vouches for them
and says how good they are. While a trunk is in training its states, with the epoch and the SHA-256
of the content in their names, lie there too.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lps_sweep.config import Config, flat, trunk_recipe
from lps_sweep.errors import BadInputError, StorageError
from lps_sweep.failpoints import failpoint
from lps_sweep.files import sha256_bytes
from lps_sweep.sweep.rows import Row, TrunkMade, TrunkRow
from lps_sweep.sweep.store import Store
from lps_sweep.train.events import SavedFile

if TYPE_CHECKING:
    from lps_sweep.train import Pretraining

_FOLDER = "checkpoints/trunks"
_STATE = re.compile(r"-epoch-(\d+)-([0-9a-f]{64})\.pt")


def trunk_file(store: Store, trunk: str) -> SavedFile | None:
    """The pre-trained weights with this recipe, or nothing if they are yet to be made."""
    try:
        sha256 = str(json.loads(store.read(f"{_FOLDER}/{trunk}.json") or b"")["sha256"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    weights = SavedFile(Path(_FOLDER) / f"{trunk}.pt", sha256)
    return weights if store.intact(weights) else None


def make_trunk(
    store: Store,
    trunk: str,
    config: Config,
    device: tuple[str, int] | tuple[str, int, float],
    interval_s: float,
) -> Iterator[list[Row]]:
    """Makes the trunk with the recipe `trunk`, from where it was interrupted.

    Args:
        store: The store of the results folder.
        trunk: Hash of the recipe.
        config: A configuration that needs it.
        device: As `set_up_device` takes it: name, CPU threads, share of a GPU's memory.
        interval_s: Least time between two states that are saved.

    Raises:
        BadInputError: The data are missing, or released weights do not fit the network or are not
            those that were planned with.
        StorageError: A file cannot be written.
    """
    from lps_sweep.data import load
    from lps_sweep.train import Pretraining, check_step, set_up_device
    from lps_sweep.train.quality import trained_quality, untrained_quality

    torch_device = set_up_device(*device)
    check_step(config.loop, torch_device)  # not only when the trunk has been trained
    images = load(config.data)
    facts: dict[str, Any]
    if config.pretrain.pretrained:
        weights, facts = _released(config, trunk)
    else:
        training = Pretraining(config, images, torch_device)
        yield from _trained(training, store, trunk, config.pretrain.pretrain_epochs, interval_s)
        weights = training.network.state_dict()
        facts = {"images": training.images.place}
        if training.epoch:
            facts["final_loss"] = training.loss
    facts["quality"] = trained_quality(weights, config, images, torch_device)
    facts["untrained"] = untrained_quality(config, images, torch_device)
    _save(store, trunk, weights, {**facts, "config": flat(config)})
    for state in _states(store, trunk):
        store.remove(str(state.path))
    yield [TrunkMade(trunk, facts["quality"], facts["untrained"])]


def _trained(
    training: Pretraining, store: Store, trunk: str, epochs: int, interval_s: float
) -> Iterator[list[Row]]:
    _go_on(training, store, trunk)
    saved_at = time.monotonic()
    for epoch, loss in training:
        if epoch < epochs and time.monotonic() - saved_at >= interval_s:
            _save_state(training, store, trunk)
            saved_at = time.monotonic()
        yield [TrunkRow(trunk, epoch, epochs, loss)]


def _go_on(training: Pretraining, store: Store, trunk: str) -> None:
    """Takes up the newest state that verifies; without one, training begins at the beginning."""
    from lps_sweep.train import load_state

    for saved in _states(store, trunk):
        try:
            if file := store.get(saved):
                training.load_state(load_state(file, training.device))
                return
        except StorageError:
            store.remove(str(saved.path))


def _save_state(training: Pretraining, store: Store, trunk: str) -> None:
    """Saves how far training has come; the state before is kept, should this one be damaged."""
    from lps_sweep.train import state_bytes

    content = state_bytes(training.state())
    name = f"{trunk}-epoch-{training.epoch:05d}-{sha256_bytes(content)}.pt"
    failpoint("trunk.state")
    store.write(f"{_FOLDER}/{name}", content)
    for old in _states(store, trunk)[2:]:
        store.remove(str(old.path))


def _states(store: Store, trunk: str) -> list[SavedFile]:
    """The states of a trunk in training, the newest first."""
    paths = [Path(name) for name in reversed(store.names(_FOLDER))]
    found = [(path, _STATE.fullmatch(path.name.removeprefix(trunk))) for path in paths]
    return [SavedFile(path, match[2]) for path, match in found if match]


def _released(config: Config, trunk: str) -> tuple[Mapping[str, Any], dict[str, Any]]:
    from lps_sweep.train import read_released

    state, sha256 = read_released(config)
    if trunk_recipe(config, data="", weights=sha256) != trunk:
        file = config.pretrain.pretrained
        raise BadInputError(f"{file} has changed since the sweep was planned", where="pretrained")
    return state, {"released_sha256": sha256}


def _save(store: Store, trunk: str, weights: Mapping[str, Any], facts: Mapping[str, Any]) -> None:
    """Saves the weights and, after them, the facts that vouch for them."""
    from lps_sweep.train import state_bytes

    content = state_bytes(weights)
    store.write(f"{_FOLDER}/{trunk}.pt", content)
    failpoint("trunk.facts")
    vouched = {"sha256": sha256_bytes(content), **facts}
    store.write(f"{_FOLDER}/{trunk}.json", json.dumps(vouched, indent=1).encode())
