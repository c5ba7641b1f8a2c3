"""Paper and lines: what of a drawing is the one, and what the other.

    pixels -> paper, estimated block by block (tint, uneven light)
           -> line: colour and opacity that, laid over that paper, give the pixels back

The opacity is the ink, 0 paper .. 1 line, at the picture's own resolution. A drawing in light on
dark paper is turned over first: its values are 1 - v from the reading on.
"""

from dataclasses import dataclass

import numpy as np

from core.errors import ImageUnsupported
from core.image import Image
from core.raster.bands import chunk_rows, for_each_band
from core.raster.resample import box_mean, linear_taps
from core.request.viewport import Place

Array = np.ndarray

GRID = 32
"""Blocks along the longer side, in each of which the paper is estimated."""

SAMPLES = 1 << 19
"""About this many pixels are looked at for the paper and the contrast."""

PAPER_WINDOW = 0.08
"""How far below a block's brightest a pixel may be and still be paper: its grain."""

LEAST_INK = 0.08
"""Opacity from which on something is drawn, and not the paper's grain or JPEG's traces."""

LEAST_SHARE = 2e-4
"""Share of the pixels that must be drawn on, for a picture to be a drawing at all."""

DARK = 0.45
"""Where three quarters of a picture are darker than this, its paper is the dark."""

WORK_SIDE = 1500
"""Longer side, at most, of the reduced ink that areas are found in."""


@dataclass(frozen=True, eq=False)
class Paper:
    """The paper of a drawing.

    Attributes:
        colors: float32 (3, h, w), a coarse grid over the whole picture; encoded sRGB 0..1, turned
            over where the drawing is.
        backing: float32 (3,), what transparent pixels are laid over, in the same sense.
        turned: whether lines are lighter than the paper.
        grain: opacity that the paper's own noise has; less is no ink.
        contrast: opacity of a firm line, LEAST_INK..1.
        is_cutout: whether the paper itself has an outline, transparency being outside it; else
            what is transparent is paper, too.
    """

    colors: Array
    backing: Array
    turned: bool
    grain: float
    contrast: float
    is_cutout: bool

    @property
    def color(self) -> Array:
        """The paper's colour as a whole, encoded sRGB (3,), not turned over."""
        color = np.median(self.colors, axis=(1, 2))
        return 1 - color if self.turned else color


@dataclass(frozen=True, eq=False)
class Reduced:
    """The ink of a whole picture, small.

    Attributes:
        ink: uint8 (h, w), 255 for a firm line: the most ink that each block of block x block
            pixels has anywhere, so that thin lines stay closed.
        mean: float32 (h, w), 0..1, the block's mean.
        block: side of a block; (w, h) is the picture's size over it, rounded up.
    """

    ink: Array
    mean: Array
    block: int


def read_paper(image: Image) -> Paper:
    """Estimate a drawing's paper, its grain and the darkness of its lines.

    Raises:
        ImageUnsupported: nothing is drawn: the picture is of one tone, white or black or other.
    """
    step = max(1, int(np.sqrt(image.width * image.height / SAMPLES)))
    sample = image.pixels[::step, ::step]
    values, alpha = unit_values(sample, image)
    luma = values.mean(axis=0)
    seen = luma[alpha > 0.5] if image.has_alpha else luma.ravel()
    turned = bool(len(seen)) and float(np.percentile(seen, 75)) < DARK
    is_cutout = image.has_alpha and _has_own_paper(seen, alpha)
    if image.has_alpha and not is_cutout:
        turned = bool(len(seen)) and float(np.median(seen)) > 0.9  # white lines on nothing
    if turned:
        values, luma = 1 - values, 1 - luma
    backing = np.ones(3, np.float32)
    if is_cutout:
        bright = (luma >= np.percentile(luma[alpha > 0.5], 75)) & (alpha > 0.5)
        backing = np.array([np.median(plane[bright]) for plane in values], np.float32)
    if image.has_alpha:
        values = backing[:, None, None] + (values - backing[:, None, None]) * alpha
    colors = local_paper(values)
    ink = opacity(values, _enlarge(colors, values.shape[1:]))
    paper_ink = ink[ink < PAPER_WINDOW]
    grain = 1.5 * float(np.percentile(paper_ink, 90)) if len(paper_ink) else 0.0
    grain = 0.0 if grain < 2 / 255 else min(grain, PAPER_WINDOW)
    drawn = ink[ink > max(LEAST_INK, 1.5 * grain)]
    if len(drawn) < max(LEAST_SHARE * ink.size, 3):
        raise ImageUnsupported(*_nothing_drawn(seen if len(seen) else np.ones(1)))
    contrast = max(float(np.percentile(drawn, 95)), 2 * LEAST_INK)
    return Paper(colors, backing, turned, grain, contrast, is_cutout)


