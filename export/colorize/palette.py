"""The colours that the colouriser chooses among, and how much each counts."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from export.data.pictures import Pictures
from export.networks.colorizer import Colorizer
from export.training import losses
from export.training.color import srgb_to_lab


def sample_colors(
    pictures: Pictures, training: list[int], size: int, saturation: float, seed: int
) -> Tensor:
    """ab (M, 2) of the training pictures at a quarter of their size, as the targets are."""
    rng = np.random.default_rng(seed)
    chosen = rng.choice(training, min(len(training), 1500), replace=False)
    rgb = pictures.crops(rng, chosen, size).float() / 255
    ab = F.avg_pool2d(srgb_to_lab(rgb)[:, 1:], Colorizer.downscale) * saturation
    return ab.permute(0, 2, 3, 1).reshape(-1, 2)


def make_palette(ab: Tensor, count: int, seed: int) -> Tensor:
    """k-means colours (count, 2) of ab (M, 2). Grey is so common that points near it are thinned
    out first."""
    random = torch.Generator().manual_seed(seed)
    chroma = ab.norm(dim=1)
    kept = torch.rand(len(ab), generator=random) < (0.05 + chroma / 60)
    points = ab[kept]
    points = points[torch.randperm(len(points), generator=random)[:60_000]]
    return losses.kmeans(points, count, random)


def color_weights(palette: Tensor, ab: Tensor, rebalancing: float) -> Tensor:
    """Rebalancing weights (K) from how often each palette colour is the nearest of ab (M, 2)."""
    nearest = torch.cdist(ab, palette).argmin(dim=1)
    frequency = torch.bincount(nearest, minlength=len(palette)).float()
    return losses.rebalancing_weights(frequency, rebalancing)
