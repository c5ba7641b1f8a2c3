"""A picture in memory: pixels as the plug-in and the picture files give them.

Pixels keep the depth they came in; nothing here converts or copies. The names of formats are
the protocol's, which are babl's.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from core import protocol
from core.errors import BadRequest, ImageUnsupported

CHANNEL_TYPES: dict[str, np.dtype[Any]] = {
    "u8": np.dtype(np.uint8),
    "u16": np.dtype(np.uint16),
    "float": np.dtype(np.float32),
}
"""Channel type of a protocol format -> NumPy's. Integers span their range, floats 0..1."""

_MODELS = {1: "Y'", 2: "Y'A", 3: "R'G'B'", 4: "R'G'B'A"}


@dataclass(frozen=True, eq=False)
class Image:
    """sRGB-encoded pixels with straight alpha.

    Attributes:
        pixels: (H, W, C), rows from the top; uint8, uint16 or float32. C = 1 is Y', 2 Y'A,
            3 R'G'B', 4 R'G'B'A. Integers span their whole range; floats are 0..1, and may lie
            outside it (HDR, wide gamut).
    """

    pixels: np.ndarray

    def __post_init__(self) -> None:
        known = self.pixels.dtype in CHANNEL_TYPES.values()
        if self.pixels.ndim != 3 or self.pixels.shape[2] not in _MODELS or not known:
            raise ImageUnsupported(
                f"Pixels of shape {self.pixels.shape} and type {self.pixels.dtype} are no picture."
            )
        if 0 in self.pixels.shape:
            raise ImageUnsupported("The picture is empty.")

    @classmethod
    def from_bytes(cls, picture: dict[str, Any], buffer: Any) -> "Image":
        """Look at a payload as pixels, without a copy.

        Args:
            picture: {width, height, format} of core.protocol.
            buffer: its payload, bytes-like; the image is writable where the buffer is.

        Raises:
            BadRequest: the buffer has another size, or the format is unknown.
        """
        try:
            channels, _ = protocol.split_format(picture["format"])
        except protocol.ProtocolError as error:
            raise BadRequest(f"The picture cannot be read: {error}.") from error
        dtype = CHANNEL_TYPES[picture["format"].partition(" ")[2]]
        if memoryview(buffer).nbytes != protocol.picture_size(picture):
            raise BadRequest("The picture's bytes are not as many as its size says.")
        shape = (picture["height"], picture["width"], channels)
        return cls(np.frombuffer(buffer, dtype).reshape(shape))

    @classmethod
    def empty(cls, width: int, height: int, channels: int, dtype: Any) -> "Image":
        """An image with room for its pixels, their values not yet set."""
        return cls(np.empty((height, width, channels), dtype))

    @property
    def width(self) -> int:
        return self.pixels.shape[1]

    @property
    def height(self) -> int:
        return self.pixels.shape[0]

    @property
    def channels(self) -> int:
        return self.pixels.shape[2]

    @property
    def is_grey(self) -> bool:
        return self.channels < 3

    @property
    def has_alpha(self) -> bool:
        return self.channels in (2, 4)

    @property
    def is_float(self) -> bool:
        return self.pixels.dtype == np.float32

    @property
    def full(self) -> float:
        """The channel value that stands for 1: 255, 65535 or 1.0."""
        return 1.0 if self.is_float else float(np.iinfo(self.pixels.dtype).max)

    @property
    def format(self) -> str:
        """The protocol's name, for instance "R'G'B'A u16"."""
        for name, dtype in CHANNEL_TYPES.items():
            if self.pixels.dtype == dtype:
                return f"{_MODELS[self.channels]} {name}"
        raise AssertionError(self.pixels.dtype)

    @property
    def picture(self) -> dict[str, Any]:
        """{width, height, format} for a message of core.protocol."""
        return {"width": self.width, "height": self.height, "format": self.format}

    @property
    def data(self) -> memoryview:
        """The pixels as bytes in the protocol's order; no copy where they lie in that order."""
        return np.ascontiguousarray(self.pixels).data.cast("B")

    def color_result(self, out: np.ndarray | None = None) -> "Image":
        """The image that a filter fills: R'G'B' or R'G'B'A of the same size and channel type.

        Args:
            out: writable (H, W, 3 or 4) array of that type to use instead of new memory.

        Raises:
            BadRequest: out has another shape or type.
        """
        shape = (self.height, self.width, 4 if self.has_alpha else 3)
        if out is None:
            return Image(np.empty(shape, self.pixels.dtype))
        if out.shape != shape or out.dtype != self.pixels.dtype or not out.flags.writeable:
            raise BadRequest(f"The result needs a writable {shape} array of {self.pixels.dtype}.")
        return Image(out)


MINIMUM_SIDE = 8


def check_usable(image: Image) -> None:
    """Refuse pictures that no filter can do something sensible with.

    Raises:
        ImageUnsupported: a side is below MINIMUM_SIDE, every pixel is transparent, or a float
            is NaN or infinite.
    """
    if min(image.width, image.height) < MINIMUM_SIDE:
        raise ImageUnsupported(
            f"The picture is {image.width}×{image.height} pixels, and "
            f"{MINIMUM_SIDE}×{MINIMUM_SIDE} are needed.",
            f"Choose a picture or layer with at least {MINIMUM_SIDE} pixels on each side.",
        )
    if image.has_alpha and not any(row.any() for row in image.pixels[..., -1]):
        raise ImageUnsupported(
            "Every pixel is fully transparent.", "Choose a layer on which something can be seen."
        )
    if image.is_float and not all(np.isfinite(row).all() for row in image.pixels):
        raise ImageUnsupported(
            "The picture has pixels that are no finite numbers (NaN or infinite).",
            "Convert it to integer precision and back, or clip its values, and try again.",
        )
