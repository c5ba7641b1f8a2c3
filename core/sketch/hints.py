"""Hints for a drawing: an ordinary layer, opaque where the user asks for a colour.

The layer may be larger or smaller than the picture, lie elsewhere, have soft edges and any
channel type. It is read onto the grid of the reduced ink: a block has the colour of its most
opaque pixel, never a mix, so that a colour is the one that was painted.
"""

from dataclasses import dataclass

import numpy as np

from core.color.spaces import srgb_to_lab
from core.errors import ImageUnsupported
from core.image import Image
from core.request.work import Other
from core.sketch.lineart import blocks, unit_values

Array = np.ndarray

OPAQUE = 0.5
"""Alpha from which on a pixel is a hint."""

SAME_COLOR = 8.0
"""Colours that lie closer in CIE L*a*b* (CIE76) are one: a brush's grain, JPEG's traces."""

MOST_COLORS = 256

_PAINT = "Paint the colours on a new, transparent layer, and choose that one for the hints."


@dataclass(frozen=True, eq=False)
class Hints:
    """What the user asks for, on the grid of the reduced ink.

    Attributes:
        colors: float32 (count, 3), encoded sRGB 0..1.
        place: int32 (h, w), which of the colours is asked for here, -1 for none.
    """

    colors: Array
    place: Array

    @property
    def mask(self) -> Array:
        """bool (h, w): where there is a hint."""
        return self.place >= 0

    def planes(self) -> tuple[Array, Array]:
        """(colours (3, h, w), mask (1, h, w)), float32 0..1, colours 0 where there is none."""
        mask = self.mask
        table = np.concatenate((self.colors, np.zeros((1, 3), np.float32)))
        return table[self.place].transpose(2, 0, 1), mask[None].astype(np.float32)


def read_hints(other: Other | None, image: Image, block: int) -> Hints | None:
    """Read a hint layer for a picture.

    Args:
        other: of role "hint", or None.
        image: the picture.
        block: side of the grid's blocks, in pixels of the picture.

    Returns:
        None where there is no layer, or it is transparent all over.

    Raises:
        ImageUnsupported: it is the picture itself, is opaque everywhere, or lies beside the
            picture.
    """
    if other is None:
        return None
    _check(other, image)
    width, height = -(-image.width // block), -(-image.height // block)
    opaque = np.zeros((height, width), bool)
    colors = np.zeros((height, width, 3), np.float32)
    top, bottom = max(other.y, 0), min(other.y + other.image.height, image.height)
    left, right = max(other.x, 0), min(other.x + other.image.width, image.width)
    rows = max(1, (1 << 20) // (width * block * block))
    for first in range(max(top, 0) // block, -(-max(bottom, 0) // block), rows):
        last = min(first + rows, height)
        canvas = np.zeros(((last - first) * block, width * block), np.float32)
        planes = np.zeros((3, *canvas.shape), np.float32)
        low, high = max(first * block, top), min(last * block, bottom)
        if high <= low or right <= left:
            continue
        part = other.image.pixels[low - other.y : high - other.y, left - other.x : right - other.x]
        values, alpha = unit_values(part, other.image)
        place = np.s_[low - first * block : high - first * block, left:right]
        canvas[place] = alpha
        planes[(slice(None), *place)] = values
        cells = blocks(canvas, block).transpose(0, 2, 1, 3).reshape(last - first, width, -1)
        hit = cells.max(axis=2) > OPAQUE
        best = cells[hit].argmax(axis=1)
        row, column = np.nonzero(hit)
        y, x = row * block + best // block, column * block + best % block
        opaque[first:last][hit] = True
        colors[first:last][hit] = planes[:, y, x].T
    if not opaque.any():
        if _any_opaque(other.image):
            raise ImageUnsupported(
                "The hint layer lies beside the picture: none of its colours is on it.",
                "Move it over the drawing, or choose another layer for the hints.",
            )
        return None
    return _clustered(opaque, colors)


def _check(other: Other, image: Image) -> None:
    """Refuse layers that cannot be meant as hints."""
    layer = other.image
    if layer.is_float and not np.isfinite(layer.pixels).all():
        raise ImageUnsupported("The hint layer has pixels that are no finite numbers.", _PAINT)
    if (other.x, other.y) == (0, 0) and np.array_equal(layer.pixels, image.pixels):
        raise ImageUnsupported("The hint layer is the drawing itself.", _PAINT)
    if not layer.has_alpha or all(
        (row > OPAQUE * layer.full).all() for row in layer.pixels[..., -1]
    ):
        covers = other.x <= 0 and other.y <= 0
        covers &= other.x + layer.width >= image.width and other.y + layer.height >= image.height
        if covers:
            raise ImageUnsupported(
                "The hint layer is opaque everywhere and hides the drawing.", _PAINT
            )


def _any_opaque(layer: Image) -> bool:
    if not layer.has_alpha:
        return True
    return any((row > OPAQUE * layer.full).any() for row in layer.pixels[..., -1])


def _clustered(opaque: Array, colors: Array) -> Hints:
    """Colours that are as good as the same become the most frequent one of them."""
    asked = np.rint(colors[opaque] * 255).astype(np.int32)
    code = asked[:, 0] << 16 | asked[:, 1] << 8 | asked[:, 2]
    found, first, place, count = np.unique(
        code, return_index=True, return_inverse=True, return_counts=True
    )
    exact = colors[opaque][first]
    lab = srgb_to_lab(exact.astype(np.float64))
    name = np.full(len(found), -1, np.int32)
    chosen: list[int] = []
    for candidate in np.argsort(-count, kind="stable"):
        if name[candidate] >= 0 or len(chosen) == MOST_COLORS:
            continue
        near = (name < 0) & (np.linalg.norm(lab - lab[candidate], axis=1) < SAME_COLOR)
        name[near] = len(chosen)
        chosen.append(int(candidate))
    for lost in np.flatnonzero(name < 0):
        name[lost] = np.linalg.norm(lab[chosen] - lab[lost], axis=1).argmin()
    places = np.full(opaque.shape, -1, np.int32)
    places[opaque] = name[place.ravel()]
    return Hints(exact[chosen], places)
