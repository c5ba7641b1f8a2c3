"""Where each pixel was in an earlier frame, and how far that can be believed. NumPy alone.

Optical flow from coarse to fine after Lucas and Kanade ("An iterative image registration technique
with an application to stereo vision", IJCAI 1981), in a window around every pixel. Films take
OpenCV's faster one (core/film/dis_flow.py), which an installation without the extra `film` lacks.

A pixel is believed where the way there and back ends where it began, and where the lightness met
there is its own (occlusions, flashes and cuts fail one of the two).
"""

from dataclasses import dataclass

import numpy as np

from core.raster.resample import area_resize, bilinear_resize, box_mean

Array = np.ndarray

MOST_RETURN = 0.6
"""Pixels off after the way there and back, at which belief has dropped to exp(-1/2)."""

MOST_CHANGE = 6.0
"""Units of L* between a pixel and where it came from, likewise."""

_WINDOW = 5
"""Radius in pixels of the window that moves as one."""

_STEPS = 2
"""Refinements of the motion at each size."""

_LEAST_SIDE = 12
"""Shorter side of the smallest size."""

_RIDGE = 3.0
"""Added to the squared slopes: what has no texture stays where the coarser size put it."""

_ROWS = 256


@dataclass(frozen=True, eq=False)
class Motion:
    """The way from a frame to an earlier one.

    Attributes:
        there: float32 (h, w, 2), x and y of each pixel in the earlier frame.
        belief: float32 (h, w), 0..1.
    """

    there: Array
    belief: Array

    def carry(self, planes: Array) -> Array:
        """Planes (n, h, w) of the earlier frame, moved to where they are now."""
        return _remap_cubic(planes, self.there)

    def enlarged(self, size: tuple[int, int]) -> "Motion":
        """The same motion for frames of size (width, height)."""
        height, width = self.belief.shape
        scale = np.array([size[0] / width, size[1] / height], np.float32)
        moved = _resize(self.there - grid(self.belief.shape), size)
        return Motion(moved * scale + grid((size[1], size[0])), bilinear_resize(self.belief, size))


def find_motion(lightness: Array, earlier: Array) -> Motion:
    """The motion between two frames' L* (h, w), 0..100, of one size."""
    now, before = _pyramid(lightness), _pyramid(earlier)
    back, forth = _flow(now, before), _flow(before, now)
    there = grid(lightness.shape) + back
    returned = back + remap(forth, there)
    change = box_mean(lightness - remap(earlier, there), 1)
    return Motion(there, belief_in(there, returned, change))


def belief_in(there: Array, returned: Array, change: Array) -> Array:
    """How far a motion is believed, float32 (h, w), 0..1.

    Args:
        there: (h, w, 2), see Motion.
        returned: (h, w, 2), pixels off after the way there and back.
        change: (h, w), L* of each pixel less that of where it was.
    """
    error = (returned**2).sum(axis=2) / np.float32(MOST_RETURN**2)
    error += change**2 / np.float32(MOST_CHANGE**2)
    height, width = change.shape
    outside = (there < -1).any(axis=2) | (there[..., 0] > width) | (there[..., 1] > height)
    belief = np.exp(-0.5 * error)
    belief[outside] = 0
    return belief


def grid(shape: tuple[int, ...]) -> Array:
    """(h, w, 2): x and y of each pixel, float32."""
    x, y = np.meshgrid(np.arange(shape[1]), np.arange(shape[0]))
    return np.stack((x, y), axis=2).astype(np.float32)


def remap(values: Array, there: Array) -> Array:
    """Values (h, w) or (h, w, n) read at there (h, w, 2); beyond the edge the edge goes on."""
    height, width = values.shape[:2]
    flat = values.reshape(height * width, -1)
    corner, (across, down) = _split(there, width, height)
    x0, x1 = (np.clip(corner[0] + i, 0, width - 1) for i in (0, 1))
    y0, y1 = (np.clip(corner[1] + i, 0, height - 1) * width for i in (0, 1))
    above = flat[y0 + x0] * (1 - across) + flat[y0 + x1] * across
    below = flat[y1 + x0] * (1 - across) + flat[y1 + x1] * across
    return (above * (1 - down) + below * down).reshape(there.shape[:2] + values.shape[2:])


