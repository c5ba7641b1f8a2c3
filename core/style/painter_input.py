"""Where the painter's pixels come from: the picture as it is, or coloured on the way.

A colouring is kept as the few small planes that core.colorize.colorize lays over lightness, and
laid over whatever part of the picture is read: no coloured picture exists anywhere, nor eight bits
of one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np

from core.color.luminance import Merger, fold
from core.colorize.colorize import predict_kept, predict_many, reduced_lightness, work_size
from core.errors import OutOfMemory
from core.generator.generator import Generator, Kept
from core.image import Image
from core.raster.resample import guided_upsample
from core.request.viewport import Part, Place
from core.style.tiling import Rect

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


@dataclass(frozen=True, eq=False)
class Coloring:
    """What a colouriser said of some pictures of one size.

    Attributes:
        guides: L* (N, H, W), 0..100, as it saw them, padded to the right and below.
        ab: a* and b* (N, 2, H / n, W / n), n a whole number; perhaps where it was computed.
        work: (width, height) of the part of the guides that is no padding.
    """

    guides: Array
    ab: Array | Kept
    work: tuple[int, int]

    @classmethod
    def predict(cls, images: Sequence[Image], generator: Generator, keep: bool) -> "Coloring":
        """Ask a generator of the task "colorize" for the likeliest colours of pictures of one
        size; keep: leave them where it runs.

        Raises ModelCorrupt: its output does not fit. OutOfMemory.
        """
        work = work_size(generator.manifest.size, images[0].width, images[0].height)
        lightness = [reduced_lightness(image, work) for image in images]
        if keep and (len(images) == 1 or generator.takes_many):
            try:
                return cls(*predict_kept(lightness, generator), work)
            except OutOfMemory:
                pass  # a part of them may fit
        predicted = predict_many(lightness, generator)
        guides, ab = (np.stack(planes) for planes in zip(*predicted, strict=True))
        return cls(guides, ab, work)

    @property
    def ratio(self) -> int:
        """How many times smaller the colours are than the guides."""
        rows = self.ab.shape[2]
        return self.guides.shape[1] // rows

    @cached_property
    def ab_array(self) -> Array:
        """ab, fetched from where it is. Raises ModelCorrupt."""
        return self.ab.array() if isinstance(self.ab, Kept) else self.ab


class Colored:
    """A picture that gets its colours from a colouriser, its own lightness being kept.

    Attributes:
        image: the picture.
        coloring, number: what was said of it, or of several pictures of which it is that one.
        place: where it lies in what was coloured.
    """

    def __init__(
        self, image: Image, coloring: Coloring, number: int = 0, place: Place | None = None
    ) -> None:
        self.image = image
        self.coloring = coloring
        self.number = number
        self.place = place or Place.whole(image)

    @classmethod
    def predict(cls, image: Image, generator: Generator, keep: bool = False) -> "Colored":
        """A picture with the colours that a generator says; see Coloring.predict."""
        return cls(image, Coloring.predict([image], generator, keep))

    def read(self, rect: Rect) -> Array:
        rows, columns = slices(rect)
        part = Image(self.image.pixels[rows, columns])
        coefficients = self._coefficients
        height, width = coefficients.shape[1:]
        whole = self.place
        place = Place(whole.x + columns.start, whole.y, whole.width, whole.height)
        across = place.columns(width, rect.width)
        used, weights = place.rows(height, rows.start, rows.stop).matrix()
        wide = across.columns(coefficients[:, used])
        colors = np.empty((rect.height, rect.width, 3), np.float32)
        Merger(part, rect.height, 1.0).merge(part.pixels, wide, weights, colors)
        return colors.transpose(2, 0, 1)

    def of(self, part: Part) -> "Colored":
        return Colored(part.image, self.coloring, self.number, part.place)

    @cached_property
    def _coefficients(self) -> Array:
        """(4, h, w) of core.color.luminance.fold."""
        coloring, number = self.coloring, self.number
        slopes, offsets = guided_upsample(coloring.guides[number], coloring.ab_array[number])
        visible = np.s_[:, : coloring.work[1], : coloring.work[0]]
        return fold(slopes[visible], offsets[visible])


def one_coloring(sources: Sequence[Colored]) -> Coloring:
    """What was said of several pictures of one size, in their order; without fetching it where
    they were seen together.

    Raises ModelCorrupt: see Kept.array.
    """
    first = sources[0].coloring
    in_order = [source.number for source in sources] == list(range(len(first.guides)))
    if in_order and all(source.coloring is first for source in sources):
        return first
    guides = [source.coloring.guides[source.number] for source in sources]
    ab = [source.coloring.ab_array[source.number] for source in sources]
    return Coloring(np.stack(guides), np.stack(ab), first.work)


def slices(rect: Rect) -> tuple[slice, slice]:
    """(rows, columns) of a place in an array (H, W, ...)."""
    return slice(rect.y, rect.y + rect.height), slice(rect.x, rect.x + rect.width)
