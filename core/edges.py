"""The areas' edges at the picture's own resolution, in the middle of its lines.

Areas are found small. A block without any line is certain; in the others the pixels are asked
again, and areas grow into them from all sides at the same speed: first where the paper is bare,
then under the lines, where they meet half-way. So no seam of paper stays along a line, and no
colour looks out on its other side.
"""

import numpy as np

from core.regions import LINE, Areas

Array = np.ndarray


class EdgeFinder:
    """Enlarges areas, some rows at a time.

    Args:
        areas: of the reduced ink.
        block: side of its blocks, in pixels.
        contrast: opacity of a firm line, as in core.lineart.Paper.
    """

    def __init__(self, areas: Areas, block: int, contrast: float) -> None:
        self._areas = areas
        self._block = block
        self._bare = np.float32(LINE / 255 * contrast)
        self.margin = 2 * block + 4
        """Rows above and below that `find` wants to see."""

    def find(self, ink: Array, top: int) -> Array:
        """The area of each pixel, int32 (rows, W).

        Args:
            ink: float32 (rows, W), 0..1, of the picture's rows from `top` on.
        """
        height, width = ink.shape
        rows = np.arange(top, top + height) // self._block
        if self._block == 1:
            return self._areas.labels[rows]
        first, last = int(rows[0]), int(rows[-1]) + 1
        known = self._areas.labels[first:last].repeat(self._block, axis=1)[:, :width]
        certain = self._areas.free[first:last].repeat(self._block, axis=1)[:, :width]
        known, certain = known[rows - first], certain[rows - first]
        # a border of pixels that belong to nothing spares asking for the picture's edges
        labels = np.full((height + 2, width + 2), -1, np.int32)
        inner = labels[1:-1, 1:-1]
        np.copyto(inner, known, where=certain)
        flat = labels.ravel()
        missing = np.flatnonzero((inner < 0).ravel())
        bare = ink.ravel()[missing] < self._bare
        row, column = np.divmod(missing, width)
        place = (row + 1) * (width + 2) + column + 1
        left = _grow(flat, place[bare], width + 2, 2 * self._block)
        _grow(flat, np.concatenate((left, place[~bare])), width + 2, 2 * self._block + 4)
        return np.where(inner < 0, known, inner)


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
