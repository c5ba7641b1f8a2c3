"""CIEDE2000: how different two colours look (CIE 142; Sharma 2005, doi 10.1002/col.20070)."""

from __future__ import annotations

import numpy as np

from core.color import srgb_to_lab

Array = np.ndarray


def delta_e_2000(first: Array, second: Array) -> Array:
    """Colour difference of Lab arrays (..., 3), D65: (...), 0 for equal ones. Broadcasts."""
    first, second = np.asarray(first, np.float64), np.asarray(second, np.float64)
    mean_chroma = (
        np.hypot(first[..., 1], first[..., 2]) + np.hypot(second[..., 1], second[..., 2])
    ) / 2
    stretch = 1.5 - 0.5 * np.sqrt(mean_chroma**7 / (mean_chroma**7 + 25.0**7))
    chroma1, hue1 = _chroma_and_hue(first, stretch)
    chroma2, hue2 = _chroma_and_hue(second, stretch)
    both = chroma1 * chroma2 > 0
    turn = np.where(both, (hue2 - hue1 + 180) % 360 - 180, 0)
    # Opposite hues: the way round is a convention, the smaller hue first.
    turn = np.where(both & (np.abs(hue2 - hue1) == 180), hue2 - hue1, turn)
    middle = np.where(np.abs(hue1 - hue2) <= 180, (hue1 + hue2) / 2, (hue1 + hue2 + 360) / 2 % 360)
    middle = np.where(both, middle, hue1 + hue2)
    lightness, chroma = (first[..., 0] + second[..., 0]) / 2, (chroma1 + chroma2) / 2
    tone = (
        1
        - 0.17 * _cos(middle - 30)
        + 0.24 * _cos(2 * middle)
        + 0.32 * _cos(3 * middle + 6)
        - 0.20 * _cos(4 * middle - 63)
    )
    scale_l = 1 + 0.015 * (lightness - 50) ** 2 / np.sqrt(20 + (lightness - 50) ** 2)
    scale_c, scale_h = 1 + 0.045 * chroma, 1 + 0.015 * chroma * tone
    angle = 60 * np.exp(-(((middle - 275) / 25) ** 2))
    bend = 2 * np.sqrt(chroma**7 / (chroma**7 + 25.0**7))
    twist = -bend * np.sin(np.radians(angle))
    dl = (second[..., 0] - first[..., 0]) / scale_l
    dc = (chroma2 - chroma1) / scale_c
    dh = 2 * np.sqrt(chroma1 * chroma2) * np.sin(np.radians(turn / 2)) / scale_h
    return np.sqrt(np.maximum(dl**2 + dc**2 + dh**2 + twist * dc * dh, 0))


def srgb_difference(first: Array, second: Array) -> Array:
    """CIEDE2000 of encoded sRGB arrays (..., 3) in [0, 1]."""
    return delta_e_2000(srgb_to_lab(first), srgb_to_lab(second))


def _chroma_and_hue(lab: Array, stretch: Array) -> tuple[Array, Array]:
    """Chroma and hue in degrees [0, 360), with a* stretched."""
    a, b = lab[..., 1] * stretch, lab[..., 2]
    return np.hypot(a, b), np.degrees(np.arctan2(b, a)) % 360


def _cos(degrees: Array) -> Array:
    return np.cos(np.radians(degrees))
