"""A network over a picture, tile by tile, with smaller tiles when memory runs out."""

from collections.abc import Callable, Iterator

import numpy as np

from core.errors import ModelCorrupt, OutOfMemory
from core.generator.manifest import Manifest
from core.raster.resample import pad
from core.style.tiling import Rect, Tile, plan, whole

Array = np.ndarray

TILE_SIDE = 896
"""Most pixels of a tile's side. A painter needs about 800 bytes for each pixel."""

LARGE_PIXELS, LARGE_TILE_SIDE = 36_000_000, 704
"""Beyond so many, tiles are smaller: the picture itself needs the memory."""

LEAST_SIDE = 128
"""Tiles are not halved below this when memory runs out."""

WHOLE_PIXELS = 1 << 21
"""Up to this many, a picture whose tiles would differ in tone is run whole."""

DEFAULT_FADE = 64
"""Pixels over which tiles that differ are cross-faded, where the manifest gives no overlap."""


def run_tiles(
    manifest: Manifest,
    width: int,
    height: int,
    run: Callable[[list[Tile]], None],
    side: int = 0,
) -> list[Tile]:
    """Call run with tiles for a picture of that size; again from the start with smaller ones
    where it raises OutOfMemory.

    Returns:
        The tiles that it ended with.

    Raises:
        OutOfMemory: also the smallest tiles are too large.
    """
    large = width * height > LARGE_PIXELS
    side = side or (min(TILE_SIDE, LARGE_TILE_SIDE) if large else TILE_SIDE)
    tiles = tiles_of(manifest, width, height, side)
    while True:
        try:
            run(tiles)
            return tiles
        except OutOfMemory:
            side //= 2
            tiles = tiles_of(manifest, width, height, side)
            if side < LEAST_SIDE or len(tiles) == 1:
                raise


def tiles_of(manifest: Manifest, width: int, height: int, side: int) -> list[Tile]:
    """The plan that the manifest's policy asks for, row by row."""
    size, policy, overlap = manifest.size, manifest.tiling.policy, manifest.tiling.overlap
    if policy == "never":
        return whole(width, height, size)
    if policy == "allowed":
        return plan(width, height, size, overlap, side)
    if width * height <= WHOLE_PIXELS and side == TILE_SIDE and not size.fixed:
        return whole(width, height, size)
    return plan(width, height, size, overlap or DEFAULT_FADE, side, blend=True)


def read_tile(read: Callable[[Rect], Array], tile: Tile, width: int, height: int) -> Array:
    """float32 (1, C, h, w) of tile.read; what lies beyond the picture is mirrored."""
    rect = tile.read
    inside = Rect(
        rect.x, rect.y, min(rect.width, width - rect.x), min(rect.height, height - rect.y)
    )
    given = pad(read(inside), rect.width, rect.height)
    return np.ascontiguousarray(given[None], np.float32)


def used_part(painted: Array, tile: Tile, title: str) -> Array:
    """What is used of the network's (1, C, h, w) for a tile: (C, h, w) of tile.write.

    A result may be larger than what was given, as where a network rounds its size up; what was
    added lies to the right and below. Raises ModelCorrupt for a smaller one.
    """
    found = painted.shape[2:]
    if found[0] < tile.read.height or found[1] < tile.read.width:
        raise ModelCorrupt(
            f"The model '{title}' returned {found[1]}×{found[0]} pixels for "
            f"{tile.read.width}×{tile.read.height}."
        )
    x, y = tile.write.x - tile.read.x, tile.write.y - tile.read.y
    return painted[0, :, y : y + tile.write.height, x : x + tile.write.width]


def rows_of(tiles: list[Tile]) -> Iterator[list[Tile]]:
    """The tiles of a plan, row by row."""
    row: list[Tile] = []
    for tile in tiles:
        if row and tile.read.y != row[0].read.y:
            yield row
            row = []
        row.append(tile)
    yield row


class Strip:
    """The rows of a picture that tiles are being written to; the finished ones above leave.

    Attributes:
        planes: float32 (C, n, width).
        top: which row of the picture their first one is.
    """

    def __init__(self, channels: int, width: int) -> None:
        self.planes = np.zeros((channels, 0, width), np.float32)
        self.top = 0

    def move(self, top: int, bottom: int) -> None:
        """Hold the rows top..bottom from now on; rows that were not held are zeros."""
        planes = np.zeros((len(self.planes), bottom - top, self.planes.shape[2]), np.float32)
        kept = self.planes[:, top - self.top :]
        planes[:, : kept.shape[1]] = kept
        self.planes, self.top = planes, top

    def put(self, painted: Array, tile: Tile) -> None:
        """Write (C, h, w) to tile.write, faded over what the tiles before wrote."""
        place = tile.write
        rows = slice(place.y - self.top, place.y - self.top + place.height)
        view = self.planes[:, rows, place.x : place.x + place.width]
        if tile.blend == (0, 0):
            view[...] = painted
        else:
            view += (painted - view) * _window(tile)


def _window(tile: Tile) -> Array:
    """Blend window (h, w): 1, rising from 0 over the tile's first columns and rows."""
    ramps = []
    for length, fade in zip((tile.write.width, tile.write.height), tile.blend, strict=True):
        ramp = np.ones(length, np.float32)
        ramp[:fade] = (np.arange(fade) + 0.5) / max(fade, 1)
        ramps.append(ramp)
    return ramps[1][:, None] * ramps[0][None, :]
