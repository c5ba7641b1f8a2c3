"""Lines from colour pictures, and what pens, paper and scanners do to drawn lines.

Ink is (N, 1, H, W): 0 paper to 1 ink. "A single line type overfits" (adeleine), so kinds are
mixed from picture to picture: XDoG (Winnemöller 2012, doi 10.1016/j.cag.2012.03.004), the
difference to the dilated picture, and soft Canny edges.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

LUMA = (0.299, 0.587, 0.114)


def extract_lines(rgb: Tensor, random: torch.Generator) -> Tensor:
    """Lines of pictures (N, 3, H, W), sRGB in [0, 1]: of each picture by another random kind."""
    kinds = (xdog, dilation_difference, soft_canny)
    picks = torch.randint(len(kinds), (len(rgb),), generator=random).tolist()
    drawn = [kinds[pick](rgb[index : index + 1], random) for index, pick in enumerate(picks)]
    return torch.cat(drawn)


def xdog(rgb: Tensor, random: torch.Generator) -> Tensor:
    """Extended difference of Gaussians of luma, its dark side as ink; sigma .5 to 1.2."""
    sigma = _uniform(random, 0.5, 1.2)
    sharpness = _uniform(random, 8.0, 30.0)
    steepness = _uniform(random, 8.0, 40.0)
    luma = _luma(rgb)
    fine, coarse = blur(luma, sigma), blur(luma, 1.6 * sigma)
    response = fine + sharpness * (fine - coarse)
    threshold = _uniform(random, 0.1, 0.45)
    tone = 1 + torch.tanh(steepness * (response - threshold)).clamp(max=0)
    return (1 - tone).clamp(0, 1)


def dilation_difference(rgb: Tensor, random: torch.Generator) -> Tensor:
    """How much brighter the brightest neighbour is, in any channel, stretched to full ink."""
    smooth = blur(rgb, _uniform(random, 0.4, 1.2))
    size = 3 if _uniform(random, 0, 1) < 0.7 else 5
    difference = F.max_pool2d(smooth, size, 1, size // 2) - smooth
    ink = difference.amax(dim=1, keepdim=True)
    peak = ink.flatten(1).quantile(0.97, dim=1).view(-1, 1, 1, 1).clamp_min(0.05)
    low = _uniform(random, 0.15, 0.4)
    return ((ink / peak - low) / (1 - low)).clamp(0, 1)


def soft_canny(rgb: Tensor, random: torch.Generator) -> Tensor:
    """Gradient of luma and colour, thinned to its ridges, as thin soft lines."""
    smooth = blur(rgb, _uniform(random, 0.6, 1.6))
    across = F.pad(smooth, (1, 1, 0, 0), mode="replicate")
    down = F.pad(smooth, (0, 0, 1, 1), mode="replicate")
    dx = (across[..., 2:] - across[..., :-2]) / 2
    dy = (down[..., 2:, :] - down[..., :-2, :]) / 2
    size = (dx**2 + dy**2).sqrt().amax(dim=1, keepdim=True)
    upright = (dx.abs() > dy.abs()).any(dim=1, keepdim=True)
    ridge = torch.where(
        upright,
        size >= F.max_pool2d(size, (1, 3), 1, (0, 1)),
        size >= F.max_pool2d(size, (3, 1), 1, (1, 0)),
    )
    peak = size.flatten(1).quantile(0.97, dim=1).view(-1, 1, 1, 1).clamp_min(0.02)
    low = _uniform(random, 0.2, 0.5)
    ink = ((size / peak - low) / (1 - low)).clamp(0, 1).sqrt() * ridge
    return (1.6 * blur(ink, _uniform(random, 0.3, 0.6))).clamp(0, 1)


def draw(ink: Tensor, random: torch.Generator) -> Tensor:
    """Ink as some pen, paper and scanner would have it: width, gaps, darkness, grain, tint.

    A quarter of the pictures stay as they are.
    """
    count = len(ink)

    def uniform(low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(count, 1, 1, 1, generator=random)

    def sometimes(chance: float) -> Tensor:
        return (torch.rand(count, 1, 1, 1, generator=random) < chance).float()

    clean = ink
    wide = F.max_pool2d(ink, 3, 1, 1)
    thin = -F.max_pool2d(-ink, 3, 1, 1)
    ink = _mix(ink, wide, sometimes(0.25) * uniform(0.3, 1))
    ink = _mix(ink, thin, sometimes(0.2) * uniform(0.2, 0.7))
    ink = ink * (1 - sometimes(0.35) * gaps(ink, random))
    ink = _mix(ink, blur(ink, 0.7), sometimes(0.3))
    ink = ink * _mix(torch.ones_like(ink), uniform(0.25, 1.0), sometimes(0.5))
    texture = blur(torch.randn(ink.shape, generator=random), 0.6)
    ink = ink * (1 - sometimes(0.3) * (texture * 0.8).clamp(0, 0.8))
    paper = blur(torch.randn(count, 1, 8, 8, generator=random), 0.8)
    paper = F.interpolate(paper, size=ink.shape[-2:], mode="bilinear", align_corners=False)
    ink = ink + sometimes(0.25) * (uniform(0, 0.1) + 0.06 * paper)
    ink = ink + sometimes(0.3) * uniform(0, 0.05) * torch.randn(ink.shape, generator=random)
    return _mix(ink.clamp(0, 1), clean, sometimes(0.25))


def gaps(ink: Tensor, random: torch.Generator, most: int = 12) -> Tensor:
    """1 in small discs at random places of lines, else 0: where the pen was lifted."""
    holes = torch.zeros_like(ink)
    for index in range(len(ink)):
        places = torch.nonzero(ink[index, 0] > 0.4)
        if not len(places):
            continue
        count = int(torch.randint(1, most + 1, (1,), generator=random))
        picks = places[torch.randint(len(places), (count,), generator=random)]
        holes[index, 0, picks[:, 0], picks[:, 1]] = 1
    radius = int(torch.randint(1, 3, (1,), generator=random))
    return F.max_pool2d(holes, 2 * radius + 1, 1, radius)


def blur(picture: Tensor, sigma: float) -> Tensor:
    """Gaussian blur of (N, C, H, W), edges repeated; sigma in pixels."""
    radius = max(1, math.ceil(2.5 * sigma))
    taps = torch.exp(-(torch.arange(-radius, radius + 1.0) ** 2) / (2 * sigma**2))
    taps = (taps / taps.sum()).to(picture)
    channels = picture.shape[1]
    across = taps.view(1, 1, 1, -1).expand(channels, 1, 1, -1)
    picture = F.pad(picture, (radius,) * 4, mode="replicate")
    picture = F.conv2d(picture, across, groups=channels)
    return F.conv2d(picture, across.transpose(2, 3), groups=channels)


def _luma(rgb: Tensor) -> Tensor:
    return (rgb * rgb.new_tensor(LUMA).view(1, 3, 1, 1)).sum(dim=1, keepdim=True)


def _uniform(random: torch.Generator, low: float, high: float) -> float:
    return low + (high - low) * float(torch.rand(1, generator=random))


def _mix(first: Tensor, second: Tensor, amount: Tensor) -> Tensor:
    return first + (second - first) * amount