def _remap_cubic(planes: Array, there: Array) -> Array:
    """The same for planes (n, h, w), by Keys' cubic convolution (a = -1/2), which keeps edges."""
    count, height, width = planes.shape
    flat = np.ascontiguousarray(planes.reshape(count, -1).T)
    result = np.empty((count, *there.shape[:2]), np.float32)
    for top in range(0, there.shape[0], _ROWS):
        part = there[top : top + _ROWS]
        corner, (across, down) = _split(part, width, height)
        columns = [np.clip(corner[0] + i, 0, width - 1) for i in (-1, 0, 1, 2)]
        sums = np.zeros((len(corner[0]), count), np.float32)
        for row, weight in zip((-1, 0, 1, 2), _keys(down), strict=True):
            start = np.clip(corner[1] + row, 0, height - 1) * width
            line = sum(flat[start + x] * w for x, w in zip(columns, _keys(across), strict=True))
            sums += line * weight
        result[:, top : top + _ROWS] = sums.T.reshape(count, *part.shape[:2])
    return result


def _split(there: Array, width: int, height: int) -> tuple[Array, tuple[Array, Array]]:
    """Whole and broken part of places: int (2, h * w), and two float32 (h * w, 1)."""
    places = np.clip(there.reshape(-1, 2), 0, np.array([width - 1, height - 1], np.float32)).T
    corner = places.astype(np.int64)
    rest = (places - corner).astype(np.float32)[..., None]
    return corner, (rest[0], rest[1])


def _keys(t: Array) -> list[Array]:
    """Weights of the four neighbours at -1, 0, 1, 2 for a place at t, 0..1."""
    half = np.float32(0.5)
    return [
        half * (-t + 2 * t**2 - t**3),
        half * (2 - 5 * t**2 + 3 * t**3),
        half * (t + 4 * t**2 - 3 * t**3),
        half * (t**3 - t**2),
    ]


def _pyramid(lightness: Array) -> list[Array]:
    """The frame and its halves, smallest last; local means taken out, which light changes."""
    levels = [lightness.astype(np.float32)]
    while min(levels[-1].shape) >= 2 * _LEAST_SIDE:
        height, width = levels[-1].shape
        levels.append(area_resize(levels[-1], (width // 2, height // 2)))
    return [level - box_mean(level, 2 * _WINDOW) for level in levels]


def _flow(now: list[Array], before: list[Array]) -> Array:
    """Motion (h, w, 2) in pixels: what is at p now was at p + motion before."""
    motion = np.zeros((*now[-1].shape, 2), np.float32)
    for level, other in zip(reversed(now), reversed(before), strict=True):
        height, width = level.shape
        if motion.shape[:2] != (height, width):
            scale = np.array([width, height], np.float32) / motion.shape[1::-1]
            motion = _resize(motion, (width, height)) * scale.astype(np.float32)
        places = grid(level.shape)
        for _ in range(_STEPS):
            motion = motion + _step(level, remap(other, places + motion))
        motion = np.stack([box_mean(motion[..., i], 2) for i in (0, 1)], axis=2)
    return motion


def _step(level: Array, met: Array) -> Array:
    """What the motion lacks, by least squares in each pixel's window; at most a pixel."""
    down, across = np.gradient(np.asarray((level + met) / 2), axis=(0, 1))
    change = level - met
    pairs = (across, across), (down, down), (across, down)
    xx, yy, xy = (box_mean(np.multiply(a, b), _WINDOW) for a, b in pairs)
    xt, yt = box_mean(across * change, _WINDOW), box_mean(down * change, _WINDOW)
    xx, yy = xx + _RIDGE, yy + _RIDGE
    determinant = xx * yy - xy**2
    step = np.stack((yy * xt - xy * yt, xx * yt - xy * xt), axis=2) / determinant[..., None]
    return np.clip(step, -1, 1)


def _resize(vectors: Array, size: tuple[int, int]) -> Array:
    """(h, w, 2) to (height, width, 2), its values as they are."""
    return np.stack([bilinear_resize(vectors[..., i], size) for i in (0, 1)], axis=2)
