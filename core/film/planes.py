"""A film frame's planes: lightness out of its luma, colour into its chroma.

The luma plane of a film is never touched: it goes out bit by bit as it came in. Values are taken
as sRGB-encoded, as players show them on a screen; HDR (PQ, HLG) films are worked on in their
encoded values too, and keep their tags.

Conversion between R'G'B' and Y'CbCr: ITU-R BT.601-7, BT.709-6, BT.2020-2 (non-constant
luminance), with 219 steps of luma and 224 of chroma at 8 bits in limited range.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

import av
import cv2
import numpy as np

from core.color import spaces
from core.color.luminance import Merger
from core.film.hdr import Hdr
from core.image import Image
from core.raster.resample import linear_taps

Array = np.ndarray

cv2.setNumThreads(1)  # frames run side by side; and optical flow must not depend on the cores

_KR_KB = {"bt601": (0.299, 0.114), "bt709": (0.2126, 0.0722), "bt2020": (0.2627, 0.0593)}
_CHUNK_PIXELS = 1 << 15


@dataclass(frozen=True)
class Coding:
    """How a film's frames hold colour, as worked on and as written.

    Attributes:
        pix_fmt: planar Y'CbCr, for instance "yuv420p10le".
        width, height: in pixels, as written; even where chroma is halved.
        bits: of one value.
        matrix: "bt601", "bt709" or "bt2020".
        is_full: values span 0..2^bits - 1; else video range.
        tags: (colorspace, primaries, transfer, range) as numbers of ITU-T H.273 and libav.
        hdr: static metadata, to be written where the encoder can.
    """

    pix_fmt: str
    width: int
    height: int
    bits: int
    matrix: str
    is_full: bool
    tags: tuple[int, int, int, int]
    hdr: Hdr = Hdr()

    @property
    def dtype(self) -> type:
        return np.uint8 if self.bits == 8 else np.uint16

    @property
    def luma_range(self) -> tuple[float, float]:
        """Codes of black and white."""
        if self.is_full:
            return 0.0, float(2**self.bits - 1)
        scale = 2 ** (self.bits - 8)
        return 16.0 * scale, 235.0 * scale

    @property
    def chroma_steps(self) -> float:
        """Codes from -0.5 to 0.5."""
        return float(2**self.bits - 1) if self.is_full else 224.0 * 2 ** (self.bits - 8)


def plane(frame: av.VideoFrame, number: int) -> Array:
    """A writable view (h, w) of one plane, uint8 or uint16."""
    data: Any = frame.planes[number]
    deep = frame.format.components[0].bits > 8
    values = np.frombuffer(data, np.uint16 if deep else np.uint8)
    return values.reshape(-1, data.line_size // (2 if deep else 1))[: data.height, : data.width]


@cache
def _lightness_table(coding: Coding) -> Array:
    """CIE L*, float32, for every code of luma."""
    black, white = coding.luma_range
    codes = np.arange(2 ** (8 if coding.bits == 8 else 16), dtype=np.float64)
    encoded = np.clip((codes - black) / (white - black), 0, 1)
    luminance = spaces.srgb_to_linear(encoded)
    return spaces.luminance_to_lightness(luminance).astype(np.float32)


def small_lightness(luma: Array, coding: Coding, size: tuple[int, int]) -> Array:
    """CIE L* (h, w) of a luma plane, reduced by area to size (width, height)."""
    return cv2.resize(_lightness_table(coding)[luma], size, interpolation=cv2.INTER_AREA)


def encoded_luma(luma: Array, coding: Coding) -> Array:
    """Codes (h, w) -> the grey picture that they stand for: (h, w, 1), uint8 or uint16."""
    black, white = coding.luma_range
    scale = np.float32(1 / (white - black))
    encoded = np.clip((luma.astype(np.float32) - np.float32(black)) * scale, 0, 1)
    if coding.bits == 8:
        return np.rint(encoded * 255).astype(np.uint8)[..., None]
    return np.rint(encoded * 65535).astype(np.uint16)[..., None]


def chroma(luma: Array, coefficients: Array, coding: Coding, size: tuple[int, int]) -> Array:
    """Cb and Cr for a luma plane.

    Args:
        luma: (H, W), codes.
        coefficients: float32 (4, h, w) of core.color.luminance.fold, at any smaller size.
        coding: of the film.
        size: (width, height) of the chroma planes.

    Returns:
        float32 (2, height, width), -0.5..0.5. The colour is fitted into R'G'B' at the luminance
        that the luma stands for; luma itself is left alone.
    """
    width, height = size
    grey = encoded_luma(cv2.resize(luma, size, interpolation=cv2.INTER_AREA), coding)
    image = Image(grey)
    wide = linear_taps(width, coefficients.shape[2]).columns(coefficients)
    rows = max(1, _CHUNK_PIXELS // width)
    merger = Merger(image, rows, 1.0)
    colors = np.empty((rows, width, 3), grey.dtype)
    result = np.empty((2, height, width), np.float32)
    for top in range(0, height, rows):
        end = min(top + rows, height)
        used, weights = linear_taps(height, coefficients.shape[1], top, end).matrix()
        part = colors[: end - top]
        merger.merge(grey[top:end], wide[:, used], weights, part)
        result[:, top:end] = differences(part, coding)
    return result


def differences(colors: Array, coding: Coding) -> Array:
    """R'G'B' (h, w, 3), integers -> Cb, Cr float32 (2, h, w), -0.5..0.5."""
    kr, kb = _KR_KB[coding.matrix]
    full = np.float32(np.iinfo(colors.dtype).max)
    kg = 1 - kr - kb
    weights = np.array([[-kr, -kg, 1 - kb], [1 - kr, -kg, -kb]], np.float32)
    weights /= np.array([[1 - kb], [1 - kr]], np.float32) * (2 * full)
    return cv2.transform(colors.astype(np.float32), weights).transpose(2, 0, 1)


def chroma_codes(values: Array, coding: Coding) -> Array:
    """Cb or Cr -0.5..0.5 -> codes."""
    middle, steps = 2 ** (coding.bits - 1), np.float32(coding.chroma_steps)
    codes = np.rint(values * steps + np.float32(middle))
    return np.clip(codes, 0, 2**coding.bits - 1).astype(coding.dtype)


def chroma_values(codes: Array, coding: Coding) -> Array:
    """The inverse of chroma_codes, float32."""
    return (codes.astype(np.float32) - 2 ** (coding.bits - 1)) * np.float32(1 / coding.chroma_steps)
