"""The brush: the painter sees the picture reduced, and what it paints is brought to full size.

A network's strokes are so many pixels wide, whatever the picture; reducing the picture first makes
them broader, and the work less. Enlarged alone, the result would be as soft as the reduction. So
the fine part of the photograph's own luma, which the reduction took away, is given back: in full
where the painting follows the photograph's light and dark (by the slope of one over the other in
small windows, as in a guided filter), in part elsewhere. Everything is done in parts of the
picture, which are computed alike wherever they are cut.
"""

import math
from dataclasses import dataclass

import numpy as np

from core.raster.resample import box_mean
from core.style.painter_input import Source
from core.style.tiling import Rect

Array = np.ndarray

LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)
"""Weights of encoded red, green and blue (BT.709)."""

REACH = 8
"""Rows of the small picture on both sides that `Enlarger` looks at."""

AUTO_PIXELS = 3_000_000
"""The picture that the painter sees by default has at most about as many."""

_RADIUS = 2
_FLOOR = np.float32(1e-4)
_LEAST_DETAIL, _MOST_DETAIL = 0.6, 1.25
_BLOCK = 128


@dataclass(frozen=True)
class Grid:
    """A picture and its reduction, sizes in pixels; `small` is what the painter sees."""

    width: int
    height: int
    small_width: int
    small_height: int

    @classmethod
    def reduced(cls, width: int, height: int, factor: float) -> "Grid":
        """The grid of a reduction by factor >= 1, exactly that where it divides the size."""
        small = (max(1, round(side / factor)) for side in (width, height))
        return cls(width, height, *small)

    @property
    def is_reduced(self) -> bool:
        return (self.width, self.height) != (self.small_width, self.small_height)

    def full_row(self, row: int) -> int:
        """The first row of the picture whose centre lies at or below the small one's top edge."""
        return math.ceil(row * self.height / self.small_height - 0.5)


def automatic_factor(width: int, height: int, most: int = AUTO_PIXELS) -> float:
    """How far a picture is reduced when nobody says: 1 up to `most` pixels."""
    return max(1.0, math.sqrt(width * height / most))


def reduce_rect(source: Source, grid: Grid, rect: Rect) -> Array:
    """What the painter sees of a place: means over areas of the encoded values, clipped to 0..1.

    Args:
        rect: in the small picture.

    Returns:
        float32 (3, h, w); the same numbers for a pixel, whichever place it is read in.
    """
    if not grid.is_reduced:
        return np.clip(source.read(rect), 0, 1)
    across = _AreaTaps(grid.width, grid.small_width, rect.x, rect.x + rect.width)
    result = np.empty((3, rect.height, rect.width), np.float32)
    step = max(1, (1 << 19) // max(1, (across.stop - across.start) * math.ceil(grid.height
               / grid.small_height)))  # fmt: skip
    for top in range(0, rect.height, step):
        stop = min(top + step, rect.height)
        down = _AreaTaps(grid.height, grid.small_height, rect.y + top, rect.y + stop)
        place = Rect(across.start, down.start, across.stop - across.start, down.stop - down.start)
        rows = down.reduce(np.clip(source.read(place), 0, 1), axis=1)
        result[:, top:stop] = across.reduce(rows, axis=2)
    return result


class _AreaTaps:
    """Means over the areas of small pixels first..last (excluded) along one axis."""

    def __init__(self, length: int, count: int, first: int, last: int) -> None:
        step = length / count
        low = np.arange(first, last) * step
        high = np.minimum(low + step, length)
        begin = np.floor(low + 1e-9).astype(np.intp)
        self.start = int(begin[0])
        self.stop = min(math.ceil(float(high[-1]) - 1e-9), length)
        self._taps = []
        for tap in range(math.ceil(step) + 1):
            at = begin + tap
            share = np.minimum(at + 1, high) - np.maximum(at, low)
            share = (np.maximum(share, 0) / step).astype(np.float32)
            if share.max() > 1e-6:
                self._taps.append((np.minimum(at, self.stop - 1) - self.start, share))

    def reduce(self, planes: Array, axis: int) -> Array:
        """(3, h, w), of which the axis holds start..stop, reduced along it."""
        shape = (-1, 1) if axis == 1 else (-1,)
        total = None
        for at, share in self._taps:
            part = np.take(planes, at, axis=axis)
            part *= share.reshape(shape)
            total = part if total is None else np.add(total, part, out=total)
        assert total is not None
        return total