class LineReader:
    """Reads lines out of a picture, some rows at a time."""

    def __init__(self, image: Image, paper: Paper, place: Place | None = None) -> None:
        """place: where the image lies in what the paper was read from; None for all of it."""
        self.image = image
        self.paper = paper
        self.place = place or Place.whole(image)
        self._across = self.place.columns(paper.colors.shape[2], image.width)
        self._flat = bool(np.ptp(paper.colors.reshape(3, -1), axis=1).max() < 0.5 / 255)

    def paper_rows(self, start: int, stop: int) -> Array:
        """The paper under rows start..stop, float32 (3, rows, W), or (3, 1, 1) where it is even."""
        colors = self.paper.colors
        if self._flat:
            return colors.mean(axis=(1, 2), keepdims=True)
        taps = self.place.rows(colors.shape[1], start, stop)
        rows = np.stack([taps.rows(plane) for plane in colors])
        return self._across.columns(rows)

    def ink_rows(self, start: int, stop: int) -> Array:
        """Opacity of the lines in rows start..stop, float32 (rows, W), 0..1."""
        values, paper = self._values(start, stop)
        return self._without_grain(opacity(values, paper))

    def line_rows(self, start: int, stop: int) -> tuple[Array, Array]:
        """Lines of rows start..stop: (colour (3, rows, W) encoded sRGB 0..1, opacity (rows, W)).

        paper * (1 - opacity) + colour * opacity is the picture, less the paper's grain.
        """
        values, paper = self._values(start, stop)
        raw = opacity(values, paper)
        colors = values - paper
        colors *= 1 / np.maximum(raw, np.float32(1 / 512))
        colors += paper
        np.clip(colors, 0, 1, out=colors)
        if self.paper.turned:
            np.subtract(np.float32(1), colors, out=colors)
        return colors, self._without_grain(raw)

    def _values(self, start: int, stop: int) -> tuple[Array, Array]:
        values, alpha = unit_values(self.image.pixels[start:stop], self.image)
        if self.paper.turned:
            np.subtract(np.float32(1), values, out=values)
        if self.image.has_alpha:
            backing = self.paper.backing[:, None, None]
            values -= backing
            values *= alpha
            values += backing
        return values, self.paper_rows(start, stop)

    def _without_grain(self, ink: Array) -> Array:
        if self.paper.grain:
            grain = np.float32(self.paper.grain)
            # a ramp, not a step: from nothing at the grain to all of it at twice the grain
            ink *= np.clip(ink * (1 / grain) - 1, 0, 1)
        return ink


