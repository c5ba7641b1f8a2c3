"""Colours that the user paints on places of the picture, and how far they reach.

A hint picture has any size and lies anywhere on the picture. It is reduced by area to the size at
which colour is predicted. Networks that take hints get them; what the hints tell of the rest of
the picture is carried there (core.colorize.kriging). Then, with every network, also one that knows
nothing of hints, the colours that came out are held to what was asked: exactly where it was asked,
and along ways without edges of lightness (core.raster.geodesic) as far as the thing goes.
"""

from dataclasses import dataclass

import numpy as np

from core.color import spaces
from core.color.luminance import decode_table
from core.image import Image
from core.raster.bands import chunk_rows
from core.raster.geodesic import nearest_start
from core.raster.resample import area_resize, area_taps, box_mean
from core.request.work import Other

Array = np.ndarray

REACH = 30.0
"""Distance in L* at which a hint has faded to 1/e."""

NETWORK_REACH = 30.0
"""The same for what a network makes of it. Networks tint the whole picture after a single hint:
they learnt from hints that were the truth, where one tells of all.
"""

STEP = 0.15
"""What a pixel of way costs, in L*, at the work size."""

LEAST = 0.02
"""Strength below which a hint is none."""

SAME = 3 / 255
"""Channel difference up to which an opaque hint pixel shows the picture itself."""

BLEND_RADIUS, BLEND_EPSILON = 8, 16.0


@dataclass(frozen=True, eq=False)
class Hints:
    """Hints at the work size.

    Attributes:
        ab: a* and b* as painted, (2, h, w) float32; zeros where the mask is.
        mask: (h, w) float32, 0 no hint .. 1 to be obeyed exactly.
    """

    ab: Array
    mask: Array


def read_hints(image: Image, other: Other, size: tuple[int, int]) -> Hints | None:
    """Reduce a hint picture to size (width, height) of the whole picture.

    Opaque pixels are hints, half-transparent ones weigh less. A hint picture without any
    transparency is taken for a copy of the picture that was painted on: what differs is a hint.

    Returns:
        None where no pixel of it is a hint.
    """
    width, height = size
    sums, columns = _sum_rows(image, other, height)
    if sums is None:
        return None
    whole = np.zeros((5, height, image.width), np.float32)
    whole[..., columns] = sums
    cover, squares, *colors = [area_resize(plane, size) for plane in whole]
    painted = cover > 1e-4
    if not painted.any():
        return None
    least = np.where(painted, cover, 1)
    linear = np.stack(colors, axis=-1) / least[..., None]
    ab = spaces.linear_to_lab(np.clip(linear, 0, 1))[..., 1:]
    # a dab smaller than a pixel here is a whole hint; the edge of a large one is part of one
    mask = np.clip(squares / least * cover / _around(cover), 0, 1) * painted
    mask[mask < LEAST] = 0
    if not mask.any():
        return None
    mask = mask.astype(np.float32)
    return Hints((ab * (mask > 0)[..., None]).transpose(2, 0, 1).astype(np.float32), mask)


def _sum_rows(image: Image, other: Other, height: int) -> tuple[Array | None, slice]:
    """Alpha, its square, and linear red, green, blue times alpha, their rows reduced to height.

    Returns:
        (sums, columns): float32 (5, height, n) of these columns of the picture; None for none.
    """
    hint = other.image
    left, right = max(0, other.x), min(image.width, other.x + hint.width)
    top, bottom = max(0, other.y), min(image.height, other.y + hint.height)
    columns = slice(left, max(left, right))
    if left >= right or top >= bottom:
        return None, columns
    pixels = hint.pixels[top - other.y : bottom - other.y, left - other.x : right - other.x]
    is_copy = not hint.has_alpha or bool((pixels[..., -1] == hint.full).all())
    sums = np.zeros((5, height, right - left), np.float32)
    rows = chunk_rows(right - left)
    for start in range(top, bottom, rows):
        stop = min(start + rows, bottom)
        chunk = pixels[start - top : stop - top]
        if is_copy:
            alpha = _differs(hint, chunk, image, image.pixels[start:stop, columns])
        else:
            alpha = chunk[..., -1] * np.float32(1 / hint.full)
            alpha = np.clip(np.nan_to_num(alpha), 0, 1)
        used = np.flatnonzero(alpha.any(axis=0))
        if not len(used):
            continue
        part = slice(used[0], used[-1] + 1)
        alpha = alpha[:, part]
        light = _linear(hint, chunk[:, part])
        touched, weights = area_taps(image.height, height, start, stop)
        sums[0, touched, part] += weights @ alpha
        sums[1, touched, part] += weights @ (alpha * alpha)
        for channel in range(3):
            sums[2 + channel, touched, part] += weights @ (light[..., channel] * alpha)
    return sums, columns


