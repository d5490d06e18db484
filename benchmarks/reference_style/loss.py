"""The loss of LPS with shapes that depend on the data, its rows picked one by one on the host."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from lps_sweep.methods.lps import LPSConfig


def loss(
    weak1: Tensor,
    weak2: Tensor,
    strong: Tensor,
    labels: Tensor,
    *,
    num_seen: int,
    progress: float,
    config: LPSConfig,
    average: Tensor | None = None,
) -> Tensor:
    """The loss of one batch, 0-d; all switches of `config` but `pi_ema` are at their defaults.

    Args:
        weak1: Logits (B, K), labeled rows first.
        weak2: The same rows, second weak view.
        strong: The same rows, strong view.
        labels: (n_l,) labels of the labeled rows.
        num_seen: Number of seen classes.
        progress: Share of training that is over.
        config: The numbers.
        average: (K,) class distribution of the batches before, of which `pi_ema` is kept, zeros at
            first; it is brought up to date. None where each batch stands alone.
    """
    num_labeled, num_rows = len(labels), len(weak1)
    probabilities = weak2.detach().softmax(1)
    confidence, targets = probabilities.max(1)
    targets[:num_labeled] = labels
    chosen = _confident(confidence, targets, num_labeled, num_seen, progress, config)
    picked = set(chosen)
    left = [row for row in range(num_rows) if row not in picked]

    pi_hat = probabilities[chosen].sum(0)
    pi_hat = pi_hat / pi_hat.sum()
    if average is not None:
        if average.any():
            pi_hat = config.pi_ema * average + (1 - config.pi_ema) * pi_hat
        average.copy_(pi_hat)
    uniform = torch.full_like(pi_hat, 1 / len(pi_hat))
    kl = (uniform * (uniform / pi_hat).log()).sum()
    margins = config.C * kl * pi_hat / pi_hat.max()
    total = _with_margin(weak1[:num_labeled], labels, margins).mean()
    confident = [row for row in chosen if row >= num_labeled]
    if confident:
        rows = _with_margin(strong[confident], targets[confident], margins)
        total = total + rows.sum() / (num_rows - num_labeled)

    mean = weak1.softmax(1).mean(0)
    total = total + config.w_entropy * (mean * mean.clamp(min=1e-8).log()).sum()
    total = total + config.eta1 * _clustering(weak2, strong, targets, chosen, config.tau)
    if left:
        total = total + config.eta2 * _unsupervised(weak2, strong, left, config.tau)
    return total


def _confident(
    confidence: Tensor,
    targets: Tensor,
    num_labeled: int,
    num_seen: int,
    progress: float,
    config: LPSConfig,
) -> list[int]:
    """Rows that are labeled or confident: two waits for the device per row."""
    start, end = config.lambda_novel_start, config.lambda_novel_end
    lambda_novel = start + (end - start) * progress
    chosen = []
    for row in range(len(confidence)):
        sure, target = confidence[row].item(), targets[row].item()
        if row < num_labeled or sure >= (config.lambda_seen if target < num_seen else lambda_novel):
            chosen.append(row)
    return chosen


def _with_margin(logits: Tensor, targets: Tensor, margins: Tensor) -> Tensor:
    hot = F.one_hot(targets, logits.shape[1]).bool()
    return F.cross_entropy(torch.where(hot, logits + margins, logits), targets, reduction="none")


def _similarity(views: Tensor, others: Tensor, tau: float) -> Tensor:
    return (F.normalize(views, dim=1) @ F.normalize(others, dim=1).T / tau).exp()


def _clustering(
    weak2: Tensor, strong: Tensor, targets: Tensor, chosen: list[int], tau: float
) -> Tensor:
    """PC: the confident rows among themselves."""
    views = torch.cat([weak2[chosen], strong[chosen]])
    groups = targets[chosen].repeat(2)
    itself = torch.eye(len(views), dtype=torch.bool, device=views.device)
    similarity = _similarity(views, views, tau)
    positive = (groups[:, None] == groups) & ~itself
    shared = (similarity * positive).sum(1) / positive.sum(1)
    return -(shared / (similarity * ~itself).sum(1)).log().mean()


def _unsupervised(weak2: Tensor, strong: Tensor, left: list[int], tau: float) -> Tensor:
    """UC: the rows that are not confident against the whole batch."""
    num_rows = len(weak2)
    views = torch.cat([weak2, strong])
    anchors = torch.tensor(left + [row + num_rows for row in left], device=views.device)
    similarity = _similarity(views[anchors], views, tau)
    place = torch.arange(len(anchors), device=views.device)
    own = similarity[place, (anchors + num_rows) % (2 * num_rows)]
    others = similarity.sum(1) - similarity[place, anchors]
    return -(own / others).log().sum() / (2 * num_rows)
