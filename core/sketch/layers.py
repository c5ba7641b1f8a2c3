"""What a coloured drawing is made of, at full size: colours, flats, lines, and all together."""

from dataclasses import dataclass

import numpy as np

from core.image import Image
from core.raster.bands import chunk_rows, for_each_band
from core.raster.resample import linear_taps
from core.request.viewport import Place
from core.request.work import Layer
from core.sketch.edges import EdgeFinder
from core.sketch.lineart import LineReader, Paper
from core.sketch.regions import Areas

Array = np.ndarray

LEVELS, STEP, DARKEST = 56, 3, 70
"""Of a channel of the colours that areas are told apart by: how many, how far apart, the least."""

TURN = 108537
"""From one area's colour to the next; the golden section of all, and prime to their number."""


@dataclass(frozen=True, eq=False)
class Painting:
    """Colours of a drawing, small.

    Attributes:
        areas, block: the areas, and the side of a pixel of theirs in the picture's, or in the
            part's.
        table: float32 (count, 3), one colour an area, encoded sRGB 0..1.
        shade: float32 (3, h, w), added to it; what strictness leaves of it.
        left: bool (count,), areas whose pixels stay as they are.
    """

    areas: Areas
    block: float
    table: Array
    shade: Array
    left: Array


@dataclass(frozen=True, eq=False)
class Canvas:
    """Where a painting goes.

    Attributes:
        picture: colours with the lines over them.
        colors, flats: R'G'B' or, with the outline of a cut-out paper or where what is left has
            nothing behind it, R'G'B'A; or None.
        areas: R'G'B', one colour for each area, no two alike; or None.
        lines: R'G'B'A, transparent where paper is; or None.
    """

    picture: Image
    colors: Image | None = None
    flats: Image | None = None
    areas: Image | None = None
    lines: Image | None = None

    @classmethod
    def empty(
        cls,
        image: Image,
        paper: Paper,
        with_layers: bool = False,
        with_flats: bool = False,
        some_left: bool = False,
    ) -> "Canvas":
        """A canvas for a drawing, its pixels not yet set; some_left: whether areas are."""
        channels = 4 if paper.is_cutout or (image.has_alpha and some_left) else 3

        def layer(wanted: bool, count: int = channels) -> Image | None:
            size = (image.width, image.height, count)
            return Image.empty(*size, image.pixels.dtype) if wanted else None

        return cls(
            image.color_result(),
            layer(with_layers),
            layer(with_layers and with_flats),
            layer(with_layers and with_flats, 3),
            lines=layer(with_layers, 4),
        )

    def layers(self) -> list[Layer]:
        """Those that there are, from below."""
        named = (("areas", "Areas", self.areas), ("flats", "Flats", self.flats),
                 ("colors", "Colours", self.colors), ("lines", "Lines", self.lines))  # fmt: skip
        return [Layer(role, title, image) for role, title, image in named if image is not None]


