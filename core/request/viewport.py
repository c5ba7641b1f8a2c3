"""A part of a picture, at a resolution of its own: what a dialog shows that is zoomed in.

The picture of such a request is the whole layer, small. Whatever needs the whole - the colours
that a network sees in it, a drawing's areas, means over it - is computed from that, and laid over
the part as it would be laid over the same place of the layer.
"""

from dataclasses import dataclass
from typing import Any

from core.errors import BadRequest
from core.image import Image
from core.raster.resample import Taps, linear_taps

MOST_SIDE = 1 << 24


@dataclass(frozen=True)
class Place:
    """Where an image lies in a whole.

    Attributes:
        x, y: of its top left pixel, in pixels of its own.
        width, height: of the whole, in the same pixels.
    """

    x: int
    y: int
    width: int
    height: int

    @classmethod
    def whole(cls, image: Image) -> "Place":
        """The place of an image that is no part of another one."""
        return cls(0, 0, image.width, image.height)

    def columns(self, inputs: int, count: int) -> Taps:
        """Taps that enlarge `inputs` samples of the whole to count columns from x on."""
        return linear_taps(self.width, inputs, self.x, self.x + count)

    def rows(self, inputs: int, start: int, stop: int) -> Taps:
        """The same for the rows start..stop of the image."""
        return linear_taps(self.height, inputs, self.y + start, self.y + stop)


@dataclass(frozen=True, eq=False)
class Part:
    """What of a layer is to be shown.

    Attributes:
        image: its pixels, at a resolution between the small picture's and the layer's.
        place: where they lie in the layer, at that resolution.
        layer: (width, height) of the layer itself.
    """

    image: Image
    place: Place
    layer: tuple[int, int]


def make_part(described: Any, image: Image, x: int, y: int) -> Part:
    """The part of a request.

    Args:
        described: its "part": {"size": [width, height] of the whole at the part's resolution,
            "layer": [width, height] of the layer}.
        image, x, y: of its other with the role "part".

    Raises:
        BadRequest: the part does not lie in the whole.
    """
    (width, height), layer = (_size(described, name) for name in ("size", "layer"))
    inside = 0 <= x <= width - image.width and 0 <= y <= height - image.height
    if not inside or width > layer[0] or height > layer[1]:
        raise BadRequest(
            f"The part of {image.width}×{image.height} pixels at {x}, {y} does not lie in one of "
            f"{width}×{height} of a layer of {layer[0]}×{layer[1]}."
        )
    return Part(image, Place(x, y, width, height), layer)


def _size(described: Any, name: str) -> tuple[int, int]:
    found = described.get(name) if isinstance(described, dict) else None
    if isinstance(found, (list, tuple)) and [type(side) for side in found] == [int, int]:
        width, height = found
        if 0 < width < MOST_SIDE and 0 < height < MOST_SIDE:
            return width, height
    raise BadRequest(f"The part's '{name}' is {found!r}, not a width and a height.")
