"""The areas' edges at the picture's own resolution, in the middle of its lines.

Areas are found small. A block without any line is certain; in the others the pixels are asked
again, and areas grow into them from all sides at the same speed: first where the paper is bare,
then under the lines, where they meet half-way. So no seam of paper stays along a line, and no
colour looks out on its other side.
"""

import math

import numpy as np

from core.sketch.regions import LINE, Areas

Array = np.ndarray


class EdgeFinder:
    """Enlarges areas, some rows at a time.

    Args:
        areas: of the reduced ink.
        block: side of its blocks, in pixels; of a part at its own resolution perhaps no whole
            number of them.
        contrast: opacity of a firm line, as in core.sketch.lineart.Paper.
        x, y: where in the whole the first pixel lies.
    """

    def __init__(self, areas: Areas, block: float, contrast: float, x: int = 0, y: int = 0) -> None:
        self._areas = areas
        self._block = block
        self._reach = 2 * math.ceil(block)
        self._bare = np.float32(LINE / 255 * contrast)
        self._x, self._y = x, y
        self.margin = self._reach + 4
        """Rows above and below that `find` wants to see."""

    def find(self, ink: Array, top: int) -> Array:
        """The area of each pixel, int32 (rows, W).

        Args:
            ink: float32 (rows, W), 0..1, of the picture's rows from `top` on.
        """
        height, width = ink.shape
        rows = self._blocks(self._y + top, height, 0)
        columns = self._blocks(self._x, width, 1)
        first, last = int(rows[0]), int(rows[-1]) + 1
        known = self._areas.labels[first:last].take(columns, axis=1)[rows - first]
        if self._block == 1:
            return known
        certain = self._areas.free[first:last].take(columns, axis=1)[rows - first]
        # a border of pixels that belong to nothing spares asking for the picture's edges
        labels = np.full((height + 2, width + 2), -1, np.int32)
        inner = labels[1:-1, 1:-1]
        np.copyto(inner, known, where=certain)
        flat = labels.ravel()
        missing = np.flatnonzero((inner < 0).ravel())
        bare = ink.ravel()[missing] < self._bare
        row, column = np.divmod(missing, width)
        place = (row + 1) * (width + 2) + column + 1
        left = _grow(flat, place[bare], width + 2, self._reach)
        _grow(flat, np.concatenate((left, place[~bare])), width + 2, self._reach + 4)
        return np.where(inner < 0, known, inner)

    def _blocks(self, start: int, count: int, axis: int) -> Array:
        """In which block each of count pixels from start on lies."""
        at = ((np.arange(start, start + count) + 0.5) / self._block).astype(np.intp)
        return np.minimum(at, self._areas.labels.shape[axis] - 1)


def _grow(labels: Array, places: Array, width: int, steps: int) -> Array:
    """Let labels (flat) grow into places, a pixel a step; returns the places not reached."""
    for _ in range(steps):
        found = np.maximum(labels[places - 1], labels[places + 1])
        np.maximum(found, labels[places - width], out=found)
        np.maximum(found, labels[places + width], out=found)
        reached = found >= 0
        if not reached.any():
            break
        labels[places[reached]] = found[reached]
        places = places[~reached]
    return places
