"""What a stroke of the hint layer means: one piece between lines, or what a long one crosses."""

from dataclasses import dataclass

import numpy as np

from core.raster.flood import connected
from core.sketch.hints import Hints

Array = np.ndarray

HALF = 0.5
"""Pieces of a stroke that are so large, compared to its largest, count with it where the largest
has no more than this of the stroke, or the stroke is a long one.
"""

LONG = 3.0
"""A stroke is long from so many times its own thickness on."""

LEAST_SHARE = 0.25
"""A stroke holds a basin in which so much lies, compared to the one in which most does."""


@dataclass(frozen=True, eq=False)
class Stroke:
    """One stroke.

    Attributes:
        color: of Hints.
        pixels: flat indices of what counts of it.
    """

    color: int
    pixels: Array

    def basins(self, labels: Array) -> tuple[Array, int]:
        """(the basins that it holds, the one in which most of it lies)."""
        found, counts = np.unique(labels.ravel()[self.pixels], return_counts=True)
        return found[counts >= LEAST_SHARE * counts.max()], int(found[counts.argmax()])


def read_strokes(hints: Hints, free: Array) -> list[Stroke]:
    """The strokes of hints, without what slipped over a line.

    free: bool (h, w), False on lines. A stroke that lies on lines alone counts whole.
    """
    numbers, count = connected(hints.place)
    pieces, _ = connected(np.where(free, numbers, np.int32(-1)))
    places = np.flatnonzero(numbers.ravel() >= 0)
    owner = numbers.ravel()[places]
    places = places[np.argsort(owner, kind="stable")]
    ends = np.cumsum(np.bincount(owner, minlength=count))
    strokes = []
    for pixels in np.split(places, ends[:-1]):
        if len(pixels):
            color = int(hints.place.ravel()[pixels[0]])
            strokes.append(Stroke(color, _counting(pixels, pieces)))
    return strokes


def _counting(pixels: Array, pieces: Array) -> Array:
    """Those of a stroke's pixels (flat indices) that count."""
    piece = pieces.ravel()[pixels]
    names, sizes = np.unique(piece[piece >= 0], return_counts=True)
    if not len(names):
        return pixels
    largest = sizes.max()
    row, column = np.divmod(pixels, pieces.shape[1])
    extent = max(int(np.ptp(row)), int(np.ptp(column))) + 1
    if extent * extent > LONG * len(pixels) or largest <= HALF * sizes.sum():
        kept = names[sizes >= HALF * largest]
    else:
        kept = names[[sizes.argmax()]]
    return pixels[np.isin(piece, kept)]