def reduce_ink(reader: LineReader, side: int = WORK_SIDE) -> Reduced:
    """The picture's ink at a longer side of at most `side`. Memory for a few bands only."""
    image = reader.image
    mean_side, max_side = _block_parts(max(image.width, image.height), side)
    block = mean_side * max_side
    width, height = -(-image.width // block), -(-image.height // block)
    ink, mean = np.empty((height, width), np.uint8), np.empty((height, width), np.float32)
    rows = max(1, chunk_rows(image.width) // block)
    scale = np.float32(255 / reader.paper.contrast)

    def work(start: int, stop: int, nothing: None) -> None:
        for top in range(start, stop, rows):
            end = min(top + rows, stop)
            part = reader.ink_rows(top * block, min(end * block, image.height))
            missing = (end - top) * block - part.shape[0], width * block - part.shape[1]
            if any(missing):
                part = np.pad(part, ((0, missing[0]), (0, missing[1])), mode="edge")
            if mean_side > 1:
                part = blocks(part, mean_side).mean(axis=(1, 3))
            cells = blocks(part, max_side)
            ink[top:end] = np.minimum(cells.max(axis=(1, 3)) * scale, 255)
            mean[top:end] = np.minimum(cells.mean(axis=(1, 3)), 1)

    for_each_band(height, work, lambda: None, lambda share: None)
    return Reduced(ink, mean, block)


def unit_values(pixels: Array, image: Image) -> tuple[Array, Array]:
    """Pixels (h, w, C) of an image as planes: (colours (3, h, w), alpha (h, w) or (1, 1)), 0..1."""
    scale = np.float32(1 / image.full)
    colors = np.empty((3, *pixels.shape[:2]), np.float32)
    for channel in range(3):
        np.multiply(pixels[..., 0 if image.is_grey else channel], scale, out=colors[channel])
    if image.is_float:
        np.clip(colors, 0, 1, out=colors)
    if not image.has_alpha:
        return colors, np.ones((1, 1), np.float32)
    return colors, np.clip(pixels[..., -1] * scale, 0, 1).astype(np.float32)


def blocks(plane: Array, side: int) -> Array:
    """(h, w), multiples of side, as (h / side, side, w / side, side); no copy."""
    height, width = plane.shape
    return plane.reshape(height // side, side, width // side, side)


def _block_parts(longer: int, side: int) -> tuple[int, int]:
    """(a, b): the ink is averaged over a x a pixels, of b x b such means the most is taken.

    Averages leave fine grain behind, the maximum keeps lines whole.
    """
    least = -(-longer // side)
    if least <= 3:
        return 1, least
    return -(-least // 2), 2


def opacity(values: Array, paper: Array) -> Array:
    """The least opacity of a colour that, over the paper (3, ...), gives the values: (h, w)."""
    paper = np.maximum(paper, np.float32(1 / 64))
    ink = 1 - values[0] / paper[0]
    for channel in (1, 2):
        np.maximum(ink, 1 - values[channel] / paper[channel], out=ink)
    return np.clip(ink, 0, 1, out=ink)


def _has_own_paper(seen: Array, alpha: Array) -> bool:
    """Whether what is visible is mostly light: paper, and not lines alone."""
    return (
        bool(len(seen)) and float((seen > 0.6).mean()) > 0.4 and float((alpha > 0.5).mean()) > 0.1
    )


def local_paper(values: Array) -> Array:
    """Paper (3, h, w) on the coarse grid, from planes (3, H, W)."""
    height, width = values.shape[1:]
    side = max(4, -(-max(height, width) // GRID))
    rows, columns = max(1, height // side), max(1, width // side)
    grid = np.empty((3, rows, columns), np.float32)
    top_edges = np.linspace(0, height, rows + 1).astype(int)
    left_edges = np.linspace(0, width, columns + 1).astype(int)
    for row, (top, bottom) in enumerate(zip(top_edges, top_edges[1:], strict=False)):
        for column, (left, right) in enumerate(zip(left_edges, left_edges[1:], strict=False)):
            cell = values[:, top:bottom, left:right].reshape(3, -1)
            luma = cell.mean(axis=0)
            bright = luma >= np.partition(luma, -1 - len(luma) // 10)[-1 - len(luma) // 10]
            light = luma >= luma[bright].min() - PAPER_WINDOW
            grid[:, row, column] = np.median(cell[:, light], axis=1)
    reach = max(2, max(rows, columns) // 5)
    smooth = []
    for plane in grid:
        most = _window_max(plane, reach)
        # uneven light goes on beyond the edge: else the window would reach into the light
        around = min(reach, min(rows, columns) - 1)
        wide = np.pad(-most, around, mode="reflect", reflect_type="odd")
        closed = box_mean(-_window_max(wide, reach), 2)
        smooth.append(closed[around : around + rows, around : around + columns])
    return _no_paper_in_shadow(np.stack(smooth))


def _no_paper_in_shadow(colors: Array) -> Array:
    """Uneven light halves a scan's paper at most; what is darker still is drawn."""
    typical = np.percentile(colors.reshape(3, -1), 75, axis=1).astype(np.float32)
    return np.maximum(colors, 0.5 * typical[:, None, None])


def _window_max(plane: Array, reach: int) -> Array:
    """Maximum over the square of 2 * reach + 1 around each, of what lies in the plane."""
    for axis in (0, 1):
        padded = np.moveaxis(plane, axis, 0)
        wide = np.pad(padded, ((reach, reach), (0, 0)), mode="edge")
        best = padded.copy()
        for shift in range(2 * reach + 1):
            np.maximum(best, wide[shift : shift + len(best)], out=best)
        plane = np.moveaxis(best, 0, axis)
    return plane


def _enlarge(colors: Array, shape: tuple[int, ...]) -> Array:
    across = linear_taps(shape[1], colors.shape[2])
    down = linear_taps(shape[0], colors.shape[1])
    return np.stack([across.columns(down.rows(plane)) for plane in colors])


def _nothing_drawn(luma: Array) -> tuple[str, str]:
    """(sentence, hint) for a picture without lines."""
    middle = float(np.median(luma))
    tone = "almost white" if middle > 0.85 else "almost black" if middle < 0.15 else "of one tone"
    return (
        f"The picture is {tone}: no lines can be seen in it.",
        "Choose the layer that the drawing is on, or raise its contrast.",
    )
