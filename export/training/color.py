"""Colour conversions on tensors, for training. The same definitions as core/color/spaces.py.

sRGB of IEC 61966-2-1, CIE 1976 L*a*b* with the D65 white of the 2 degree observer. Axis order
is NCHW throughout.
"""

from __future__ import annotations

import torch
from torch import Tensor

RGB_TO_XYZ = (
    (0.4124564, 0.3575761, 0.1804375),
    (0.2126729, 0.7151522, 0.0721750),
    (0.0193339, 0.1191920, 0.9503041),
)
LUMINANCE = RGB_TO_XYZ[1]
# CIE 15: the cube root is replaced by a line below (6/29)**3.
EPSILON = (6 / 29) ** 3
KAPPA = (29 / 6) ** 2 / 3


def srgb_to_linear(rgb: Tensor) -> Tensor:
    """Encoded sRGB in [0, 1] -> linear light in [0, 1], any shape."""
    return torch.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055).clamp_min(0) ** 2.4)


def linear_to_srgb(linear: Tensor) -> Tensor:
    """Linear light -> encoded sRGB, clipped to [0, 1], any shape."""
    linear = linear.clamp(0.0, 1.0)
    # The power's slope at 0 is infinite: without the inner limit, its unused branch makes NaN.
    power = 1.055 * linear.clamp_min(0.0031308) ** (1 / 2.4) - 0.055
    return torch.where(linear <= 0.0031308, linear * 12.92, power)


def luminance_to_lightness(luminance: Tensor) -> Tensor:
    """Relative luminance Y in [0, 1] -> CIE L* in [0, 100], any shape."""
    return 116.0 * _cube_root(luminance) - 16.0


def srgb_to_lab(rgb: Tensor) -> Tensor:
    """Encoded sRGB (N, 3, H, W) in [0, 1] -> Lab (N, 3, H, W): L* in [0, 100], ab in CIE units."""
    return linear_to_lab(srgb_to_linear(rgb))


def linear_to_lab(linear: Tensor) -> Tensor:
    """Linear light (N, 3, H, W) in [0, 1] -> Lab, as `srgb_to_lab`."""
    matrix = linear.new_tensor(RGB_TO_XYZ)
    matrix = matrix / matrix.sum(dim=1, keepdim=True)  # white (1, 1, 1) -> (1, 1, 1)
    ratios = torch.einsum("ij,njhw->nihw", matrix, linear)
    fx, fy, fz = _cube_root(ratios).unbind(dim=1)
    return torch.stack((116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)), dim=1)


def lab_to_srgb(lab: Tensor) -> Tensor:
    """Lab (N, 3, H, W) -> encoded sRGB (N, 3, H, W), clipped to [0, 1]."""
    lightness, a, b = lab.unbind(dim=1)
    fy = (lightness + 16) / 116
    ratios = torch.stack((fy + a / 500, fy, fy - b / 200), dim=1)
    ratios = torch.where(ratios > 6 / 29, ratios**3, (ratios - 4 / 29) / KAPPA)
    matrix = lab.new_tensor(RGB_TO_XYZ)
    inverse = torch.linalg.inv(matrix / matrix.sum(dim=1, keepdim=True))
    return linear_to_srgb(torch.einsum("ij,njhw->nihw", inverse, ratios))


def _cube_root(ratio: Tensor) -> Tensor:
    return torch.where(ratio > EPSILON, ratio.clamp_min(EPSILON) ** (1 / 3), KAPPA * ratio + 4 / 29)