def paint(reader: LineReader, painting: Painting, canvas: Canvas) -> None:
    """Fill a canvas, band by band."""
    image, paper, at = reader.image, reader.paper, reader.place
    finder = EdgeFinder(painting.areas, painting.block, paper.contrast, at.x, at.y)
    shading = Shading(painting, image, at) if painting.shade.any() else None
    table = np.ascontiguousarray(painting.table.T, np.float32)
    names = area_names(len(painting.table)).T
    rows = max(8 * finder.margin, 4 * chunk_rows(image.width))

    def work(start: int, stop: int, nothing: None) -> None:
        for top in range(start, stop, rows):
            band(top, min(top + rows, stop))

    def band(start: int, stop: int) -> None:
        place = slice(start, stop)
        above = min(finder.margin, start)
        lines, ink = reader.line_rows(start - above, min(stop + finder.margin, image.height))
        inner = slice(above, above + stop - start)
        labels = finder.find(ink, start - above)[inner]
        lines, ink = lines[:, inner], ink[inner]
        alpha = image.pixels[place, :, -1] if paper.is_cutout else None
        left = np.take(painting.left, labels, mode="clip")
        below = _alpha_below(image, paper, left)
        colors = np.empty(lines.shape, np.float32)
        for plane, values in zip(colors, table, strict=True):
            np.take(values, labels, out=plane, mode="clip")
        if painting.left.any():
            bare = reader.paper_rows(start, stop)
            np.copyto(colors, 1 - bare if paper.turned else bare, where=left)
        _store(canvas.flats, place, colors, alpha if below is None else below)
        if canvas.areas is not None:
            _store(canvas.areas, place, names[:, labels], None)
        if shading is not None:
            colors += shading.rows(start, stop)
            np.clip(colors, 0, 1, out=colors)
        _store(canvas.colors, place, colors, alpha if below is None else below)
        if canvas.lines is not None:
            seen = ink if alpha is None else ink * (alpha * np.float32(1 / image.full))
            _store(canvas.lines, place, lines, _encoded(seen, canvas.lines))
        lines -= colors
        lines *= ink
        lines += colors
        _store(canvas.picture, place, lines, alpha)
        _keep(canvas.picture, image, place, left)

    for_each_band(image.height, work, lambda: None, lambda share: None)


def area_names(count: int) -> Array:
    """Colours by which areas can be told apart, float32 (count, 3), encoded sRGB 0..1.

    The first LEVELS ** 3 differ by at least STEP of 255 in a channel.
    """
    place = np.arange(count, dtype=np.int64) * TURN % LEVELS**3
    digits = np.stack((place // LEVELS**2, place // LEVELS % LEVELS, place % LEVELS), axis=1)
    return ((DARKEST + STEP * digits) / 255).astype(np.float32)


def _alpha_below(image: Image, paper: Paper, left: Array) -> Array | None:
    """Alpha of what lies below the lines where areas of a transparent picture are left."""
    if not image.has_alpha or paper.is_cutout or not left.any():
        return None
    return np.where(left, 0, image.full).astype(image.pixels.dtype)


def _keep(target: Image, image: Image, place: slice, left: Array) -> None:
    """Put the pixels of what is left back as they were."""
    if not left.any():
        return
    source = image.pixels[place][left]
    part = target.pixels[place]
    part[left, :3] = source[:, :1] if image.is_grey else source[:, :3]
    if image.has_alpha:
        part[left, 3] = source[:, -1]


class Shading:
    """A painting's shade, enlarged some rows at a time."""

    def __init__(self, painting: Painting, image: Image, place: Place) -> None:
        self._shade = painting.shade
        height, width = painting.areas.labels.shape
        self._top, self._height = place.y, height * painting.block
        end = place.x + image.width
        self._across = linear_taps(width * painting.block, width, place.x, end)

    def rows(self, start: int, stop: int) -> Array:
        """float32 (3, rows, W)."""
        start, stop = self._top + start, self._top + stop
        taps = linear_taps(self._height, self._shade.shape[1], start, stop)
        first, last = int(taps.low[0]), int(taps.high[-1]) + 1
        wide = self._across.columns(self._shade[:, first:last])
        above = wide[:, taps.low - first]
        above += (wide[:, taps.high - first] - above) * taps.part[:, None]
        return above


def _store(target: Image | None, place: slice, colors: Array, alpha: Array | None) -> None:
    """Write colours (3, rows, W), 0..1, and alpha in the target's own values."""
    if target is None:
        return
    for channel in range(3):
        target.pixels[place, :, channel] = _encoded(colors[channel], target)
    if target.channels == 4:
        target.pixels[place, :, 3] = target.full if alpha is None else alpha


def _encoded(values: Array, target: Image) -> Array:
    if target.is_float:
        return values
    return (values * np.float32(target.full) + np.float32(0.5)).astype(target.pixels.dtype)
