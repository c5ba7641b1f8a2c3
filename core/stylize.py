"""Apply Style: a picture goes through a generator, whole or in tiles, and is mixed with itself.

    picture (coloured first, if asked) -> reduced by the brush size -> tiles -> generator
            -> enlarged, with the photograph's fine detail -> its colours kept -> mixed -> result

Tiles are read, run and written one after the other, and rows leave for the result as they are
finished, so that memory does not grow with the picture. What the manifest says decides:
`tiling.policy` "allowed" gives tiles that equal the whole, "discouraged" takes the whole while it
fits and cross-fades tiles beyond that, "never" takes the whole. A model that is told what is true
of the whole picture (arbitrary style) goes over the tiles twice: core.statistics. Alpha is not
touched, and colours are mixed as they are encoded.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from core import brush
from core.bands import for_each_band
from core.brush import REACH, Enlarger, Grid, automatic_factor, prepared, reduce_rect
from core.colorize import Progress, check_range
from core.errors import BadRequest
from core.generator import Generator, Kept
from core.image import Image, check_usable
from core.keep_colors import keep_colors
from core.manifest import Manifest
from core.part import Part
from core.resample import fit_size
from core.source import Plain, Source
from core.statistics import MeanFeatures
from core.style_pictures import (
    ColorMove,
    Style,
    check_files,
    check_weight,
    gather,
    mixed_code,
)
from core.tile_run import (
    TILE_SIDE,
    WHOLE_PIXELS,
    Strip,
    read_tile,
    rows_of,
    run_tiles,
    tiles_of,
    used_part,
)
from core.tiling import Rect, Tile

Array = np.ndarray

MOST_BRUSH = 8.0
LOOK_SIDE = 256
"""Longer side of the copy whose colours a style picture is given."""

_CHUNK_PIXELS = 1 << 17


@dataclass(frozen=True)
class StylizeSettings:
    """What the user can choose.

    Attributes:
        strength: 0 the picture itself .. 1 the painted one.
        preserve_colors: 0 the painting's colours .. 1 the picture's own, at the painted lightness.
        brush_size: the picture is painted reduced by so much, 1 finest .. 8 broadest; 0 decides by
            the picture's size, see core.brush.AUTO_PIXELS.
        colorize: colour the picture first; strength then goes from the coloured picture on.
        styles: files of style pictures, [{"path": file, "weight": number}], for models that
            take a style.
        weights: of the style pictures that come with the request, default all 1.
    """

    strength: float = 1.0
    preserve_colors: float = 0.0
    brush_size: float = 0.0
    colorize: bool = False
    styles: tuple[dict[str, Any], ...] = ()
    weights: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        check_range("strength", self.strength, 1.0)
        check_range("preserve_colors", self.preserve_colors, 1.0)
        check_range("brush_size", self.brush_size, MOST_BRUSH)
        if 0 < self.brush_size < 1:
            raise BadRequest(f"'brush_size' is {self.brush_size}, not 0 or a number from 1 to 8.")
        if type(self.colorize) is not bool:
            raise BadRequest(f"'colorize' is {self.colorize!r}, not true or false.")
        check_files(self.styles)
        if not isinstance(self.weights, (list, tuple)):
            raise BadRequest("'weights' is no list of numbers.")
        for weight in self.weights:
            check_weight(weight)


@dataclass(frozen=True)
class Painted:
    """What is told of a painting.

    Attributes:
        image: R'G'B', or R'G'B'A with the source's alpha, of the source's channel type and size.
        brush_size: by how much the picture was reduced to be painted.
        tiles: in how many parts it was painted.
        differ: whether these may differ in tone, being cross-faded.
        finer: whether a part's strokes are broader than in the layer's painting, for want of
            resolution.
    """

    image: Image
    brush_size: float
    tiles: int
    differ: bool
    finer: bool = False


def stylize(
    image: Image,
    generator: Generator,
    settings: StylizeSettings,
    progress: Progress,
    out: Array | None = None,
    style_images: tuple[Image, ...] = (),
    source: Source | None = None,
) -> Image:
    """Paint a picture; see `paint`."""
    return paint(image, generator, settings, progress, out, style_images, source).image


def paint(
    image: Image,
    generator: Generator,
    settings: StylizeSettings,
    progress: Progress,
    out: Array | None = None,
    style_images: tuple[Image, ...] = (),
    source: Source | None = None,
    part: Part | None = None,
) -> Painted:
    """Paint a picture, or a part of a layer of which the picture is the small whole.

    Args:
        image: any Image; a grey one is painted as R'G'B' with equal channels.
        generator: of task "stylize": red, green, blue 0..1 (1, 3, h, w) to the same.
        settings: all but colorize, which the caller has carried out in `source`.
        progress: told (fraction 0..1, text), on the caller's thread.
        out: memory for the result, writable (H, W, 3 or 4) of the image's channel type; not
            image.pixels, which the tiles' overlaps are read from.
        style_images: of a model that takes a style; see also settings.styles.
        source: what is painted, where that is not the image as it is.
        part: what alone is to be painted, with strokes as broad as in the layer's own painting
            where its resolution suffices; for models that can_part.

    Returns:
        Float values beyond 0..1 are clipped for the generator, and kept where strength keeps them.

    Raises:
        ImageUnsupported: see core.image.check_usable; or a style picture is of no use.
        BadRequest: a style picture is missing, or the model takes none.
        FileUnreadable: a style picture cannot be read.
        OutOfMemory: also the smallest tiles are too large.
        ModelCorrupt: the generator's output is smaller than its input.
    """
    check_usable(image)
    source = source or Plain(image)
    grid = working_grid(image.width, image.height, generator.manifest, settings.brush_size)
    network = _Network(generator, source, grid, progress)
    styles = gather(list(style_images), tuple(settings.weights), settings.styles)
    if generator.manifest.takes("style"):
        network.learn(styles, settings.preserve_colors)
    elif styles:
        raise BadRequest(
            f"The model '{generator.manifest.title}' takes no style picture.",
            "Choose a style that is made from a picture, or give none.",
        )
    finer = False
    if part is not None:
        source = source.of(part)
        grid, finer = part_grid(part, generator.manifest, settings.brush_size)
        network = network.on(source, grid)
        image = part.image
    result = image.color_result(out)
    tiles = network.paint(_Finish(source, grid, settings, result))
    differ = len(tiles) > 1 and tiles[-1].blend != (0, 0)
    return Painted(result, round(grid.width / grid.small_width, 2), len(tiles), differ, finer)


def can_part(manifest: Manifest) -> bool:
    """Whether a part of a picture comes out as it does in the whole."""
    return manifest.tiling.policy == "allowed"


def part_grid(part: Part, manifest: Manifest, brush_size: float) -> tuple[Grid, bool]:
    """At which size a part is painted, and whether strokes are finer in the layer's painting."""
    painted = working_grid(*part.layer, manifest, brush_size)
    factor = part.place.width / painted.small_width
    grid = Grid.reduced(part.image.width, part.image.height, max(factor, 1.0))
    return grid, factor < 1