def _differs(hint: Image, painted: Array, image: Image, original: Array) -> Array:
    """1 where a copy of the picture was painted on, 0 where it is still the picture."""
    colors = [
        pixels[..., : 1 if source.is_grey else 3] * np.float32(1 / source.full)
        for source, pixels in ((hint, painted), (image, original))
    ]
    return (np.abs(colors[0] - colors[1]).max(axis=2) > SAME).astype(np.float32)


def _linear(hint: Image, pixels: Array) -> Array:
    """Linear light (h, w, 3), 0..1."""
    colors = pixels[..., :1] if hint.is_grey else pixels[..., :3]
    if hint.is_float:
        light = spaces.srgb_to_linear(np.clip(np.nan_to_num(colors), 0, 1))
    else:
        light = decode_table(hint.pixels.dtype)[colors]
    return np.broadcast_to(light, (*light.shape[:2], 3))


def _around(cover: Array) -> Array:
    """The largest cover of each pixel and its eight neighbours, at least a little."""
    wide = np.pad(cover, 1)
    height, width = cover.shape
    places = [(y, x) for y in range(3) for x in range(3)]
    found = np.max([wide[y : y + height, x : x + width] for y, x in places], axis=0)
    return np.maximum(found, 1e-4)


@dataclass(frozen=True, eq=False)
class Spread:
    """How far every place is from the hints.

    Attributes:
        hints: what is spread.
        distance: (h, w) along ways without edges, in L*; 0 at a hint of full strength.
        place: (h, w), flat index of the nearest hint.
    """

    hints: Hints
    distance: Array
    place: Array

    def share(self, reach: float = REACH) -> Array:
        """(h, w): 1 at a hint .. 1/e at the reach .. 0 beyond."""
        share = np.exp(-((self.distance / np.float32(reach)) ** 2))
        return np.where(share > LEAST / 10, share, 0)


def spread(hints: Hints, lightness: Array) -> Spread:
    """Hints over a picture of their size, L* (h, w)."""
    strong = hints.mask > 0
    starts = np.full(lightness.shape, np.inf, np.float32)
    starts[strong] = REACH * np.sqrt(-np.log(hints.mask[strong]))
    even = box_mean(box_mean(lightness, 1), 1)  # film grain is no edge
    return Spread(hints, *nearest_start(even, starts, STEP))


def change_for(reached: Spread, lightness: Array, ab: Array) -> Array:
    """What is to be added to predicted colours so that hints are obeyed.

    Args:
        lightness: L* (h, w).
        ab: predicted a* and b* (2, h, w).

    Returns:
        float32 (2, h, w): at a hint of full strength exactly what is missing to its colour,
        as far as sRGB has that at the place's lightness; zeros beyond the hints' reach.
    """
    hints, share = reached.hints, reached.share()
    asked = hints.ab.reshape(2, -1)[:, reached.place]
    asked = np.where(hints.mask > 0, hints.ab, _blended(asked, lightness))
    near = share > 0
    change = np.zeros_like(ab)
    fitting = spaces.fit_gamut(lightness[near], asked[:, near].T).T
    change[:, near] = share[near] * (fitting - ab[:, near])
    return change


def _blended(asked: Array, lightness: Array) -> Array:
    """The nearest hints' colours, their borders softened along the lightness (guided filter)."""
    if np.ptp(asked, axis=(1, 2)).max() < 1:
        return asked
    mean = box_mean(lightness, BLEND_RADIUS)
    variance = box_mean(lightness * lightness, BLEND_RADIUS) - mean * mean
    gain = 1 / (np.maximum(variance, 0) + np.float32(BLEND_EPSILON))
    result = np.empty_like(asked)
    for channel, plane in enumerate(asked):
        middle = box_mean(plane, BLEND_RADIUS)
        slope = (box_mean(lightness * plane, BLEND_RADIUS) - mean * middle) * gain
        offset = box_mean(middle - slope * mean, BLEND_RADIUS)
        result[channel] = box_mean(slope, BLEND_RADIUS) * lightness + offset
    return result
