"""The sketch colouriser's palette, and how often its colours are wanted."""

from __future__ import annotations

import torch
from torch import Tensor

from export.training import losses
from export.training.color import lab_to_srgb, srgb_to_lab

PLAIN_SHARE = 0.02  # share of white that counts when colours are clustered


def nearest_colors(rgb: Tensor, palette: Tensor) -> Tensor:
    """Indices (N, h, w) of the palette colours (K, 3) nearest in Lab to (N, 3, h, w), both sRGB."""
    lab = lab_points(rgb)
    nearest = torch.cdist(lab, _as_lab(palette)).argmin(dim=1)
    return nearest.view(rgb.shape[0], *rgb.shape[2:])


def lab_points(rgb: Tensor) -> Tensor:
    """sRGB (N, 3, h, w) as Lab (N * h * w, 3)."""
    return srgb_to_lab(rgb).permute(0, 2, 3, 1).reshape(-1, 3)


def make_palette(lab: Tensor, size: int, random: torch.Generator) -> Tensor:
    """k-means colours (size, 3), sRGB, of Lab (M, 3); the last one is white paper.

    White is so common that it is thinned out first.
    """
    plain = (lab[:, 0] > 97) & (lab[:, 1:].norm(dim=1) < 3)
    points = lab[~plain | (torch.rand(len(lab), generator=random) < PLAIN_SHARE)]
    points = points[torch.randperm(len(points), generator=random)[:40_000]]
    centres = losses.kmeans(points, size - 1, random)
    centres = torch.cat((centres, centres.new_tensor([[100.0, 0, 0]])))
    return lab_to_srgb(centres[:, :, None, None])[:, :, 0, 0]


def color_weights(palette: Tensor, lab: Tensor, rebalancing: float) -> Tensor:
    """Rebalancing weights (K) from how often each palette colour is the nearest of Lab (M, 3)."""
    nearest = torch.cdist(lab, _as_lab(palette)).argmin(dim=1)
    frequency = torch.bincount(nearest, minlength=len(palette)).float()
    return losses.rebalancing_weights(frequency, rebalancing)


def _as_lab(palette: Tensor) -> Tensor:
    return srgb_to_lab(palette[:, :, None, None])[:, :, 0, 0]
