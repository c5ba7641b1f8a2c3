"""Where the painter's pixels come from: the picture as it is, or coloured on the way.

A colouring is kept as the few small planes that core.colorize lays over lightness, and laid over
whatever part of the picture is read: no coloured picture exists anywhere, nor eight bits of one.
"""

from typing import Protocol

import numpy as np

from core.colorize import predict, reduced_lightness
from core.generator import Generator
from core.image import Image
from core.merge import Merger, fold
from core.part import Part, Place
from core.resample import fit_size, guided_upsample
from core.tiling import Rect

Array = np.ndarray


class Source(Protocol):
    """A picture to be painted, read part by part.

    Attributes:
        image: what it is made of; its size, channel type and alpha are the result's.
    """

    @property
    def image(self) -> Image: ...

    def read(self, rect: Rect) -> Array:
        """sRGB-encoded float32 (3, h, w) of a place inside the picture. 0..1, but for float
        pictures, which may leave that range. Several threads may read at once.
        """
        ...

    def of(self, part: Part) -> "Source":
        """The same of a part of the layer that this one is the small picture of."""
        ...


class Plain:
    """A picture as it is; a grey one has equal channels."""

    def __init__(self, image: Image) -> None:
        self.image = image

    def read(self, rect: Rect) -> Array:
        pixels = self.image.pixels[slices(rect)][..., : 1 if self.image.is_grey else 3]
        values = pixels.transpose(2, 0, 1) * np.float32(1 / self.image.full)
        return np.broadcast_to(values, (3, rect.height, rect.width))

    def of(self, part: Part) -> "Plain":
        return Plain(part.image)


class Colored:
    """A picture that gets its colours from a colouriser, its own lightness being kept."""

    def __init__(self, image: Image, coefficients: Array, place: Place | None = None) -> None:
        """coefficients: (4, h, w) of core.merge.fold, of the whole that the image lies in."""
        self.image = image
        self._coefficients = coefficients
        self._place = place or Place.whole(image)

    @classmethod
    def predict(cls, image: Image, generator: Generator) -> "Colored":
        """Ask a generator of the task "colorize" for the picture's likeliest colours.

        Raises ModelCorrupt: its output does not fit.
        """
        size = generator.manifest.size
        side = min(size.fixed) if size.fixed else size.work
        work = fit_size(image.width, image.height, side or max(image.width, image.height))
        guide, ab = predict(reduced_lightness(image, work), generator)
        slopes, offsets = guided_upsample(guide, ab)
        visible = np.s_[:, : work[1], : work[0]]
        return cls(image, fold(slopes[visible], offsets[visible]))

    def read(self, rect: Rect) -> Array:
        rows, columns = slices(rect)
        part = Image(self.image.pixels[rows, columns])
        height, width = self._coefficients.shape[1:]
        whole = self._place
        place = Place(whole.x + columns.start, whole.y, whole.width, whole.height)
        across = place.columns(width, rect.width)
        used, weights = place.rows(height, rows.start, rows.stop).matrix()
        wide = across.columns(self._coefficients[:, used])
        colors = np.empty((rect.height, rect.width, 3), np.float32)
        Merger(part, rect.height, 1.0).merge(part.pixels, wide, weights, colors)
        return colors.transpose(2, 0, 1)

    def of(self, part: Part) -> "Colored":
        return Colored(part.image, self._coefficients, part.place)


def slices(rect: Rect) -> tuple[slice, slice]:
    """(rows, columns) of a place in an array (H, W, ...)."""
    return slice(rect.y, rect.y + rect.height), slice(rect.x, rect.x + rect.width)