def stylize_many(
    images: list[Image], generator: Generator, settings: StylizeSettings
) -> list[Image]:
    """As stylize, for several pictures of one size and type, at once where the generator can.

    What fits into one tile is painted together; the rest one after the other.
    """

    def ignore(_fraction: float, _text: str) -> None:
        pass

    manifest, first = generator.manifest, images[0]
    grid = working_grid(first.width, first.height, manifest, settings.brush_size)
    size = grid.small_width, grid.small_height
    tile, *more = tiles_of(manifest, *size, TILE_SIDE)
    if len(images) == 1 or more or manifest.takes("style") or not generator.takes_many:
        return [stylize(image, generator, settings, ignore) for image in images]
    networks = [_Network(generator, Plain(image), grid, ignore) for image in images]
    given = np.concatenate([network.read(tile) for network in networks])
    painted = generator.run_many({"picture": given}, ("picture",))["picture"]
    results = []
    for image, network, own in zip(images, networks, painted, strict=True):
        network.ready = own[None]
        result = image.color_result(None)
        network.paint(_Finish(Plain(image), grid, settings, result))
        results.append(result)
    return results


def working_grid(width: int, height: int, manifest: Manifest, brush_size: float) -> Grid:
    """At which size a picture is painted: what the user or, for 0, its size says, but never more
    than the model's own work size.
    """
    if not brush_size:
        # tiles that would differ are avoided altogether
        whole = manifest.tiling.policy == "discouraged" and not manifest.size.fixed
        most = WHOLE_PIXELS if whole else brush.AUTO_PIXELS
        brush_size = automatic_factor(width, height, most)
    side = manifest.size.work
    if manifest.size.fixed and manifest.tiling.policy == "never":
        side = min(manifest.size.fixed)
    if side and max(width, height) / brush_size > side:
        return Grid(width, height, *fit_size(width, height, side))
    return Grid.reduced(width, height, brush_size)


