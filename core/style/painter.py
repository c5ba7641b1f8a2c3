"""A painter over one picture: what it is given tile by tile, and what becomes of its rows."""

from collections.abc import Callable

import numpy as np

from core.generator.generator import Generator, Kept
from core.request.viewport import Place
from core.request.work import Progress
from core.style.brush import LUMA, REACH, Grid, reduce_rect
from core.style.device_join import Join
from core.style.mean_features import MeanFeatures
from core.style.painter_input import Colored, Source
from core.style.pictures import ColorMove, Style, mixed_code
from core.style.tiles import Strip, read_tile, rows_of, run_tiles, used_part
from core.style.tiling import Rect, Tile
from core.style.write_back import Finish

Array = np.ndarray

LOOK_SIDE = 256
"""Longer side of the copy whose colours a style picture is given."""


class TilePainter:
    """A generator of the task "stylize" over one picture's tiles.

    Attributes:
        ready: (1, 3, h, w), the one tile where it was painted already; else None.
    """

    def __init__(
        self, generator: Generator, source: Source, grid: Grid, progress: Progress
    ) -> None:
        self._generator = generator
        self._manifest = generator.manifest
        self._size = (grid.small_width, grid.small_height)
        self._read: Callable[[Rect], Array] = lambda rect: reduce_rect(source, grid, rect)
        self._source = source
        self._is_reduced = grid.is_reduced
        self._join = join_for(generator, source, grid)
        self._progress = progress
        self._begin = 0.0
        self._beside: dict[str, Array] = {}
        self.ready: Array | None = None
        self._held: Kept | None = None

    def read(self, tile: Tile) -> Array:
        """What the generator is given for a tile, (1, 3, h, w)."""
        return read_tile(self._read, tile, *self._size)

    def _given(self, tile: Tile) -> Array | Kept:
        """The same, where the generator runs if it is made there."""
        if self._join is not None and isinstance(self._source, Colored):
            return self._join.color([self._source], tile.read)
        return self.read(tile)

    def on(self, source: Source, grid: Grid) -> "TilePainter":
        """The same with what it has learnt, on another picture."""
        other = TilePainter(self._generator, source, grid, self._progress)
        other._beside, other._begin = self._beside, self._begin
        return other

    def learn(self, styles: list[Style], preserve_colors: float) -> None:
        """Find what an arbitrary style's main graph is told beside the pixels."""
        self._progress(0.0, "Looking at the style")
        move = None
        if preserve_colors:
            image = self._source.image
            factor = max(1.0, max(image.width, image.height) / LOOK_SIDE)
            look = Grid.reduced(image.width, image.height, factor)
            small = reduce_rect(self._source, look, Rect(0, 0, look.small_width, look.small_height))
            move = ColorMove(small, preserve_colors)
        self._beside["code"] = mixed_code(self._generator, styles, move)
        if not any(part.name == "encode" for part in self._manifest.parts):
            return
        sums = MeanFeatures(self._generator, *self._size)

        def encode(tiles: list[Tile]) -> None:
            nonlocal sums
            sums = MeanFeatures(self._generator, *self._size)
            self._held = None
            for number, tile in enumerate(tiles):
                self._tell(0.0, 0.3, number, tiles, "Looking at")
                given = self._given(tile)
                # a picture of one tile stays where both graphs run; a preview's is remembered
                if len(tiles) == 1 and not self._generator.recall:
                    given = given if isinstance(given, Kept) else self._generator.put(given)
                    self._held = given
                sums.add(tile, given)

        run_tiles(self._manifest, *self._size, encode)
        self._beside["features"] = sums.mean()
        self._begin = 0.3

    def paint(self, finish: Finish) -> list[Tile]:
        """Paint every tile and finish the rows; returns the tiles."""

        def run(tiles: list[Tile]) -> None:
            strip, done = Strip(4 if self._is_reduced else 3, self._size[0]), 0
            self._held = self._held if len(tiles) == 1 else None
            rows = list(rows_of(tiles))
            for row, below in zip(rows, [*rows[1:], None], strict=True):
                strip.move(max(0, done - REACH), row[0].write.y + row[0].write.height)
                for tile in row:
                    self._tell(self._begin, 1.0, tiles.index(tile), tiles, "Painting")
                    strip.put(self._paint_tile(tile), tile)
                stop = self._size[1] if below is None else max(done, below[0].write.y - REACH)
                finish.rows(strip, done, stop)
                done = stop

        return run_tiles(self._manifest, *self._size, run)

    def _paint_tile(self, tile: Tile) -> Array:
        """(3, h, w) of tile.write, what was painted, 0..1; where the picture is reduced the luma of
        what was seen is a fourth plane.
        """
        title = self._manifest.title
        if self.ready is not None:
            return np.clip(used_part(self.ready, tile, title), 0, 1)
        given = self._held or self._given(tile)
        if self._beside or isinstance(given, Kept):
            inputs = {"picture": given, **self._beside}
            painted = self._generator.run_all(inputs, ("picture",))["picture"]
        else:
            painted = self._generator.run(given)
        used = np.clip(used_part(painted, tile, title), 0, 1)
        if not self._is_reduced:
            return used
        seen = self.read(tile) if isinstance(given, Kept) else given
        luma = np.tensordot(LUMA, used_part(seen, tile, title), 1)
        return np.concatenate((used, luma[None]))

    def _tell(self, begin: float, end: float, number: int, tiles: list[Tile], what: str) -> None:
        share = begin + (end - begin) * number / len(tiles)
        self._progress(share, f"{what} tile {number + 1} of {len(tiles)}")


def join_for(generator: Generator, source: Source, grid: Grid) -> Join | None:
    """What colours a picture on the painter's own device; None where that is not done.

    Not for a reduced picture, which is coloured at full size for its detail anyway; not for a part
    of one; and not in previews, for which the painter remembers what it was given.
    """
    if not isinstance(source, Colored) or grid.is_reduced or generator.recall:
        return None
    if source.place != Place.whole(source.image):
        return None
    return Join.beside(generator)
