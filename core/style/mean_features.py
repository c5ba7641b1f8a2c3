"""The one thing of a whole picture that arbitrary style asks for, gathered tile by tile.

A network that looks at means over the whole picture gives tiles that do not fit together, unless
every tile is told the same means. So the picture is gone over twice: in a first pass the model's
part "encode" turns each tile into features, of which nothing but the sum is kept; in the second
pass the main graph paints each tile, given their mean.
"""

import numpy as np

from core.errors import ModelCorrupt
from core.generator.generator import Generator, Kept
from core.style.tiling import Tile

Array = np.ndarray


class MeanFeatures:
    """Sums, in float64, of the features of a picture's tiles."""

    def __init__(self, generator: Generator, width: int, height: int) -> None:
        """width, height: of the picture that the tiles are of."""
        self._generator = generator
        self._size = (width, height)
        self._sum = np.zeros(0)
        self._count = 0

    def add(self, tile: Tile, given: Array | Kept) -> None:
        """Count the features of what is used of a tile, each position of the picture once.

        Args:
            given: the pixels of tile.read, float32 (1, 3, h, w), or where the generator runs.

        Raises:
            OutOfMemory: a smaller tile may do.
            ModelCorrupt: the features fit no tile.
        """
        found = self._generator.run_all({"picture": given}, ("features",), part="encode")
        features, size = found["features"], (tile.read.height, tile.read.width)
        ratio = size[0] // max(features.shape[2], 1)
        shape = (features.shape[2] * ratio, features.shape[3] * ratio)
        columns = self._positions(tile.write.x, tile.write.width, tile.read.x, 0, ratio)
        rows = self._positions(tile.write.y, tile.write.height, tile.read.y, 1, ratio)
        if ratio < 1 or shape != size or columns is None or rows is None:
            raise ModelCorrupt(
                f"The model '{self._generator.manifest.title}' returned features of shape "
                f"{features.shape} for {size[1]}×{size[0]} pixels."
            )
        used = features[0, :, rows, columns]
        total = used.sum(axis=(1, 2), dtype=np.float64)
        self._sum = self._sum + total if self._count else total
        self._count += used.shape[1] * used.shape[2]

    def _positions(
        self, start: int, length: int, origin: int, axis: int, ratio: int
    ) -> slice | None:
        """Where the features of pixels start.. lie in a tile; of the last ones also those that
        are partly padding. None where pixels and features have no common edge.
        """
        stop = start + length
        if ratio < 1 or (start - origin) % ratio:
            return None
        if stop != self._size[axis] and (stop - origin) % ratio:
            return None
        return slice((start - origin) // ratio, -(-(stop - origin) // ratio))

    def mean(self) -> Array:
        """float32 (1, S)."""
        return (self._sum / self._count).astype(np.float32)[None]
