"""Apply Style: a picture goes through a generator, whole or in tiles, and is mixed with itself.

Tiles are read, run and written one after the other, so that memory does not grow with the
picture. What the manifest says decides: `tiling.policy` "allowed" gives tiles that equal the
whole, "discouraged" takes the whole while it fits and cross-fades tiles beyond that, "never"
takes the whole. Alpha is not touched, and colours are mixed as they are encoded.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from core.colorize import Progress, check_range
from core.errors import ModelCorrupt, OutOfMemory
from core.generator import Generator
from core.image import Image, check_usable
from core.manifest import Manifest
from core.resample import area_rows, area_taps, fit_size, linear_taps, pad
from core.tiling import Rect, Tile, plan, whole

Array = np.ndarray

TILE_SIDE = 1024
"""Most pixels of a tile's side. A painter needs about a kilobyte for each pixel."""

LEAST_SIDE = 128
"""Tiles are not halved below this when memory runs out."""

WHOLE_PIXELS = 1 << 21
"""Up to this many, a picture whose tiles would differ in tone is run whole."""

DEFAULT_FADE = 64
"""Pixels over which tiles that differ are cross-faded, where the manifest gives no overlap."""


@dataclass(frozen=True)
class StylizeSettings:
    """What the user can choose.

    Attributes:
        strength: 0 the picture itself .. 1 the painted one.
    """

    strength: float = 1.0

    def __post_init__(self) -> None:
        check_range("strength", self.strength, 1.0)


def stylize(
    image: Image,
    generator: Generator,
    settings: StylizeSettings,
    progress: Progress,
    out: Array | None = None,
) -> Image:
    """Paint a picture.

    Args:
        image: any Image; a grey one is painted as R'G'B' with equal channels.
        generator: of task "stylize": red, green, blue 0..1 (1, 3, h, w) to the same.
        settings: strength.
        progress: told (fraction 0..1, text), on the caller's thread.
        out: memory for the result, writable (H, W, 3 or 4) of the image's channel type; not
            image.pixels, which the tiles' overlaps are read from.

    Returns:
        R'G'B', or R'G'B'A with the source's alpha, of the same channel type and size. Float
        values beyond 0..1 are clipped for the generator, and kept where strength keeps them.

    Raises:
        ImageUnsupported: see core.image.check_usable.
        OutOfMemory: also the smallest tiles are too large.
        ModelCorrupt: the generator's output has another size than its input.
    """
    check_usable(image)
    result = image.color_result(out)
    strength = np.float32(settings.strength)
    width, height = _work_size(image, generator.manifest)
    if (width, height) == (image.width, image.height):

        def write(painted: Array, tile: Tile) -> None:
            _store(image, painted, tile, strength, result)

        _run_tiles(generator, width, height, lambda rect: _load(image, rect), write, progress)
        return result
    small = _reduced(image, width, height)
    painted = np.zeros_like(small)

    def keep(part: Array, tile: Tile) -> None:
        view = painted[(slice(None), *_slices(tile.write))]
        view += (part - view) * _window(tile)

    _run_tiles(generator, width, height, lambda rect: small[(slice(None), *_slices(rect))], keep,
               progress)  # fmt: skip
    _enlarge(image, painted, strength, result)
    return result


def stylize_many(
    images: list[Image], generator: Generator, settings: StylizeSettings
) -> list[Image]:
    """As stylize, for several pictures of one size and type, at once where the generator can.

    What fits into one tile is painted together; larger pictures one after the other.
    """

    def ignore(_fraction: float, _text: str) -> None:
        pass

    first = images[0]
    tiles = _plan(generator.manifest, first.width, first.height, TILE_SIDE)
    at_size = _work_size(first, generator.manifest) == (first.width, first.height)
    if len(images) == 1 or len(tiles) > 1 or not at_size or not generator.takes_many:
        return [stylize(image, generator, settings, ignore) for image in images]
    (tile,) = tiles
    given = [pad(_load(image, tile.write), tile.read.width, tile.read.height) for image in images]
    inputs = {"picture": np.ascontiguousarray(np.stack(given), np.float32)}
    results = []
    for image, painted in zip(
        images, generator.run_many(inputs, ("picture",))["picture"], strict=True
    ):
        result = image.color_result(None)
        used = np.clip(painted[:, : tile.write.height, : tile.write.width], 0, 1)
        _store(image, used, tile, np.float32(settings.strength), result)
        results.append(result)
    return results


def _work_size(image: Image, manifest: Manifest) -> tuple[int, int]:
    """The size at which the generator sees the picture."""
    side = manifest.size.work
    if manifest.size.fixed and manifest.tiling.policy == "never":
        side = min(manifest.size.fixed)
    return fit_size(image.width, image.height, side or max(image.width, image.height))