class Enlarger:
    """Brings rows of a painting to the photograph's size; one object serves one picture."""

    def __init__(self, grid: Grid) -> None:
        self._grid = grid
        self._blocks = []
        for left in range(0, grid.width, _BLOCK):
            right = min(left + _BLOCK, grid.width)
            used, weights = cubic_taps(grid.width, grid.small_width, left, right)
            self._blocks.append((slice(left, right), used, np.ascontiguousarray(weights.T)))

    def enlarge(self, planes: Array, top: int, start: int, stop: int, photo: Array) -> Array:
        """Rows start..stop of the picture.

        Args:
            planes: float32 (5, k, w) of `prepared`.
            top: which row of the small picture the first of planes is.
            photo: float32 (3, stop - start, W), those rows of the photograph, 0..1.

        Returns:
            float32 (3, stop - start, W), 0..1.
        """
        used, weights = cubic_taps(self._grid.height, self._grid.small_height, start, stop)
        rows = weights @ planes[:, used.start - top : used.stop - top]
        wide = np.empty((5, stop - start, self._grid.width), np.float32)
        for target, columns, across in self._blocks:
            np.matmul(rows[:, :, columns], across, out=wide[:, :, target])
        painted, detail, gain = wide[:3], wide[3], wide[4]
        np.subtract(np.tensordot(LUMA, photo, 1), detail, out=detail)
        detail *= gain
        painted += detail
        return np.clip(painted, 0, 1, out=painted)


def prepared(painted: Array, seen: Array) -> Array:
    """What `Enlarger` needs of rows of the small picture.

    Args:
        painted: float32 (3, h, w), what the painter made.
        seen: float32 (h, w), luma of what it was made from.

    Returns:
        float32 (5, h, w): the painting, the luma, and how much of the photograph's detail is
        given back. The last is exact where _RADIUS * 2 rows lie around, or the picture ends.
    """
    luma = np.tensordot(LUMA, painted, 1)
    mean, mean_painted = box_mean(seen, _RADIUS), box_mean(luma, _RADIUS)
    variance = box_mean(seen * seen, _RADIUS) - mean * mean
    covariance = box_mean(seen * luma, _RADIUS) - mean * mean_painted
    slope = box_mean(covariance / (np.maximum(variance, 0) + _FLOOR), _RADIUS)
    gain = np.clip(slope, _LEAST_DETAIL, _MOST_DETAIL)
    return np.concatenate((painted, seen[None], gain[None]))


def cubic_taps(count: int, inputs: int, start: int, stop: int) -> tuple[slice, Array]:
    """Catmull-Rom interpolation of `inputs` samples to count pixels, start..stop of which.

    Returns:
        (samples, weights): float32 weights (stop - start, samples) of the slice of samples in use;
        the first and last sample go on beyond the ends.
    """
    position = (np.arange(start, stop) + 0.5) * (inputs / count) - 0.5
    low = np.floor(position).astype(np.intp)
    part = position - low
    shares = (
        ((2 - part) * part - 1) * part / 2,
        ((3 * part - 5) * part * part + 2) / 2,
        ((4 - 3 * part) * part + 1) * part / 2,
        (part - 1) * part * part / 2,
    )
    first = max(int(low[0]) - 1, 0)
    last = min(int(low[-1]) + 2, inputs - 1)
    weights = np.zeros((stop - start, last + 1 - first), np.float32)
    row = np.arange(stop - start)
    for offset, share in enumerate(shares, -1):
        at = np.clip(low + offset, 0, inputs - 1) - first
        np.add.at(weights, (row, at), share.astype(np.float32))
    return slice(first, last + 1), weights