class _Network:
    """The generator over one picture's tiles.

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
        self._progress = progress
        self._begin = 0.0
        self._beside: dict[str, Array] = {}
        self.ready: Array | None = None
        self._held: Kept | None = None

    def read(self, tile: Tile) -> Array:
        """What the generator is given for a tile, (1, 3, h, w)."""
        return read_tile(self._read, tile, *self._size)

    def on(self, source: Source, grid: Grid) -> "_Network":
        """The same with what it has learnt, on another picture."""
        other = _Network(self._generator, source, grid, self._progress)
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
            for number, tile in enumerate(tiles):
                self._tell(0.0, 0.3, number, tiles, "Looking at")
                given = self.read(tile)
                # a picture of one tile stays where both graphs run; a preview's is remembered
                stays = len(tiles) == 1 and not self._generator.recall
                self._held = self._generator.put(given) if stays else None
                sums.add(tile, given, self._held)

        run_tiles(self._manifest, *self._size, encode)
        self._beside["features"] = sums.mean()
        self._begin = 0.3

    def paint(self, finish: "_Finish") -> list[Tile]:
        """Paint every tile and finish the rows; returns the tiles."""

        def run(tiles: list[Tile]) -> None:
            strip, done = Strip(4, self._size[0]), 0
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
        """(4, h, w) of tile.write: what was painted, 0..1, and the luma of what was seen."""
        given = self.read(tile)
        if self.ready is not None:
            painted = self.ready
        elif self._beside:
            inputs = {"picture": self._held or given, **self._beside}
            painted = self._generator.run_all(inputs, ("picture",))["picture"]
        else:
            painted = self._generator.run(given)
        title = self._manifest.title
        used = np.clip(used_part(painted, tile, title), 0, 1)
        seen = np.tensordot(brush.LUMA, used_part(given, tile, title), 1)
        return np.concatenate((used, seen[None]))

    def _tell(self, begin: float, end: float, number: int, tiles: list[Tile], what: str) -> None:
        share = begin + (end - begin) * number / len(tiles)
        self._progress(share, f"{what} tile {number + 1} of {len(tiles)}")


class _Finish:
    """Brings painted rows to full size and into the result."""

    def __init__(
        self, source: Source, grid: Grid, settings: StylizeSettings, result: Image
    ) -> None:
        self._source, self._grid, self._result = source, grid, result
        self._strength = np.float32(settings.strength)
        self._keep = settings.preserve_colors
        self._enlarger = Enlarger(grid) if grid.is_reduced else None

    def rows(self, strip: Strip, start: int, stop: int) -> None:
        """Finish the small picture's rows start..stop, around which the strip holds REACH more
        where the picture has them.
        """
        if self._enlarger is None:
            planes, top = strip.planes[:3], strip.top
        else:
            first = max(start - REACH, 0)
            last = min(stop + REACH, self._grid.small_height)
            held = strip.planes[:, first - strip.top : last - strip.top]
            planes, top = prepared(held[:3], held[3]), first
            start, stop = self._grid.full_row(start), self._grid.full_row(stop)
        step = max(1, _CHUNK_PIXELS // self._grid.width)

        def work(begin: int, end: int, scratch: None) -> None:
            for row in range(start + begin, start + end, step):
                self._store(planes, top, row, min(row + step, start + end))

        if stop > start:
            for_each_band(stop - start, work, lambda: None, lambda share: None)

    def _store(self, planes: Array, top: int, start: int, stop: int) -> None:
        """Rows of the picture: enlarge, give back colours, mix, write."""
        original = self._source.read(Rect(0, start, self._grid.width, stop - start))
        photo = np.clip(original, 0, 1)
        if self._enlarger is None:
            painted = planes[:, start - top : stop - top]
        else:
            painted = self._enlarger.enlarge(planes, top, start, stop, photo)
        painted = keep_colors(painted, photo, self._keep)
        target, image = self._result.pixels[start:stop], self._source.image
        full = np.float32(image.full)
        for channel in range(3):
            before = original[channel]
            mixed = before + (painted[channel] - before) * self._strength
            if image.is_float:
                target[..., channel] = mixed
            else:
                target[..., channel] = mixed * full + np.float32(0.5)
        if image.has_alpha:
            target[..., 3] = image.pixels[start:stop, :, -1]
