"""The last step of painting: rows brought to full size, mixed with the picture, written."""

import numpy as np

from core.color.preserve import keep_colors
from core.image import Image
from core.raster.bands import for_each_band
from core.style.brush import REACH, Enlarger, Grid, prepared
from core.style.painter_input import Source
from core.style.tiles import Strip
from core.style.tiling import Rect

Array = np.ndarray

_CHUNK_PIXELS = 1 << 17


class Finish:
    """Brings painted rows to full size and into the result."""

    def __init__(
        self, source: Source, grid: Grid, strength: float, preserve_colors: float, result: Image
    ) -> None:
        """strength, preserve_colors: of core.style.stylize.StylizeSettings."""
        self._source, self._grid, self._result = source, grid, result
        self._strength = np.float32(strength)
        self._keep = preserve_colors
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
        if self._enlarger is None and self._strength == 1 and not self._keep:
            self._write(planes[:, start - top : stop - top], start, stop)
            return
        original = self._source.read(Rect(0, start, self._grid.width, stop - start))
        photo = np.clip(original, 0, 1)
        if self._enlarger is None:
            painted = planes[:, start - top : stop - top]
        else:
            painted = self._enlarger.enlarge(planes, top, start, stop, photo)
        painted = keep_colors(painted, photo, self._keep)
        self._write(original + (painted - original) * self._strength, start, stop)

    def _write(self, mixed: Array, start: int, stop: int) -> None:
        """Put R'G'B' (3, h, w) and the picture's alpha into the result's rows."""
        target, image = self._result.pixels[start:stop], self._source.image
        full = np.float32(image.full)
        for channel in range(3):
            if image.is_float:
                target[..., channel] = mixed[channel]
            else:
                target[..., channel] = mixed[channel] * full + np.float32(0.5)
        if image.has_alpha:
            target[..., 3] = image.pixels[start:stop, :, -1]
