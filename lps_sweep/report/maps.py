"""Maps of features by t-SNE: computed on request, kept beside the tables, shown by the report.

A map takes seconds, so that the report never computes one. It shows those that are in the
sweep's folder ``maps``, found by the hash of the trial's artefact and of how a map is made.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lps_sweep.errors import StorageError
from lps_sweep.files import atomic_write, read_file, sha256_bytes, sha256_file, sweep_folder

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lps_sweep.results.view import SweepView

FOLDER = "maps"
PERPLEXITIES = (10, 30)
SEED = 0
MOST_IMAGES = 400
"""Images of a map at the most, evenly spaced among those whose features were kept."""
NEIGHBOURS = 15
"""Neighbours of which the trustworthiness speaks."""
_VERSION = 1


@dataclass(frozen=True)
class FeatureMap:
    """The images of a trial in two dimensions.

    Attributes:
        rows: Indices of the images among those whose features were kept.
        points: By perplexity, x and y of each image, in no unit.
        trustworthiness: By perplexity, how far neighbours on the map are neighbours among the
            features, up to 1.
    """

    rows: tuple[int, ...]
    points: dict[int, tuple[tuple[float, float], ...]]
    trustworthiness: dict[int, float]


def shown_rows(count: int) -> NDArray[Any]:
    """Indices of the images that a map shows, of `count` whose features were kept."""
    import numpy as np

    return np.linspace(0, count - 1, min(count, MOST_IMAGES)).astype(int)


def map_path(folder: Path, artefact_sha256: str) -> Path:
    """Where the map of an artefact lies in the sweep's `folder`."""
    made = json.dumps([_VERSION, PERPLEXITIES, SEED, MOST_IMAGES, NEIGHBOURS, artefact_sha256])
    return folder / FOLDER / f"{hashlib.sha256(made.encode()).hexdigest()[:24]}.json"


def compute_map(features: NDArray[Any]) -> FeatureMap:
    """t-SNE of `features` (n, d) for each perplexity: cosine, started from their PCA.

    Raises:
        ValueError: There are fewer images than three times the largest perplexity.
    """
    from sklearn.manifold import TSNE, trustworthiness
    from threadpoolctl import threadpool_limits

    from lps_sweep.indices import directions

    rows = shown_rows(len(features))
    if len(rows) <= 3 * max(PERPLEXITIES):
        raise ValueError(f"a map needs more than {3 * max(PERPLEXITIES)} images")
    x = directions(features[rows])
    points, trust = {}, {}
    for perplexity in PERPLEXITIES:
        tsne = TSNE(perplexity=perplexity, init="pca", random_state=SEED, n_jobs=1)
        with threadpool_limits(1):  # the same sums in the same order
            found = tsne.fit_transform(x)
        points[perplexity] = tuple((round(float(a), 2), round(float(b), 2)) for a, b in found)
        trust[perplexity] = round(float(trustworthiness(x, found, n_neighbors=NEIGHBOURS)), 4)
    return FeatureMap(tuple(map(int, rows)), points, trust)


def make_maps(view: SweepView) -> list[Path]:
    """Make the maps of `view` that are missing; returns the files written.

    A trial whose features are missing, damaged, not finite or too few has none.

    Raises:
        StorageError: A map cannot be written.
    """
    import numpy as np

    from lps_sweep.report.kept import chosen_trials, load_kept

    folder = sweep_folder(view.folder, view.record.name)
    written = []
    for label, trial in chosen_trials(view):
        path = map_path(folder, view.artefacts[trial].sha256)
        kept = None if load_map(path) else load_kept(view, label, trial)
        features = None if kept is None else kept.arrays.get("features")
        if features is None or not np.isfinite(features).all():
            continue
        try:
            found = compute_map(features)
        except ValueError:
            continue
        save_map(path, found)
        written.append(path)
    return written


def save_map(path: Path, found: FeatureMap) -> None:
    """Write a map whole.

    Raises:
        StorageError: The file cannot be written.
    """
    atomic_write(path, json.dumps(asdict(found), sort_keys=True).encode())


def load_map(path: Path) -> FeatureMap | None:
    """The map at `path`; None where there is none that can be read."""
    try:
        content = json.loads(read_file(path))
        points = {
            int(p): tuple((float(a), float(b)) for a, b in xy)
            for p, xy in content["points"].items()
        }
        trust = {int(p): float(t) for p, t in content["trustworthiness"].items()}
        rows = tuple(map(int, content["rows"]))
    except (StorageError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    whole = all(len(xy) == len(rows) for xy in points.values()) and points.keys() == trust.keys()
    return FeatureMap(rows, points, trust) if whole and points else None


def maps_digest(folder: Path) -> str:
    """Changes when a map in the sweep's `folder` appears or changes; empty without one."""
    files = sorted((folder / FOLDER).glob("*.json"))
    parts = [f"{path.name} {sha256_file(path)}" for path in files]
    return sha256_bytes("\n".join(parts).encode()) if parts else ""
