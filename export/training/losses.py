"""What the generators are trained on: colour classification, Huber, style and content."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def kmeans(points: Tensor, count: int, random: torch.Generator, rounds: int = 30) -> Tensor:
    """Lloyd's k-means: points (M, D) -> centres (count, D). Empty clusters are drawn anew."""
    centres = points[torch.randperm(len(points), generator=random)[:count]].clone()
    for _ in range(rounds):
        nearest = torch.cdist(points, centres).argmin(dim=1)
        sums = torch.zeros_like(centres).index_add_(0, nearest, points)
        sizes = torch.bincount(nearest, minlength=count).to(points)
        centres = sums / sizes.clamp_min(1)[:, None]
        empty = sizes == 0
        if empty.any():
            drawn = torch.randint(len(points), (int(empty.sum()),), generator=random)
            centres[empty] = points[drawn]
    return centres


def soft_encode(
    ab: Tensor, palette: Tensor, neighbours: int = 5, sigma: float = 5.0
) -> tuple[Tensor, Tensor]:
    """Each colour as a mixture of its nearest palette colours (Zhang 2016, section 2.1).

    ab (M, 2), palette (K, 2), both CIE units. Returns indices (M, neighbours) and weights
    (M, neighbours) proportional to exp(-d^2 / 2 sigma^2) that sum to 1.
    """
    distances, indices = torch.cdist(ab, palette).topk(neighbours, largest=False)
    squares = distances**2
    # Subtracting the nearest keeps the exponentials from all vanishing far from the palette.
    weights = torch.exp(-(squares - squares[:, :1]) / (2 * sigma**2))
    return indices, weights / weights.sum(dim=1, keepdim=True)


def rebalancing_weights(frequency: Tensor, smoothing: float = 0.5) -> Tensor:
    """Weight of each palette colour (K): rare colours count more (Zhang 2016, equation 4).

    w ~ 1 / ((1 - smoothing) p + smoothing / K), scaled so that the mean under p is 1.
    """
    probability = frequency / frequency.sum()
    weights = 1.0 / ((1 - smoothing) * probability + smoothing / len(frequency))
    return weights / (weights * probability).sum()


def classification_loss(
    logits: Tensor, ab: Tensor, palette: Tensor, class_weights: Tensor
) -> Tensor:
    """Rebalanced cross-entropy with soft-encoded colours.

    logits (N, K, h, w), ab (N, 2, h, w), palette (K, 2), class_weights (K). A pixel weighs as
    its nearest palette colour does.
    """
    flat = ab.permute(0, 2, 3, 1).reshape(-1, 2)
    indices, shares = soft_encode(flat, palette)
    log_probability = F.log_softmax(logits.permute(0, 2, 3, 1).flatten(0, 2), dim=1)
    cross_entropy = -(log_probability.gather(1, indices) * shares).sum(dim=1)
    return (class_weights[indices[:, 0]] * cross_entropy).mean()


def huber_loss(ab: Tensor, target: Tensor, width: float = 10.0) -> Tensor:
    """Huber loss on colour in units of `width` CIE steps, (N, 2, h, w) each."""
    return F.smooth_l1_loss(ab / width, target / width)


def kl_divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(mean, variance) || N(0, 1)) of each sample, in nats: (N, D) each -> (N).

    Kingma 2014 (arXiv 1312.6114), appendix B: 1/2 sum(mean^2 + variance - 1 - log variance).
    """
    return 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).sum(dim=1)


def tone_loss(painted: Tensor, picture: Tensor, block: int = 8) -> Tensor:
    """1 - correlation of the two pictures' luma, averaged over blocks; (N, 3, H, W) in [0, 1].

    Light places stay lighter than dark ones, whatever the painter's own range of tones. Taken
    over the batch as one picture, as the style is.
    """
    weights = picture.new_tensor((0.299, 0.587, 0.114)).view(1, 3, 1, 1)

    def tones(rgb: Tensor) -> Tensor:
        luma = F.avg_pool2d((rgb * weights).sum(dim=1, keepdim=True), block).flatten()
        return luma - luma.mean()

    first, second = tones(painted), tones(picture)
    return 1 - (first * second).sum() / (first.norm() * second.norm() + 1e-6)


def total_variation(picture: Tensor) -> Tensor:
    """Mean absolute difference of neighbouring pixels, (N, C, H, W)."""
    vertical = (picture[:, :, 1:] - picture[:, :, :-1]).abs().mean()
    return vertical + (picture[:, :, :, 1:] - picture[:, :, :, :-1]).abs().mean()
