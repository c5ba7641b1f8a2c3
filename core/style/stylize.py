"""Apply Style: a picture goes through a generator, whole or in tiles, and is mixed with itself.

    picture (coloured first, if asked) -> reduced by the brush size -> tiles -> generator
            -> enlarged, with the photograph's fine detail -> its colours kept -> mixed -> result

Tiles are read, run and written one after the other, and rows leave for the result as they are
finished, so that memory does not grow with the picture. What the manifest says decides:
`tiling.policy` "allowed" gives tiles that equal the whole, "discouraged" takes the whole while it
fits and cross-fades tiles beyond that, "never" takes the whole. A model that is told what is true
of the whole picture (arbitrary style) goes over the tiles twice: core.style.mean_features. Alpha is
not touched, and colours are mixed as they are encoded.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.colorize.colorize import Progress, check_range
from core.errors import BadRequest, OutOfMemory
from core.generator.generator import Generator
from core.generator.manifest import Manifest
from core.image import Image, check_usable
from core.raster.resample import fit_size
from core.request.viewport import Part
from core.style import brush
from core.style.brush import Grid, automatic_factor
from core.style.painter import TilePainter, join_for
from core.style.painter_input import Colored, Plain, Source
from core.style.pictures import check_files, check_weight, gather
from core.style.tiles import TILE_SIDE, WHOLE_PIXELS, tiles_of
from core.style.tiling import Tile
from core.style.write_back import Finish

Array = np.ndarray

MOST_BRUSH = 8.0


@dataclass(frozen=True)
class StylizeSettings:
    """What the user can choose.

    Attributes:
        strength: 0 the picture itself .. 1 the painted one.
        preserve_colors: 0 the painting's colours .. 1 the picture's own, at the painted lightness.
        brush_size: the picture is painted reduced by so much, 1 finest .. 8 broadest; 0 decides by
            the picture's size, see core.style.brush.AUTO_PIXELS.
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
    painter = TilePainter(generator, source, grid, progress)
    styles = gather(list(style_images), tuple(settings.weights), settings.styles)
    if generator.manifest.takes("style"):
        painter.learn(styles, settings.preserve_colors)
    elif styles:
        raise BadRequest(
            f"The model '{generator.manifest.title}' takes no style picture.",
            "Choose a style that is made from a picture, or give none.",
        )
    finer = False
    if part is not None:
        source = source.of(part)
        grid, finer = part_grid(part, generator.manifest, settings.brush_size)
        painter = painter.on(source, grid)
        image = part.image
    result = image.color_result(out)
    tiles = painter.paint(_finish(source, grid, settings, result))
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
    images: list[Image],
    generator: Generator,
    settings: StylizeSettings,
    sources: Sequence[Source] = (),
) -> list[Image]:
    """As stylize, for several pictures of one size and type, at once where the generator can.

    What fits into one tile is painted together; the rest one after the other.

    Args:
        sources: what is painted, where that is not the images as they are.
    """
    sources = sources or [Plain(image) for image in images]
    manifest, first = generator.manifest, images[0]
    grid = working_grid(first.width, first.height, manifest, settings.brush_size)
    size = grid.small_width, grid.small_height
    tile, *more = tiles_of(manifest, *size, TILE_SIDE)
    if not (len(images) == 1 or more or manifest.takes("style") or not generator.takes_many):
        try:
            return _together(images, generator, settings, sources, grid, tile)
        except OutOfMemory:
            pass  # one of them may fit
    pairs = zip(images, sources, strict=True)
    return [stylize(image, generator, settings, _ignore, source=source) for image, source in pairs]


def _together(
    images: list[Image],
    generator: Generator,
    settings: StylizeSettings,
    sources: Sequence[Source],
    grid: Grid,
    tile: Tile,
) -> list[Image]:
    """Pictures of one tile each. Raises OutOfMemory."""
    painters = [TilePainter(generator, source, grid, _ignore) for source in sources]
    join = join_for(generator, sources[0], grid)
    colored = [source for source in sources if isinstance(source, Colored)]
    if join is not None and len(colored) == len(sources):
        given = join.color(colored, tile.read)
        painted = generator.run_all({"picture": given}, ("picture",))["picture"]
    else:
        arrays = np.concatenate([painter.read(tile) for painter in painters])
        painted = generator.run_many({"picture": arrays}, ("picture",))["picture"]
    results = []
    for image, source, painter, own in zip(images, sources, painters, painted, strict=True):
        painter.ready = own[None]
        result = image.color_result(None)
        painter.paint(_finish(source, grid, settings, result))
        results.append(result)
    return results


def _finish(source: Source, grid: Grid, settings: StylizeSettings, result: Image) -> Finish:
    return Finish(source, grid, settings.strength, settings.preserve_colors, result)


def _ignore(_fraction: float, _text: str) -> None:
    """Frames tell of themselves."""


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
