"""The photograph's colours on the painting's light and dark."""

import numpy as np

from core.color.spaces import XYZ_TO_RGB, cube, linear_to_srgb, srgb_to_lab

Array = np.ndarray

_HALVINGS = 7
_SLACK = 1e-3


def keep_colors(painted: Array, photo: Array, share: float) -> Array:
    """Move the painting's a* and b* to the photograph's; its L* stays, as far as there is room.

    Where a colour does not exist at the painted lightness (no yellow is as dark as a blue), the
    lightness, not the colour, gives way: towards the photograph's own, where the colour exists,
    and no further than it must.

    Args:
        painted, photo: sRGB-encoded float32 (3, h, w), 0..1.
        share: 0 the painting's colours .. 1 the photograph's.

    Returns:
        sRGB-encoded float32 (3, h, w), 0..1.
    """
    if not share:
        return painted
    new, old = (srgb_to_lab(_last(planes)).reshape(-1, 3) for planes in (painted, photo))
    towards = (old[:, 0] - new[:, 0]) * np.float32(share)
    new[:, 1:] += (old[:, 1:] - new[:, 1:]) * np.float32(share)
    linear = _linear(new)
    outside = np.flatnonzero(_is_outside(linear))
    if len(outside):
        linear[outside] = _moved_inside(new[outside], towards[outside])
    encoded = linear_to_srgb(np.clip(linear, 0, 1, out=linear))
    return np.ascontiguousarray(encoded.reshape(*painted.shape[1:], 3).transpose(2, 0, 1))


def _moved_inside(lab: Array, towards: Array) -> Array:
    """Linear light of colours whose L* is moved by the least share of `towards` that does."""
    low, high = np.zeros(len(lab), np.float32), np.ones(len(lab), np.float32)
    moved = lab.copy()
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        moved[:, 0] = lab[:, 0] + towards * middle
        outside = _is_outside(_linear(moved))
        low, high = np.where(outside, middle, low), np.where(outside, high, middle)
    moved[:, 0] = lab[:, 0] + towards * high
    return _linear(moved)


def _is_outside(linear: Array) -> Array:
    return (linear.min(axis=1) < -_SLACK) | (linear.max(axis=1) > 1 + _SLACK)


def _linear(lab: Array) -> Array:
    """L*, a*, b* (n, 3) -> linear light (n, 3), not clipped."""
    y = (lab[:, 0] + 16) / 116
    f = np.stack((y + lab[:, 1] / 500, y, y - lab[:, 2] / 200), axis=1)
    return cube(f) @ XYZ_TO_RGB.T.astype(lab.dtype)


def _last(planes: Array) -> Array:
    """(3, h, w) -> (h, w, 3), float32."""
    return np.ascontiguousarray(planes.transpose(1, 2, 0), np.float32)
