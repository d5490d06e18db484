"""Is a pre-trained backbone any good? A linear probe and k-means of its features."""

from __future__ import annotations

import warnings
from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import RidgeClassifier
from threadpoolctl import threadpool_limits
from torch import Tensor, nn
from torch.nn import functional

from lps_sweep.config import Config
from lps_sweep.data import ImageSet, data_set
from lps_sweep.data.views import plain_view
from lps_sweep.metrics import accuracies
from lps_sweep.models import build_network
from lps_sweep.train.pretrain import fresh_network

MOST_IMAGES = 5_000
"""Images looked at, evenly spaced: enough for a percent, in seconds."""

BATCH = 512
RIDGE = 1e-3
"""Weight of the squared norm, for features of length 1."""


def quality(network: nn.Module, config: Config, images: ImageSet, device: torch.device) -> Quality:
    """Looks at the features of a backbone in evaluation mode; its weights stay as they are.

    Args:
        network: Images to features (n, d).
        config: Its data set tells how images are prepared.
        images: The training images, with all labels; hence the results are called oracle.
        device: Where the features are computed.
    """
    rows = np.linspace(0, len(images.labels) - 1, min(MOST_IMAGES, len(images.labels)))
    rows = rows.astype(np.int64)
    features = _features(network, config, images.images[rows], device)
    return {
        "oracle_linear_probe": _linear(features, images.labels[rows]),
        **_clusters(features, images.labels[rows], images.num_classes),
    }


Quality = dict[str, float]
"""``oracle_linear_probe``, accuracy on every second image of a linear classifier of the others;
``oracle_kmeans_acc`` and ``oracle_kmeans_nmi`` of as many clusters as there are classes; percent.
"""


def trained_quality(
    weights: Mapping[str, Tensor], config: Config, images: ImageSet, device: torch.device
) -> Quality:
    """`quality` of the network with pre-trained `weights`."""
    return quality(_trained(weights, config, device), config, images, device)


def trained_features(
    weights: Mapping[str, Tensor],
    config: Config,
    images: NDArray[np.uint8],
    device: torch.device,
) -> NDArray[np.float32]:
    """Directions (n, d) of the features of `images` in the network with pre-trained `weights`."""
    return _features(_trained(weights, config, device), config, images, device)


def untrained_quality(config: Config, images: ImageSet, device: torch.device) -> Quality:
    """`quality` of the network that pre-training begins with: what a good trunk must surpass."""
    network = fresh_network(config)
    return quality(network.to(device), config, images, device)


def _trained(weights: Mapping[str, Tensor], config: Config, device: torch.device) -> nn.Module:
    network = build_network(config.trunk.network, data_set(config.data.dataset).recipe.channels)
    network.load_state_dict(weights)
    return network.to(device)


@torch.no_grad()
def _features(
    network: nn.Module, config: Config, images: NDArray[np.uint8], device: torch.device
) -> NDArray[np.float32]:
    """Directions (n, d) of the features."""
    recipe = data_set(config.data.dataset).recipe
    was_training = network.training
    network.eval()
    parts = [
        functional.normalize(network(plain_view(batch.to(device), recipe)).float(), dim=1).cpu()
        for batch in torch.from_numpy(np.ascontiguousarray(images)).split(BATCH)  # type: ignore[no-untyped-call]
    ]
    network.train(was_training)
    return np.asarray(torch.cat(parts).numpy(), dtype=np.float32)


def _linear(features: NDArray[np.float32], labels: NDArray[np.int64]) -> float:
    if len(set(labels[::2])) < 2:  # nothing to tell apart
        return 100.0
    model = RidgeClassifier(alpha=RIDGE * len(labels)).fit(features[::2], labels[::2])
    return float(100 * np.mean(model.predict(features[1::2]) == labels[1::2]))


def _clusters(
    features: NDArray[np.float32], labels: NDArray[np.int64], num_classes: int
) -> Quality:
    count = min(num_classes, len(features))
    with threadpool_limits(limits=1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # fewer different rows than clusters
        ids = KMeans(count, n_init=3, random_state=0).fit_predict(features)
    found = accuracies(labels, ids.astype(np.int64), 0, num_classes, aligned=False)
    return {"oracle_kmeans_acc": found["acc_novel"], "oracle_kmeans_nmi": found["nmi_novel"]}
