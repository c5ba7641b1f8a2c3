"""The style booster of painters: colours and texture like theirs, before the game finds them.

Distance of the painted squares' VGG19 statistics from those of all works that are trained on, as in
export.style.train_style: mean, deviation and covariance of every channel, relu1_1 to relu3_1. All
works count as one picture, and so do the squares of the last steps: a dark square may stay dark,
and a sky need not have the painter's reds, if others have them.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
import torch.nn.functional as F
from torch import Tensor

from export.networks.vgg import VGG19

LAYERS = ("relu1_1", "relu2_1", "relu3_1")
COVARIANCE_WEIGHT = 3.0  # against 1.0 for means and deviations: train_style's own weights
Moments = dict[str, tuple[Tensor, Tensor]]  # per layer: mean (C), mean of products (C, C)


def moments(features: dict[str, Tensor]) -> Moments:
    """First and second moments over all pixels of all pictures, (N, C, H, W) per layer."""
    found = {}
    for layer in LAYERS:
        flat = features[layer].float().transpose(0, 1).flatten(1)
        found[layer] = flat.mean(dim=1), flat @ flat.T / flat.shape[1]
    return found


@torch.no_grad()
def moments_of_works(vgg: VGG19, works: Iterable[Tensor]) -> Moments:
    """Averages over the works (1, 3, H, W) in [0, 1], at least one; each counts alike."""
    sums: Moments = {}
    count = 0
    for work in works:
        count += 1
        for layer, found in moments(vgg(work, LAYERS)).items():
            before = sums.get(layer, (torch.zeros(()), torch.zeros(())))
            sums[layer] = before[0] + found[0], before[1] + found[1]
    return {layer: (mean / count, square / count) for layer, (mean, square) in sums.items()}


def distance(found: Moments, wanted: Moments) -> Tensor:
    """Weighted distance of covariances, and of means and deviations, summed over the layers.

    The former is relative to the works' own size, so that every layer counts alike.
    """
    total = torch.zeros(())
    for layer, (mean, square) in found.items():
        covariance = square - torch.outer(mean, mean)
        other_mean, other_square = wanted[layer]
        other = other_square - torch.outer(other_mean, other_mean)
        deviation, other_deviation = (
            x.diagonal().clamp_min(0).add(1e-6).sqrt() for x in (covariance, other)
        )
        total = total + COVARIANCE_WEIGHT * (covariance - other).norm() / other.norm()
        total = total + F.mse_loss(mean, other_mean) + F.mse_loss(deviation, other_deviation)
    return total


class Booster:
    """The loss, and its memory of the last steps' squares.

    Of the statistics compared, the share `memory` in [0, 1) is the past's; what is left for the
    present batch is scaled back to a whole gradient.
    """

    def __init__(self, wanted: Moments, memory: float) -> None:
        self._wanted, self._memory = wanted, memory
        self._past: Moments | None = None

    def loss(self, features: dict[str, Tensor]) -> Tensor:
        """Distance of the painted squares' features (N, C, H, W), relu1_1 to relu3_1."""
        present, share = moments(features), self._memory if self._past else 0.0
        past = self._past or present
        mixed: Moments = {}
        for layer, (mean, square) in present.items():
            mixed[layer] = (
                share * past[layer][0] + (1 - share) * mean,
                share * past[layer][1] + (1 - share) * square,
            )
        self._past = {
            layer: (mean.detach(), square.detach()) for layer, (mean, square) in mixed.items()
        }
        found = distance(mixed, self._wanted)
        # the value stays the distance; only its gradient, 1 - share of a whole one, is restored
        return found.detach() + (found - found.detach()) / (1 - share)

    def state(self) -> dict[str, tuple[Tensor, Tensor]]:
        """For the checkpoint."""
        return self._past or {}

    def restore(self, state: dict[str, tuple[Tensor, Tensor]]) -> None:
        """Goes on with what `state` returned."""
        self._past = dict(state) or None
