"""Old photographs from new ones: what film, lenses, scans and time do to lightness.

Only the network's input is degraded; the colours it must predict stay clean.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from export.training.color import LUMINANCE, luminance_to_lightness


def degrade(linear: Tensor, random: torch.Generator, share: float = 1.0) -> Tensor:
    """Linear light (N, 3, H, W) in [0, 1] -> lightness L* (N, 1, H, W) in [0, 100].

    `random` lives on the pictures' device. A `share` of the pictures may be degraded; each kind
    of damage hits some of them, so that clean photographs stay the best known case.
    """
    count, device = linear.shape[0], linear.device
    if share <= 0:
        return _film(linear, random, mixed=linear.new_zeros(count, 1, 1, 1))

    def uniform(low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(count, 1, 1, 1, generator=random, device=device)

    def sometimes(chance: float) -> Tensor:
        return (
            torch.rand(count, 1, 1, 1, generator=random, device=device) < chance * share
        ).float()

    grey = _film(linear, random, mixed=sometimes(0.35)) / 100.0
    grey = _some(grey, _blur, uniform(0.0, 1.0), sometimes(0.25)).clamp(1e-4, 1.0)
    grey = _some(grey, torch.pow, torch.exp(uniform(-0.4, 0.4)), sometimes(0.5))
    low, high = uniform(0.0, 0.2), uniform(0.8, 1.0)
    grey = _mix(grey, low + (high - low) * grey, sometimes(0.3))
    contrast = (grey - 0.5) * uniform(1.0, 1.3) + 0.5
    grey = _mix(grey, contrast, sometimes(0.2))
    grain = torch.randn(grey.shape, generator=random, device=device) * uniform(0.0, 0.05)
    grey = grey + grain * sometimes(0.4)
    hit = sometimes(0.15)
    grey = _some(grey, _blocks, uniform(0.0, 1.0), hit)
    return grey.clamp(0.0, 1.0) * 100.0


def _film(linear: Tensor, random: torch.Generator, mixed: Tensor) -> Tensor:
    """L* through the eye's luminance, or where `mixed` is 1 through some film's own sensitivity.

    Orthochromatic film hardly sees red: its red weight is drawn down to nothing.
    """
    weights = torch.rand(linear.shape[0], 3, generator=random, device=linear.device)
    weights = weights + linear.new_tensor((0.0, 0.3, 0.1))
    weights = weights / weights.sum(dim=1, keepdim=True)
    eye = linear.new_tensor(LUMINANCE).expand_as(weights)
    chosen = torch.where(mixed[:, :, 0, 0] > 0, weights, eye)
    luminance = torch.einsum("nc,nchw->nhw", chosen, linear)[:, None]
    return luminance_to_lightness(luminance)


def _blur(grey: Tensor, amount: Tensor) -> Tensor:
    """Binomial 5x5 blur, blended by `amount` (N, 1, 1, 1) in [0, 1]."""
    taps = grey.new_tensor((1.0, 4.0, 6.0, 4.0, 1.0)) / 16
    kernel = torch.outer(taps, taps)[None, None]
    return _mix(grey, F.conv2d(F.pad(grey, (2, 2, 2, 2), mode="replicate"), kernel), amount)


def _blocks(grey: Tensor, amount: Tensor) -> Tensor:
    """Coarse quantisation in 8x8 blocks: the flatness and edges of strong JPEG compression.

    Blended by `amount` (N, 1, 1, 1) in [0, 1].
    """
    mean = F.avg_pool2d(grey, 8)
    rough = F.interpolate(mean, size=grey.shape[-2:], mode="nearest")
    return _mix(grey, rough + torch.round((grey - rough) * 12) / 12, amount)


def _some(
    grey: Tensor, change: Callable[[Tensor, Tensor], Tensor], amount: Tensor, hit: Tensor
) -> Tensor:
    """`change` by its own `amount`, of the pictures where `hit` (N, 1, 1, 1) is 1 alone."""
    chosen = hit.flatten().nonzero().flatten()
    return grey.index_copy(0, chosen, change(grey[chosen], amount[chosen]))


def _mix(first: Tensor, second: Tensor, amount: Tensor) -> Tensor:
    return first + (second - first) * amount
