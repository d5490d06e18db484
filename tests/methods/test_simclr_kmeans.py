from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from lps_sweep.methods.protocol import TailOutput
from lps_sweep.methods.simclr_kmeans import SimCLRKMeansConfig
from lps_sweep.methods.simclr_kmeans.objective import SimCLRKMeansObjective, clusters
from lps_sweep.metrics import accuracies

NUM_CLASSES = 4


def bundle(seed: int = 0, noise: float = 0.1) -> tuple[Tensor, Tensor]:
    """Vectors around four directions, of lengths from 0.1 to 10: only directions tell classes."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(120) % NUM_CLASSES
    directions = torch.eye(NUM_CLASSES)[labels] + noise * torch.randn(120, 4, generator=generator)
    lengths = 10 ** (2 * torch.rand(120, 1, generator=generator) - 1)
    return directions * lengths, labels


def objective(**values: int) -> SimCLRKMeansObjective:
    return SimCLRKMeansObjective(SimCLRKMeansConfig(**values), NUM_CLASSES, "cpu")


def test_clusters_of_directions_are_the_classes() -> None:
    features, labels = bundle()
    of = objective()

    kept = of.read(TailOutput(features.double(), torch.zeros(120, NUM_CLASSES)))
    ids = of.predict(kept)

    assert set(kept) == {"features"}
    assert kept["features"].dtype == torch.float32
    assert ids.dtype == torch.int64
    assert set(ids.tolist()) == set(range(NUM_CLASSES))
    found = accuracies(labels.numpy(), ids.numpy(), 2, NUM_CLASSES, aligned=of.aligned)
    assert found["acc_seen"] == found["acc_novel"] == found["acc_all_strict"] == 100.0
    assert found["nmi_novel"] == pytest.approx(100.0)


def test_without_the_normalisation_they_would_not_be() -> None:
    from sklearn.cluster import KMeans

    features, labels = bundle()
    ids = KMeans(NUM_CLASSES, n_init=10, random_state=0).fit_predict(features.numpy())

    assert accuracies(labels.numpy(), ids, 2, NUM_CLASSES, aligned=False)["acc_all"] < 90.0


def test_the_same_seed_gives_the_same_ids_and_leaves_threads_and_generators_alone() -> None:
    features = torch.from_numpy(np.random.default_rng(1).normal(size=(200, 8)))
    threads, state = torch.get_num_threads(), np.random.get_state()[1].tolist()  # type: ignore[index]

    first = clusters(features, 12, SimCLRKMeansConfig())

    assert torch.equal(first, clusters(features, 12, SimCLRKMeansConfig()))
    assert torch.get_num_threads() == threads
    assert np.random.get_state()[1].tolist() == state  # type: ignore[index]
    others = [SimCLRKMeansConfig(n_init=1, kmeans_seed=seed) for seed in range(1, 4)]
    assert any(not torch.equal(first, clusters(features, 12, other)) for other in others)


def test_fewer_images_than_clusters_are_an_error() -> None:
    with pytest.raises(ValueError, match="n_samples=3"):
        clusters(torch.eye(3), NUM_CLASSES, SimCLRKMeansConfig())