def _run_tiles(
    generator: Generator,
    width: int,
    height: int,
    read: Callable[[Rect], Array],
    write: Callable[[Array, Tile], None],
    progress: Progress,
) -> None:
    """Run the generator over a picture of that size, with smaller tiles when memory runs out."""
    side = TILE_SIDE
    while True:
        tiles = _plan(generator.manifest, width, height, side)
        try:
            for number, tile in enumerate(tiles):
                progress(number / len(tiles), f"Painting tile {number + 1} of {len(tiles)}")
                write(_paint(generator, width, height, read, tile), tile)
            return
        except OutOfMemory:
            smaller = _plan(generator.manifest, width, height, side // 2)
            if side // 2 < LEAST_SIDE or len(smaller) == 1:
                raise
            side //= 2


def _plan(manifest: Manifest, width: int, height: int, side: int) -> list[Tile]:
    size, policy, overlap = manifest.size, manifest.tiling.policy, manifest.tiling.overlap
    if policy == "never":
        return whole(width, height, size)
    if policy == "allowed":
        return plan(width, height, size, overlap, side)
    if width * height <= WHOLE_PIXELS and side == TILE_SIDE and not size.fixed:
        return whole(width, height, size)
    return plan(width, height, size, overlap or DEFAULT_FADE, side, blend=True)


def _paint(
    generator: Generator, width: int, height: int, read: Callable[[Rect], Array], tile: Tile
) -> Array:
    """Run one tile; returns what is used of it, (3, h, w), 0..1."""
    rect = tile.read
    inside = Rect(
        rect.x, rect.y, min(rect.width, width - rect.x), min(rect.height, height - rect.y)
    )
    given = pad(read(inside), rect.width, rect.height)
    painted = generator.run(np.ascontiguousarray(given[None], np.float32))[0]
    if painted.shape != given.shape:
        raise ModelCorrupt(
            f"The model '{generator.manifest.title}' returned an array of shape {painted.shape} "
            f"for one of shape {given.shape}."
        )
    x, y = tile.write.x - rect.x, tile.write.y - rect.y
    used = painted[:, y : y + tile.write.height, x : x + tile.write.width]
    return np.clip(used, 0, 1)


def _load(image: Image, rect: Rect) -> Array:
    """Pixels as float32 (3, h, w), 0..1."""
    pixels = image.pixels[_slices(rect)][..., : 1 if image.is_grey else 3]
    values = pixels.transpose(2, 0, 1) * np.float32(1 / image.full)
    return np.broadcast_to(np.clip(values, 0, 1), (3, rect.height, rect.width))


def _store(image: Image, painted: Array, tile: Tile, strength: np.float32, result: Image) -> None:
    """Mix painted (3, h, w) with the original and write it into the result's tile."""
    place = _slices(tile.write)
    original = image.pixels[place]
    target = result.pixels[place]
    window = _window(tile)
    full = np.float32(image.full)
    for channel in range(3):
        before = original[..., 0 if image.is_grey else channel] * (1 / full)
        mixed = before + (painted[channel] - before) * strength
        if tile.blend != (0, 0):
            # beyond the blend, the target's memory holds nothing yet
            under = np.where(window < 1, target[..., channel], 0) * (1 / full)
            mixed = under + (mixed - under) * window
        if image.is_float:
            target[..., channel] = mixed
        else:
            target[..., channel] = mixed * full + np.float32(0.5)
    if image.has_alpha:
        target[..., 3] = original[..., -1]


def _window(tile: Tile) -> Array:
    """Blend window (h, w): 1, rising from 0 over the tile's first columns and rows."""
    ramps = []
    for length, fade in zip((tile.write.width, tile.write.height), tile.blend, strict=True):
        ramp = np.ones(length, np.float32)
        ramp[:fade] = (np.arange(fade) + 0.5) / max(fade, 1)
        ramps.append(ramp)
    return ramps[1][:, None] * ramps[0][None, :]


def _reduced(image: Image, width: int, height: int) -> Array:
    """The picture at the generator's work size, float32 (3, height, width), 0..1."""
    small = np.zeros((3, height, width), np.float32)
    for place in _bands(image):
        rows, weights = area_taps(image.height, height, place.y, place.y + place.height)
        for plane, values in zip(small, _load(image, place), strict=True):
            plane[rows] += area_rows((weights @ values).T, width).T
    return small


def _enlarge(image: Image, painted: Array, strength: np.float32, result: Image) -> None:
    """Write painted (3, h, w), enlarged to the picture's size, into the result."""
    across = linear_taps(image.width, painted.shape[2])
    for place in _bands(image):
        down = linear_taps(image.height, painted.shape[1], place.y, place.y + place.height)
        band = np.stack([across.columns(down.rows(plane)) for plane in painted])
        _store(image, band, Tile(place, place), strength, result)


def _bands(image: Image) -> Iterator[Rect]:
    """The picture in bands of rows, from the top."""
    for top in range(0, image.height, 64):
        yield Rect(0, top, image.width, min(64, image.height - top))


def _slices(rect: Rect) -> tuple[slice, slice]:
    return slice(rect.y, rect.y + rect.height), slice(rect.x, rect.x + rect.width)
